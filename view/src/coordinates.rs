//! Numbers and places in texts, with as many digits as tell what is meant.

use std::fmt::{self, Display};

/// Digits by which the two ends of an axis differ in a text, at least.
const DIGITS: i32 = 3;
/// The last decimal place that is shown of numbers that are neither huge nor tiny, as a power of ten.
const USUAL_PLACE: i32 = -3;
/// Numbers from here on are not written with decimal places that nothing asks for.
const LARGE: f64 = 1e6;
/// Numbers are written out whole if they are smaller than this, and if their last place is not below this power of ten.
const LONGEST: f64 = 1e15;
const LAST_PLACE: i32 = -9;
/// Digits behind the first one that tell any double from its neighbours.
const ALL_DIGITS: i32 = 16;

/// A number with few digits, to be read at a glance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short(pub(crate) f64);

impl Short {
    pub(crate) fn single(number: f32) -> Self {
        Self(number.into())
    }
}

impl Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = *self;
        if number == 0.0 || (1e-3..LARGE).contains(&number.abs()) {
            f.write_str(&without_zeros(format!("{number:.3}")))
        } else {
            write!(f, "{number:.2e}")
        }
    }
}

/// The coordinates of a place, with all of their digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(pub(crate) [f64; 3]);

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.0.map(shortest);
        write!(f, "({x}, {y}, {z})")
    }
}

/// From which place to which a box reaches: `(0, 0, 0) to (1, 1, 1)`. Numbers of an axis that differ are told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reach {
    pub(crate) low: [f64; 3],
    pub(crate) high: [f64; 3],
}

impl Reach {
    /// The box around one place.
    pub(crate) fn at(place: [f64; 3]) -> Self {
        Self {
            low: place,
            high: place,
        }
    }

    /// How long the box is along each axis.
    pub(crate) fn size(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.high[axis] - self.low[axis])
    }

    /// How far the corners of the box are from each other.
    pub(crate) fn diagonal(&self) -> f64 {
        let [x, y, z] = self.size();
        x.hypot(y).hypot(z)
    }

    /// The box around this one and another.
    pub(crate) fn with(&self, other: &Self) -> Self {
        Self {
            low: [0, 1, 2].map(|axis| self.low[axis].min(other.low[axis])),
            high: [0, 1, 2].map(|axis| self.high[axis].max(other.high[axis])),
        }
    }
}

impl Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |axis: usize| self.high[axis] - self.low[axis];
        let longest = (0..3).map(length).fold(0.0, f64::max);
        let [x, y, z] = [0, 1, 2].map(|axis| {
            let (low, high, length) = (self.low[axis], self.high[axis], length(axis));
            ends(low, high, if length > 0.0 { length } else { longest })
        });
        write!(f, "({}, {}, {}) to ({}, {}, {})", x[0], y[0], z[0], x[1], y[1], z[1])
    }
}

/// The least and the greatest of some numbers, with as many digits as tell them apart.
pub(crate) fn range(low: f64, high: f64) -> [String; 2] {
    ends(low, high, high - low)
}

/// The two ends of an axis, rounded to a place that is small beside `length`.
fn ends(low: f64, high: f64, length: f64) -> [String; 2] {
    if length <= 0.0 || !length.is_finite() {
        return [low, high].map(shortest);
    }
    let place = power_of_ten(length) - DIGITS;
    let texts = [low, high].map(|number| rounded(number, place));
    let are_told_apart = low >= high || texts[0] != texts[1];
    if are_told_apart {
        texts
    } else {
        [low, high].map(shortest)
    }
}

/// A number rounded to a decimal place, given as a power of ten.
fn rounded(number: f64, place: i32) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let size = number.abs();
    let place = if size < LARGE { place.min(USUAL_PLACE) } else { place };
    if size < LONGEST && (LAST_PLACE..DIGITS).contains(&place) {
        let decimals = usize::try_from(-place).unwrap_or(0);
        return match without_zeros(format!("{number:.decimals$}")).as_str() {
            "-0" => "0".to_owned(),
            text => text.to_owned(),
        };
    }
    let digits = usize::try_from((power_of_ten(size) - place).clamp(0, ALL_DIGITS)).unwrap_or(0);
    let text = format!("{number:.digits$e}");
    match text.split_once('e') {
        Some((digits, power)) => format!("{}e{power}", without_zeros(digits.to_owned())),
        None => text,
    }
}

/// The fewest digits that mean this number and no other, of single precision if it is one of its numbers.
fn shortest(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "only kept where nothing is lost")]
    let single = number as f32;
    let is_plain = (1e-4..LONGEST).contains(&number.abs());
    match (is_plain, f64::from(single).to_bits() == number.to_bits()) {
        (true, true) => format!("{single}"),
        (true, false) => format!("{number}"),
        (false, true) => format!("{single:e}"),
        (false, false) => format!("{number:e}"),
    }
}

/// The power of ten of a number's first digit.
#[expect(clippy::cast_possible_truncation, reason = "between -324 and 308")]
fn power_of_ten(number: f64) -> i32 {
    number.log10().floor() as i32
}

/// Without zeros at the end of the decimal places.
fn without_zeros(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reach(low: [f64; 3], high: [f64; 3]) -> String {
        Reach { low, high }.to_string()
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 1.0, 0.25, 12.345_6, 1e10, -0.000_01].map(|number| Short(number).to_string());
        assert_eq!(shown, ["0", "1", "0.25", "12.346", "1.00e10", "-1.00e-5"]);
    }

    #[test]
    fn places_keep_their_digits() {
        assert_eq!(Place([1.0, 0.5, 1e-4]).to_string(), "(1, 0.5, 0.0001)");
        assert_eq!(Place([f64::from(0.1_f32), 0.1, 1e60]).to_string(), "(0.1, 0.1, 1e60)");
        assert_eq!(Place([4_649_776.223, -0.0, 1e-9]).to_string(), "(4649776.223, 0, 1e-9)");
    }

    #[test]
    fn both_ends_of_an_axis_are_told_apart() {
        assert_eq!(reach([0.0; 3], [1.0, 0.0, 2.0]), "(0, 0, 0) to (1, 0, 2)");
        assert_eq!(
            reach([1e8, 500_000.25, -1e-7], [1e8 + 1.0, 500_001.5, 1e-7]),
            "(100000000, 500000.25, -1e-7) to (100000001, 500001.5, 1e-7)"
        );
        assert_eq!(
            reach([1e60, 0.0, 0.0], [2e60, 1.0, 0.0]),
            "(1e60, 0, 0) to (2e60, 1, 0)"
        );
        assert_eq!(
            reach([-1.5e10, 0.0, 0.0], [1.5e10, 0.0, 0.0]),
            "(-1.5e10, 0, 0) to (1.5e10, 0, 0)"
        );
    }

    proptest! {
        #![proptest_config(crate::properties::config(500))]
        #[test]
        fn what_differs_differs_in_the_text(at in prop::num::f64::NORMAL, steps in 1_u64..1 << 52) {
            let other = f64::from_bits(at.to_bits() ^ steps);
            prop_assume!(other.is_finite());
            let (low, high) = (at.min(other), at.max(other));
            let [from, to] = ends(low, high, high - low);
            prop_assert_ne!(&from, &to);
            // What is shown is near to what is meant.
            for (text, number) in [(from, low), (to, high)] {
                let shown: f64 = text.parse().expect("a number");
                let off = (shown - number).abs();
                prop_assert!(off <= (high - low) * 1e-2 || off <= number.abs() * 1e-15, "{text} {number} {low} {high}");
            }
        }
    }
}
