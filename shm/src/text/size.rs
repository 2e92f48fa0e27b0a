//! Sizes as people write them: `512M`, `10G`.

/// What a letter multiplies by, in order: each by 1024 times the one before, or by 1000 times in `KB`, `MB` and so on.
const UNITS: &str = "KMGTP";
/// Most digits behind the point. More cannot matter: the largest unit has 16.
const MOST_DECIMALS: usize = 16;

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no size: give bytes, or a number with a unit, such as 512M or 10G")]
pub struct NotASize {
    /// The text.
    pub text: String,
}

/// The bytes that a text says: a number, or one with a unit in upper or lower case. `K`, `M`, `G`, `T` and `P`, as `KiB` and so
/// on, are powers of 1024; `KB` and so on are powers of 1000. With a unit the number may have a point.
///
/// ```
/// use dcc_mcp_shm::parse_size;
///
/// assert_eq!(parse_size("10G"), Ok(10 << 30));
/// assert_eq!(parse_size("1.5 KiB"), Ok(1536));
/// assert_eq!(parse_size("8GB"), Ok(8_000_000_000));
/// assert!(parse_size("much").is_err());
/// ```
///
/// # Errors
/// It is none, or more than 64 bits can say.
pub fn parse_size(text: &str) -> Result<u64, NotASize> {
    read(text.trim()).ok_or_else(|| NotASize { text: text.to_owned() })
}

fn read(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = bytes_of(unit.trim_start())?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let has_point = number.contains('.');
    if whole.is_empty() || decimals.is_empty() || decimals.len() > MOST_DECIMALS || has_point && unit == 1 {
        return None;
    }
    let places = u32::try_from(decimals.len()).ok()?;
    // A second point is no digit. What a point says of less than a byte is left out.
    let part = decimals.parse::<u64>().ok()?;
    let part = u128::from(part) * u128::from(unit) / 10_u128.pow(places);
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    whole.checked_add(u64::try_from(part).ok()?)
}

/// How many bytes a unit is; none is one byte.
fn bytes_of(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_uppercase();
    let mut rest = unit.chars();
    let base = match rest.next() {
        None => return Some(1),
        Some(letter) => match UNITS.find(letter) {
            Some(place) => u32::try_from(place).ok()? + 1,
            None => return (unit == "B").then_some(1),
        },
    };
    match rest.as_str() {
        "" | "IB" => Some(1024_u64.pow(base)),
        "B" => Some(1000_u64.pow(base)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("007", 7),
            ("42B", 42),
            ("1k", 1024),
            (" 512M ", 512 << 20),
            ("512 mib", 512 << 20),
            ("1.5G", 3 << 29),
            ("0.1K", 102),
            ("1MB", 1_000_000),
            ("2.5tb", 2_500_000_000_000),
            ("1.9999999999999999P", (2 << 50) - 1),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_by_name() {
        for text in [
            "",
            " ",
            "G",
            ".5G",
            "5.G",
            "1.5",
            "1.5B",
            "1.2.3G",
            "-1",
            "+1",
            "1e9",
            "0x10",
            "1_000",
            "1,5G",
            "10 X",
            "10GG",
            "10iB",
            "10 G B",
            "1 0",
            "٣G",
            "16384P",
            "18446744073709551616",
            "18014398509481984K",
            "1.00000000000000000G",
            "K1",
        ] {
            let error = parse_size(text).expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")) && error.contains("10G"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(crate::properties::config(256))]

        #[test]
        fn every_number_of_every_unit_is_itself(number in 0_u64..1 << 13, power in 1_u32..=5, lower: bool, blank: bool, spelling in 0_usize..3) {
            let (suffix, base) = [("", 1024_u64), ("iB", 1024), ("B", 1000)][spelling];
            let letter = &UNITS[power as usize - 1..power as usize];
            let blank = if blank { " " } else { "" };
            let text = format!("{number}{blank}{letter}{suffix}");
            let text = if lower { text.to_lowercase() } else { text };
            prop_assert_eq!(parse_size(&text), Ok(number * base.pow(power)));
        }

        #[test]
        fn no_text_is_a_panic(text in ".*", digits in "[0-9.]{0,40}[a-zA-Z ]{0,4}") {
            let _ = (parse_size(&text), parse_size(&digits));
        }
    }
}
