//! Words and numbers of the texts that looks and tools return.

use std::fmt::{self, Display, Write as _};

use dcc_mcp_shm::{Attrs, is_hidden, push_escaped, visible};
use serde_json::Value;

/// Longest piece of foreign text that is shown, in bytes after escaping. The structured content has all of the text.
const SHOWN_BYTES: usize = 60;

/// Longest name or number of an attribute that is shown, in bytes.
const VALUE_BYTES: usize = 40;
/// Of a value that is no text: a number fits, and of a matrix its beginning says enough.
const LIST_BYTES: usize = 16;

/// A number of bytes for people and models: `1.5 MiB (1572864 bytes)`, or with `{:#}` only `1.5 MiB`.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u64);

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
                write!(f, "{whole}.{tenth} {unit}")?;
                if f.alternate() {
                    return Ok(());
                }
                write!(f, " ({bytes} bytes)")
            }
        }
    }
}

/// Text that comes from a scene file: quoted, on one line, and no longer than a glance.
///
/// A model reads this, so a name must not be able to look like the server's own words.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A character that could be taken for the end of the quotation or the start of an escape is escaped.
        let mut text = self.0.replace("\\u{", "\\u{5c}u{").replace('"', "\\u{22}");
        if text.ends_with('\\') {
            text.truncate(text.len() - 1);
            text.push_str("\\u{5c}");
        }
        let (shown, whole) = escaped(&text, SHOWN_BYTES);
        write!(f, "\"{shown}\"{}", if whole { "" } else { "…" })
    }
}

/// The words of an error, which may quote a file or a caller, on one line and cut off after `bytes`.
pub fn bounded(text: &str, bytes: usize) -> String {
    let (mut shown, whole) = escaped(text, bytes);
    if !whole {
        shown.push('…');
    }
    shown
}

/// As much of a text as fits into `bytes`, with unseen characters escaped, and whether that is all of the text.
fn escaped(text: &str, bytes: usize) -> (String, bool) {
    let mut shown = String::with_capacity(text.len().min(bytes));
    for (at, c) in text.char_indices() {
        let before = shown.len();
        // A combining mark at the beginning would be drawn upon the character before the text.
        if at == 0 && !c.is_ascii() {
            shown.push_str(&visible(c.encode_utf8(&mut [0; 4])));
        } else {
            push_visible(&mut shown, c);
        }
        if shown.len() > bytes {
            shown.truncate(before);
            return (shown, false);
        }
    }
    (shown, true)
}

