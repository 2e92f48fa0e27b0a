//! Texts of others as string literals, in which they cannot be anything but text.

use std::fmt::Write as _;

use dcc_mcp_shm::is_hidden;

/// A literal of Python. Characters that could end it, are hidden, or turn the line around are escaped.
pub(super) fn python(text: &str) -> String {
    literal(text, |code| match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    })
}

/// The same for Rust and for JavaScript, which both have escapes with braces.
pub(super) fn braced(text: &str) -> String {
    literal(text, |code| format!("\\u{{{code:x}}}"))
}

fn literal(text: &str, escape: fn(u32) -> String) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        let is_plain = matches!(c, ' '..='~') || (c.is_alphanumeric() && !is_hidden(c));
        // Writing to a String cannot fail.
        let _ = match c {
            '"' | '\\' => write!(literal, "\\{c}"),
            c if is_plain => write!(literal, "{c}"),
            c => write!(literal, "{}", escape(c.into())),
        };
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_python_reads_them_as() {
        assert_eq!(python("hero's \"body\"\\"), r#""hero's \"body\"\\""#);
        assert_eq!(python("頭 é"), "\"頭 é\"");
        assert_eq!(python("a\u{3164}\u{115f}"), r#""a\u3164\u115f""#);
        assert_eq!(python("\n\u{80}\u{202e}\u{1f600}"), r#""\x0a\x80\u202e\U0001f600""#);
    }

    #[test]
    fn literals_are_what_rust_and_javascript_read_them_as() {
        assert_eq!(braced("hero's \"body\"\\"), r#""hero's \"body\"\\""#);
        assert_eq!(braced("頭\n\u{202e}\u{1f600}"), r#""頭\u{a}\u{202e}\u{1f600}""#);
    }
}
