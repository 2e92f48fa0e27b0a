//! A length of time as people write it: `90s`, `2h`, `7d`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// The time that a text says; a number alone is of seconds.
///
/// # Errors
/// It is no length of time, is negative, or has months or years, which differ in length. The message says what would be right.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: Option<Span> = text.parse().ok();
    let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    length
        .and_then(|length| length.try_into().ok())
        .ok_or_else(|| "give a time such as 90s, 45m, 2h or 7d; 0 is until it is deleted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (text, seconds) in [
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("45m", 2700),
            ("2h", 7200),
            ("2 hours", 7200),
            ("1h 30m", 5400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("PT2H", 7200),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1500ms"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "h",
            "-1",
            "-2h",
            "2 months",
            "1y",
            "for ever",
            "1e9",
            "٣h",
            "99999999999999999999",
        ] {
            assert!(parse(text).is_err_and(|problem| problem.contains("2h")), "{text}");
        }
    }
}
