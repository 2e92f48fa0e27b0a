//! Words and numbers of the text that tools return.

use std::fmt::{self, Display, Write as _};

/// Longest piece of foreign text that is shown, in bytes as they are shown; the structured content has all of it.
const SHOWN_BYTES: usize = 60;

/// A number of bytes for people and models: `1.5 MiB (1572864 bytes)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let Self(bytes) = *self;
        match UNITS.iter().find(|(shift, _)| bytes >> shift > 0) {
            None if bytes == 1 => f.write_str("1 byte"),
            None => write!(f, "{bytes} bytes"),
            Some((shift, unit)) => {
                let whole = bytes >> shift;
                let tenth = (u128::from(bytes - (whole << shift)) * 10) >> shift;
                write!(f, "{whole}.{tenth} {unit} ({bytes} bytes)")
            }
        }
    }
}

/// Text that comes from a scene file: quoted, on one line, and no longer than a glance.
///
/// A model reads this, so a name must not be able to look like the server's own words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.chars().map(|c| match c {
            '\'' => c.to_string(),
            c => c.escape_debug().to_string(),
        });
        let (shown, whole) = cut(escaped, SHOWN_BYTES);
        write!(f, "\"{shown}\"{}", if whole { "" } else { "…" })
    }
}

/// The words of an error, which may quote what a file or a caller said: on one line, and not too long.
pub(crate) fn bounded(text: &str, bytes: usize) -> String {
    let escaped = text.chars().map(|c| match c {
        '\'' | '"' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    });
    let (mut shown, whole) = cut(escaped, bytes);
    if !whole {
        shown.push('…');
    }
    shown
}

/// As many pieces as fit, and whether that is all of them.
fn cut(pieces: impl Iterator<Item = String>, bytes: usize) -> (String, bool) {
    let mut text = String::new();
    for piece in pieces {
        if text.len() + piece.len() > bytes {
            return (text, false);
        }
        text.push_str(&piece);
    }
    (text, true)
}

/// Error messages start in lower case so that they can be chained; here one becomes a sentence.
pub(crate) fn capitalised(message: &str) -> String {
    let mut characters = message.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Bytes as text, if they are UTF-8 for people to read. Where more follows, a character may be cut off at the end.
pub(crate) fn readable(bytes: &[u8], complete: bool) -> Option<&str> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if !complete && error.error_len().is_none() => str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_layout = |c| matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    (!text.contains(|c: char| c.is_control() && !is_layout(c))).then_some(text)
}

/// `1 buffer`, `2 buffers`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `, name "cube", from "Blender"`: labelled texts, those that there are.
pub(crate) fn labelled<'a>(texts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut line = String::new();
    for (label, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            // Writing to a String cannot fail.
            let _ = write!(line, ", {label} {}", Quoted(text));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_and_exact_behind() {
        let shown: Vec<_> = [0, 1, 1023, 1536, (1 << 20) - 1, u64::MAX]
            .map(|n| Bytes(n).to_string())
            .into();
        assert_eq!(
            shown,
            [
                "0 bytes",
                "1 byte",
                "1023 bytes",
                "1.5 KiB (1536 bytes)",
                "1023.9 KiB (1048575 bytes)",
                "16777215.9 TiB (18446744073709551615 bytes)"
            ]
        );
    }

    #[test]
    fn foreign_text_stays_on_one_line_between_its_quotes() {
        assert_eq!(Quoted("it's a \"cube\"").to_string(), r#""it's a \"cube\"""#);
        assert_eq!(
            Quoted("a\n\u{1b}[31m\u{202e}b").to_string(),
            r#""a\n\u{1b}[31m\u{202e}b""#
        );
        let long = Quoted(&"\u{202e}".repeat(200)).to_string();
        assert!(
            long.len() <= SHOWN_BYTES + "\"\"…".len() && long.ends_with("\"…"),
            "{long}"
        );
    }

    #[test]
    fn errors_are_cut_between_characters() {
        assert_eq!(bounded("é\né", 100), "é\\né");
        assert_eq!(bounded("ééé", 5), "éé…");
    }
}
