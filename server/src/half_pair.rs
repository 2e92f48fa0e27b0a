//! Halves of surrogate pairs in JSON. `"\ud83d"` is JSON, but no text, so serde_json reads nothing of such a line.

use dcc_mcp_shm_view::memory;

/// A line with U+FFFD in place of each half of a surrogate pair that stands alone; `None` if there is none, or no memory for a copy.
pub(crate) fn replaced(line: &[u8]) -> Option<Vec<u8>> {
    let mut whole: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < line.len() {
        if line[at] != b'\\' {
            at += 1;
            continue;
        }
        at += match escape(line, at) {
            Some(0xd800..=0xdbff) if matches!(escape(line, at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                if whole.is_none() {
                    let mut copy = memory::with_room(line.len()).ok()?;
                    copy.extend_from_slice(line);
                    whole = Some(copy);
                }
                if let Some(copy) = &mut whole {
                    copy[at + 2..at + 6].copy_from_slice(b"fffd");
                }
                6
            }
            Some(_) => 6,
            // An escape of one character.
            None => 2,
        };
    }
    whole
}

/// The number in an escape such as `\ud83d`, if one is there.
fn escape(line: &[u8], at: usize) -> Option<u16> {
    let digits = line.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        for (line, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\u00e9\n""#, None),
            (r#""\ud83"#, None),
        ] {
            let replaced = replaced(line.as_bytes()).map(|line| String::from_utf8(line).expect("UTF-8"));
            assert_eq!(replaced.as_deref(), expected, "{line}");
        }
    }
}