/// Appends a character as it is shown on a line.
fn push_visible(line: &mut String, c: char) {
    match c {
        '\n' => line.push_str("\\n"),
        '\t' => line.push_str("\\t"),
        '\r' => line.push_str("\\r"),
        c if is_hidden(c) => push_escaped(line, c),
        c => line.push(c),
    }
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

/// Bytes as text, or else how many of them are text. A character may be cut off at the end unless `complete`.
pub(crate) fn utf8(bytes: &[u8], complete: bool) -> Result<&str, usize> {
    str::from_utf8(bytes).or_else(|error| {
        let valid = error.valid_up_to();
        let is_cut = !complete && error.error_len().is_none();
        str::from_utf8(&bytes[..valid]).ok().filter(|_| is_cut).ok_or(valid)
    })
}

/// Bytes as text, if people can read it because it has no control characters except those of layout.
pub(crate) fn readable(bytes: &[u8], complete: bool) -> Option<&str> {
    let is_layout = |c| matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    let text = utf8(bytes, complete).ok()?;
    (!text.contains(|c: char| c.is_control() && !is_layout(c))).then_some(text)
}

/// The start of a text that takes at most `limit` bytes, also as JSON and in [`fenced`].
pub(crate) fn fitting(text: &str, limit: usize) -> &str {
    let mut room = limit;
    let end = text.char_indices().find(|&(_, c)| {
        let escaped = match c {
            '"' | '\\' | '\n' | '\t' | '\r' => 2,
            // The escape's own backslash takes two bytes in JSON.
            c if is_hidden(c) => 1 + c.escape_unicode().len(),
            c => c.len_utf8(),
        };
        let left = room.checked_sub(escaped);
        room = left.unwrap_or_default();
        left.is_none()
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// Foreign text in a block that nothing in the text can end, with unseen characters escaped.
pub(crate) fn fenced(content: &str) -> String {
    let runs = content.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default().max(2) + 1);
    let mut block = format!("{fence}\n");
    for c in content.chars() {
        match c {
            '\n' | '\t' => block.push(c),
            c => push_visible(&mut block, c),
        }
    }
    block + "\n" + &fence
}

/// Foreign text on one line between backticks, of which it has none as many together. Its quotes stay as they are.
pub(crate) fn inline(content: &str) -> String {
    let runs = content.split(|c| c != '`').map(str::len);
    let ticks = "`".repeat(runs.max().unwrap_or_default() + 1);
    let mut line = ticks.clone();
    // A backtick at an end would be taken for one of those around the text.
    let pad = if content.starts_with('`') || content.ends_with('`') {
        " "
    } else {
        ""
    };
    line.push_str(pad);
    for c in content.replace("\\u{", "\\u{5c}u{").chars() {
        push_visible(&mut line, c);
    }
    line + pad + &ticks
}

/// `1 buffer`, `2 buffers`.
pub fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `, name "cube", from "Blender"`: texts with their labels, without those that are missing or empty.
pub fn labelled<'a>(texts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut line = String::new();
    for (label, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            // Writing to a String cannot fail.
            let _ = write!(line, ", {label} {}", Quoted(text));
        }
    }
    line
}

/// The letters and digits of a name, in lower case, by which names are compared however they are spelled: `maxEdge` is `max_edge`.
pub fn letters(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// As many attributes as fit into a line of `bytes` bytes: `upAxis "Z", metersPerUnit 1`.
pub fn attributes(attrs: &Attrs, bytes: usize) -> String {
    let mut line = String::new();
    for (name, value) in attrs {
        let value = match value {
            Value::String(text) => Quoted(text).to_string(),
            other => bounded(&other.to_string(), LIST_BYTES),
        };
        let attribute = format!("{} {value}", bounded(name, VALUE_BYTES));
        if line.len() + attribute.len() > bytes {
            line.push_str(if line.is_empty() { "…" } else { ", …" });
            break;
        }
        line.push_str(if line.is_empty() { "" } else { ", " });
        line.push_str(&attribute);
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
        assert_eq!(Quoted("it's a \"cube\"").to_string(), r#""it's a \u{22}cube\u{22}""#);
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
    fn a_quotation_means_one_text_and_what_people_write_stays() {
        for text in ["e\u{301} नमस्ते 日本語 👩🏽", r"C:\scenes\hero"] {
            assert_eq!(Quoted(text).to_string(), format!("\"{text}\""));
        }
        for text in ["\u{301}a", r"a\u{200b}", "a\u{200b}", "\"", "a\\", "\u{fe0f}\u{3164}"] {
            let shown = Quoted(text).to_string();
            let inner = shown.trim_matches('"');
            assert_eq!(dcc_mcp_shm::unescaped(inner).as_deref(), Some(text), "{shown}");
        }
    }

    #[test]
    fn blocks_are_not_ended_by_what_is_in_them() {
        assert_eq!(fenced("it's \"a\"\n\tb\\"), "```\nit's \"a\"\n\tb\\\n```");
        assert_eq!(fenced("a\n```\n````\nb"), "`````\na\n```\n````\nb\n`````");
        assert_eq!(fenced("\u{1b}[31m\u{202e}\r"), "```\n\\u{1b}[31m\\u{202e}\\r\n```");
    }

    #[test]
    fn a_line_of_text_keeps_its_quotes_and_is_not_ended_by_what_is_in_it() {
        assert_eq!(inline("{\"a\": [1,\n2]}"), "`{\"a\": [1,\\n2]}`");
        assert_eq!(inline("a `b` \u{202e}"), r"``a `b` \u{202e}``");
        assert_eq!(inline("``"), "``` `` ```");
        assert_eq!(inline(r"\u{202e}"), r"`\u{5c}u{202e}`");
    }

    #[test]
    fn text_is_fitted_as_it_is_shown() {
        let hostile = "\0\u{7f}\u{202e}\"\\`é\n頭".repeat(1000);
        for limit in [0, 1, 7, 100, 5000] {
            let fit = fitting(&hostile, limit);
            let json = serde_json::to_string(fit).expect("JSON");
            assert!(json.len() <= limit + 2 && fenced(fit).len() <= limit + 10, "{limit}");
        }
        assert_eq!(fitting("plain", 5), "plain");
    }

    #[test]
    fn characters_may_be_cut_only_where_more_follows() {
        let bytes = "aé".as_bytes();
        assert_eq!(utf8(&bytes[..2], false), Ok("a"));
        assert_eq!(utf8(&bytes[..2], true), Err(1));
        assert_eq!(utf8(b"a\xffb", false), Err(1));
        assert_eq!(readable(b"a\tb\n", true), Some("a\tb\n"));
        assert_eq!(readable(b"a\0b", true), None);
    }

    #[test]
    fn errors_are_cut_between_characters() {
        assert_eq!(bounded("é\né", 100), "é\\né");
        assert_eq!(bounded("ééé", 5), "éé…");
    }
}
