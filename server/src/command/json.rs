//! JSON for programs, which a terminal can show as well.

use std::fmt::Write as _;

use dcc_mcp_shm::is_hidden;
use serde::Serialize;

/// The value as indented JSON and a line end. Characters that a terminal would obey or not show are escaped. They can
/// stand only in strings, where JSON allows escapes.
pub(super) fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string_pretty(value)?;
    let mut shown = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if matches!(c, '\n' | '"' | '\'' | '\\') || (c.escape_debug().len() == 1 && !is_hidden(c)) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown.push('\n');
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_the_same_value() {
        let text = "a\u{1b}[31m\u{9b}\u{7f}\u{202e}\"\\é頭😀\u{e0001}\u{3164}'\n";
        let json = pretty(&[text]).expect("JSON");
        assert!(json.contains("é頭😀"), "{json}");
        assert!(!json.chars().any(|c| c != '\n' && c.is_control()) && !json.contains(['\u{202e}', '\u{3164}']));
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).expect("JSON"), [text]);
    }
}
