//! Texts as models write them: blanks and quotes around them, and words for nothing.

/// Words that stand for no value where a value may be left out. In exactly this case, because scenes have objects that are called
/// `Null`.
const NOTHING: [&str; 4] = ["", "null", "None", "undefined"];

/// Fields of which an empty text, and the word `null`, are content.
pub(super) const CONTENT: [&str; 2] = ["text", "base64"];

/// Whether a text stands for no value.
pub(super) fn is_nothing(text: &str) -> bool {
    // Whatever is longer was meant to be something, even if that is blanks.
    text.len() <= 32 && NOTHING.contains(&text.trim())
}

/// A text without the blanks and quotes around it.
///
/// A blank that only follows the text stays, because names may end with one, and answers show them so.
pub(super) fn tidy(text: &str) -> &str {
    let text = unpadded(text);
    unquoted(text).map_or(text, str::trim)
}

/// A text without the blanks around it, as in [`tidy`].
pub(super) fn unpadded(text: &str) -> &str {
    let is_padded = text.starts_with(char::is_whitespace) || text.ends_with(['\n', '\r', '\t']);
    if is_padded { text.trim() } else { text }
}

/// What stands between quotes that are around all of a text, and are no others' partners.
fn unquoted(text: &str) -> Option<&str> {
    let (inner, [open, close]) = between_quotes(text)?;
    (!inner.contains([open, close])).then_some(inner)
}

/// What stands between quotes at both ends of a text, and the quotes.
pub(crate) fn between_quotes(text: &str) -> Option<(&str, [char; 2])> {
    const QUOTES: [(char, char); 6] = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’'), ('«', '»')];
    QUOTES.into_iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.trim().is_empty()).then_some((inner, [open, close]))
    })
}
