//! Numbers as models write them: `"5"`, `5.0`, `"1_000"`.

use serde_json::{Number, Value};

use super::words::tidy;

/// Largest whole number up to which every float is exactly the number that it is written as.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a value is no whole number that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoNumber {
    /// It is another kind of value, or has a fraction.
    OtherType,
    /// It is a whole number, and no field takes such.
    OutOfRange,
}

/// The whole number, from 0 on, that a value means.
pub(super) fn whole(value: &Value) -> Result<u64, NoNumber> {
    match value {
        Value::Number(number) => of_number(number),
        Value::String(text) => of_text(text),
        _ => Err(NoNumber::OtherType),
    }
}

/// The number, of any kind, that a value means.
pub(super) fn real(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let digits = tidy(text.trim()).replace('_', "");
            let number: f64 = digits.parse().ok()?;
            // Rust reads "inf" and "nan" as numbers too; they are none in JSON.
            match whole(value) {
                Ok(whole) => Some(whole.into()),
                Err(_) => Number::from_f64(number),
            }
        }
        _ => None,
    }
}

/// A time with a fraction, rounded up, so that a short one does not become none.
pub(super) fn rounded_up(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => tidy(text.trim()).parse().ok(),
        _ => None,
    };
    number
        .filter(|number| number.fract() > 0.0)
        .and_then(|number| of_float(number.ceil()).ok())
}

fn of_number(number: &Number) -> Result<u64, NoNumber> {
    if let Some(number) = number.as_u64() {
        return Ok(number);
    }
    if number.is_i64() {
        return Err(NoNumber::OutOfRange);
    }
    number.as_f64().map_or(Err(NoNumber::OtherType), of_float)
}

fn of_float(number: f64) -> Result<u64, NoNumber> {
    if number.fract() != 0.0 || !number.is_finite() {
        return Err(NoNumber::OtherType);
    }
    if !(0.0..=MAX_EXACT).contains(&number) {
        return Err(NoNumber::OutOfRange);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to 2^53"
    )]
    Ok(number as u64)
}

fn of_text(text: &str) -> Result<u64, NoNumber> {
    let text = tidy(text.trim());
    if !is_grouped(text) {
        return Err(NoNumber::OtherType);
    }
    let digits = text.replace('_', "");
    if let Ok(number) = digits.parse::<u64>() {
        return Ok(number);
    }
    if digits.parse::<i128>().is_ok() {
        return Err(NoNumber::OutOfRange);
    }
    // Rust reads "inf" and "nan" as numbers too.
    let is_written_in_digits = digits.bytes().any(|byte| byte.is_ascii_digit());
    match digits.parse::<f64>() {
        Ok(number) if is_written_in_digits => of_float(number),
        _ => Err(NoNumber::OtherType),
    }
}

/// Whether underscores stand between groups of three digits only. Elsewhere they are slips.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.split('_');
    groups.next().is_some_and(|first| !first.is_empty())
        && groups.all(|group| group.len() == 3 && group.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_taken_however_they_are_written() {
        for value in [
            json!(5),
            json!(5.0),
            json!("5"),
            json!(" 5\n"),
            json!("5.0"),
            json!("+5"),
            json!("\"5\""),
            json!("5e0"),
        ] {
            assert_eq!(whole(&value), Ok(5), "{value}");
        }
        assert_eq!(whole(&json!("1_000_000")), Ok(1_000_000));
        assert_eq!(whole(&json!(u64::MAX)), Ok(u64::MAX));
        assert_eq!(whole(&json!(u64::MAX.to_string())), Ok(u64::MAX));
    }

    #[test]
    fn other_numbers_are_taken_too() {
        for (value, expected) in [
            (json!(0.5), json!(0.5)),
            (json!("0.5"), json!(0.5)),
            (json!(" -5\n"), json!(-5.0)),
            (json!("\"1020\""), json!(1020)),
            (json!(-5), json!(-5)),
            (json!("5.0"), json!(5)),
        ] {
            assert_eq!(real(&value).map(Value::Number), Some(expected), "{value}");
        }
        for value in [
            json!("five"),
            json!("nan"),
            json!("inf"),
            json!(""),
            json!(true),
            json!([5]),
            json!("1e999"),
        ] {
            assert_eq!(real(&value), None, "{value}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for value in [
            json!(-1),
            json!("-1"),
            json!(-2.0),
            json!(1e300),
            json!("1e300"),
            json!("9".repeat(30)),
        ] {
            assert_eq!(whole(&value), Err(NoNumber::OutOfRange), "{value}");
        }
        for value in [
            json!(0.5),
            json!("0.5"),
            json!("five"),
            json!(""),
            json!("nan"),
            json!("inf"),
            json!("5 frames"),
            json!("1_0"),
            json!("_5"),
            json!("1__000"),
            json!("0x2"),
            json!(true),
            json!([5]),
            json!(null),
        ] {
            assert_eq!(whole(&value), Err(NoNumber::OtherType), "{value}");
        }
    }
}
