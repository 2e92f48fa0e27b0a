//! One number of an array, and how JSON carries it without loss.

use serde_json::Value;

/// JavaScript, and with it many clients, reads every whole number up to this one exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A number as it lies in an array, in a type that holds it exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Bool(bool),
    Integer(i128),
    /// Half precision.
    Half(f32),
    Single(f32),
    Double(f64),
}

impl Number {
    /// A JSON number with just enough digits to tell it from its neighbours, or a text where JSON has no such number:
    /// `NaN`, `Infinity`, `-Infinity`, and integers that JavaScript would round.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::Bool(value) => value.into(),
            Self::Integer(value) => match i64::try_from(value) {
                Ok(value) if value.unsigned_abs() <= MAX_SAFE_INTEGER => value.into(),
                _ => value.to_string().into(),
            },
            // By way of text, because 0.1 of single precision is 0.10000000149011612 of double precision. Half precision has as
            // many digits, because fewer of them would be another number to whoever compares or adds them.
            Self::Half(value) | Self::Single(value) => float(value.to_string().parse().unwrap_or(f64::from(value))),
            Self::Double(value) => float(value),
        }
    }

    /// The number as a double, rounded if it is a large integer.
    #[expect(clippy::cast_precision_loss, reason = "said so")]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Bool(value) => u8::from(value).into(),
            Self::Integer(value) => value as f64,
            Self::Half(value) | Self::Single(value) => value.into(),
            Self::Double(value) => value,
        }
    }
}

fn float(value: f64) -> Value {
    let text = match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => return value.into(),
    };
    text.into()
}

/// Coordinates for JSON, with no more digits than single precision has if they were of it.
pub(crate) fn json_numbers(place: [f64; 3], is_single: bool) -> [f64; 3] {
    #[expect(clippy::cast_possible_truncation, reason = "they were single before")]
    let single = |value: f64| Number::Single(value as f32).to_json().as_f64();
    place.map(|value| single(value).filter(|_| is_single).unwrap_or(value))
}

/// Rounds a mean to twelve digits, because more of them would be rounding errors.
pub(crate) fn rounded(mean: f64) -> f64 {
    format!("{mean:.11e}").parse().unwrap_or(mean)
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_no_more() {
        let cases = [
            (Number::Single(0.1), "0.1"),
            (Number::Single(f32::MAX), "3.4028235e+38"),
            (Number::Half(f16::from_f32(0.1).to_f32()), "0.099975586"),
            (Number::Half(65504.0), "65504.0"),
            (Number::Double(0.1), "0.1"),
            (Number::Double(-0.0), "-0.0"),
            (Number::Bool(true), "true"),
            (Number::Integer(-9_007_199_254_740_991), "-9007199254740991"),
            (Number::Integer(9_007_199_254_740_992), "\"9007199254740992\""),
            (Number::Integer(u64::MAX.into()), "\"18446744073709551615\""),
            (Number::Double(f64::NAN), "\"NaN\""),
            (Number::Single(f32::INFINITY), "\"Infinity\""),
            (Number::Half(f32::NEG_INFINITY), "\"-Infinity\""),
        ];
        for (number, json) in cases {
            assert_eq!(number.to_json().to_string(), json, "{number:?}");
        }
    }

    #[test]
    fn every_half_comes_back() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if half.is_finite() {
                let told = Number::Half(half.to_f32()).to_json().as_f64().expect("a number");
                #[expect(clippy::cast_possible_truncation, reason = "to the nearest")]
                let single = told as f32;
                assert_eq!(single.to_bits(), half.to_f32().to_bits(), "{told}");
            }
        }
    }
}
