//! Text of others as people and models may read it: characters that are not seen are written as `\u{202e}`.
//!
//! A name may contain them: what turns a line around, takes no width, or spells words that only a model sees. So a text
//! that is shown has them escaped, and what is read back may be spelled either way.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether a character leaves no mark of its own where a text is shown: controls but for line ends and tabs, the formatting
/// characters of Unicode (category `Cf`), its line and paragraph separators, and all that it calls ignorable by default.
///
/// ```
/// # use dcc_mcp_shm::is_hidden;
/// assert!("\u{202e}\u{200d}\u{feff}\u{e0041}\u{fe0f}\u{1b}".chars().all(is_hidden));
/// assert!(!"é頭שم\u{301}👩🏽 \n".chars().any(is_hidden));
/// ```
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() && !matches!(c, '\n' | '\t' | '\r');
    }
    let category = get_general_category(c);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || is_ignorable(c)
}

/// What is ignorable by default without being of category `Cf`: joiners, fillers and variation selectors, and what Unicode
/// keeps for more of them. The property is stable for all of these, assigned or not.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2065}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character is drawn upon the one before it, which at the beginning of a text is somebody else's.
fn is_mark(c: char) -> bool {
    matches!(
        get_general_category(c),
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
    )
}

/// Appends a character as it is written where it cannot be seen or would be mistaken: `\u{202e}`.
pub fn push_escaped(text: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
}

/// A text with what is hidden escaped, and with a combining mark at its beginning escaped.
///
/// ```
/// # use dcc_mcp_shm::visible;
/// assert_eq!(visible("hero\u{200b}body"), r"hero\u{200b}body");
/// assert_eq!(visible("頭 e\u{301}"), "頭 e\u{301}");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    let starts_with_mark = text.starts_with(|c: char| !c.is_ascii() && is_mark(c));
    if !starts_with_mark && !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        if is_hidden(c) || (at == 0 && starts_with_mark) {
            push_escaped(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

/// The text that another one shows, if that has escapes in it: those that [`visible`] writes, and those of `"` and `\`.
///
/// ```
/// # use dcc_mcp_shm::unescaped;
/// assert_eq!(unescaped(r"hero\u{200b}body").as_deref(), Some("hero\u{200b}body"));
/// assert_eq!(unescaped(r"hero\u{61}"), None);
/// ```
pub fn unescaped(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    let mut meant = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        meant.push_str(before);
        if let Some((c, after)) = escape(after) {
            meant.push(c);
            rest = after;
        } else {
            meant.push_str("\\u{");
            rest = after;
        }
    }
    meant.push_str(rest);
    (meant != text).then_some(meant)
}

/// The character of an escape after its `\u{`, and what follows. No name has controls, so none is meant.
fn escape(text: &str) -> Option<(char, &str)> {
    let (digits, after) = text.split_once('}')?;
    let is_number = (1..=6).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let c = char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?)?;
    let is_shown_so = matches!(c, '"' | '\\') || (!c.is_control() && (is_hidden(c) || is_mark(c)));
    is_shown_so.then_some((c, after))
}

/// What was found in a file or descriptor, fit for a terminal and a model: escaped and cut.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
    let mut printable = String::new();
    for c in visible(&text[..end.unwrap_or(text.len())]).chars() {
        // Nor line ends and tabs, which people and models see.
        if c.is_control() {
            push_escaped(&mut printable, c);
        } else {
            printable.push(c);
        }
    }
    if end.is_some() {
        printable.push('…');
    }
    printable
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_that_attacks_use_is_hidden() {
        let ranges = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff9..=0xfffb,
            0x1_bca0..=0x1_bca3,
            0x1_d173..=0x1_d17a,
            0xe_0000..=0xe_0fff,
        ];
        for c in ranges.into_iter().flatten().filter_map(char::from_u32) {
            assert!(is_hidden(c), "{c:?}");
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "Zoë's \"cube\" C:\\tmp",
            "नमस्ते",
            "مرحبا",
            "שלום",
            "日本語\u{3000}テスト",
            "한국어",
            "👩🏽 🚀",
            "e\u{301}",
            "§ § \u{a0}½",
            "\u{e000}",
            "a\tb\nc\r",
        ] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn what_is_no_escape_of_ours_is_left_alone() {
        for text in [
            r"\u{",
            r"\u{}",
            r"\u{zz}",
            r"\u{61}",
            r"\u{1b}",
            r"\u{d800}",
            r"\u{0000202e}",
            r"\u202e",
            "a",
        ] {
            assert_eq!(unescaped(text), None, "{text}");
        }
        assert_eq!(unescaped(r"\u{\u{202e}").as_deref(), Some("\\u{\u{202e}"));
        assert_eq!(unescaped(r"\u{5c}u{202e}").as_deref(), Some(r"\u{202e}"));
    }

    proptest! {
        #![proptest_config(crate::properties::config(256))]

        #[test]
        fn what_is_shown_hides_nothing_and_means_the_text(
            text in r"[a\p{Cf}\p{Mn}\x{e0000}-\x{e01ef}\x{fe00}-\x{fe0f}\x{3164}é頭 ]{0,20}"
        ) {
            let shown = visible(&text);
            prop_assert!(!shown.contains(is_hidden));
            prop_assert_eq!(unescaped(&shown).unwrap_or_else(|| shown.to_string()), text.clone());
            prop_assert_eq!(visible(&shown), shown.as_ref());
        }
    }
}
