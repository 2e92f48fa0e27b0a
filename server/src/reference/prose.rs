//! Names in a text that says more, as far as all of the rest says nothing.
//!
//! "the mesh hero" is `hero`; "hero backup" and "anything but hero" are something else, and are not taken for it.

use dcc_mcp_shm_view::text::letters;
use std::iter::successors;

use dcc_mcp_shm::SceneDataKind;

use crate::lenient::between_quotes;

/// Words that may stand around a name without changing which buffer is meant. Kinds may too, if they are that of the buffer.
const FILLER: [&str; 27] = [
    "a",
    "an",
    "the",
    "this",
    "that",
    "my",
    "our",
    "please",
    "is",
    "it",
    "called",
    "named",
    "name",
    "buffer",
    "scene",
    "mesh",
    "pool",
    "id",
    "uuid",
    "file",
    "path",
    "uri",
    "reference",
    "descriptor",
    "shared",
    "show",
    "describe",
];
/// Words by which a text may mean any buffer but the one that it names.
const DENIALS: [&str; 19] = [
    "not",
    "no",
    "nor",
    "never",
    "but",
    "except",
    "excluding",
    "without",
    "besides",
    "unlike",
    "other",
    "than",
    "old",
    "instead",
    "replaced",
    "deleted",
    "isn't",
    "don't",
    "anything",
];
/// Words on either side of a name that are taken for filler are fewer than this.
const MAX_FILLER: usize = 8;
/// What may stand at the end of a word and not belong to it. An exclamation mark in front of a word denies it in many languages
/// of computers.
const PUNCTUATION: &str = ".,;:?()[]\"'`";

/// A word without the punctuation around it.
pub(super) fn bare_word(word: &str) -> &str {
    let word = word.trim_start_matches(|c| PUNCTUATION.contains(c));
    word.trim_end_matches(|c| c == '!' || PUNCTUATION.contains(c))
}

/// Whether a text may say that what it names is not meant.
pub(super) fn denies(text: &str) -> bool {
    let words = text.split_whitespace().map(|word| bare_word(word).to_lowercase());
    words
        .map(|word| word.replace('’', "'"))
        .any(|word| DENIALS.contains(&&*word))
}

/// The parts of a text that may be a name, because all around them is filler; the longest part comes first.
pub(super) fn names_in(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for begun in successors(Some(text), |text| without_first(text)).take(MAX_FILLER) {
        for part in successors(Some(begun), |text| without_last(text)).take(MAX_FILLER) {
            let bare = bare_word(part);
            let unquoted = between_quotes(part.trim_end_matches(['.', ',', ':', ';']));
            for name in [part, unquoted.map_or(bare, |(inner, _)| inner), bare] {
                if !name.is_empty() && name != text && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    names
}

/// The kinds that a text says beside a name that is in it.
pub(super) fn kinds_beside(name: &str, text: &str) -> Vec<SceneDataKind> {
    let rest = text.replacen(name, "", 1);
    rest.split_whitespace()
        .filter_map(|word| kind_named(bare_word(word)))
        .collect()
}

/// The kind that is called so.
pub(super) fn kind_named(text: &str) -> Option<SceneDataKind> {
    SceneDataKind::ALL
        .into_iter()
        .find(|kind| letters(kind.as_str()) == letters(text))
}

/// What follows the first word of a text, if that word is filler.
fn without_first(text: &str) -> Option<&str> {
    let (word, rest) = text.split_once(char::is_whitespace)?;
    is_filler(word).then(|| rest.trim_start())
}

/// What comes before the last word of a text, if that word is filler.
fn without_last(text: &str) -> Option<&str> {
    let (rest, word) = text.rsplit_once(char::is_whitespace)?;
    is_filler(word).then(|| rest.trim_end())
}

/// A word that says nothing, or the sign in front of an item of a list.
fn is_filler(word: &str) -> bool {
    let bare = bare_word(word).to_lowercase();
    FILLER.contains(&&*bare)
        || kind_named(&bare).is_some()
        || bare.chars().all(|c| "-*•>=→".contains(c)) && !word.contains('!')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn names_are_found_between_words_that_say_nothing() {
        for text in [
            "the buffer \"Set/Hero 2\"",
            "name: Set/Hero 2",
            "buffer Set/Hero 2.",
            "(Set/Hero 2)",
            "Set/Hero 2?",
            "- the mesh `Set/Hero 2`, please",
            "It is called 'Set/Hero 2'.",
        ] {
            assert!(names_in(text).contains(&"Set/Hero 2"), "{text}: {:?}", names_in(text));
        }
        // What is called like filler.
        assert!(names_in("the mesh").contains(&"mesh") && names_in("the mesh").contains(&"the"));
    }

    proptest! {
        #![proptest_config(crate::properties::config(500))]
        #[test]
        fn nothing_else_may_be_left_over(
            before in prop::collection::vec(select(FILLER.to_vec()), 0..3),
            word in "[a-zé頭0-9]{1,8}|!",
            at_the_end in any::<bool>(),
            after in prop::collection::vec(select(FILLER.to_vec()), 0..3),
        ) {
            prop_assume!(!FILLER.contains(&&*word));
            let name = "héro_body";
            let said = if at_the_end { format!("{name} {word}") } else { format!("{word} {name}") };
            let text = [&before[..], &[&*said], &after].concat().join(" ");
            prop_assert!(!names_in(&text).contains(&name), "{text}");
            prop_assert!(names_in(&text.replace(&said, name)).contains(&name) || before.len() + after.len() == 0);
        }

        #[test]
        fn no_text_is_a_panic(text in "[\\PC \"'`.]{0,60}") {
            let names = names_in(&text);
            prop_assert!(names.iter().all(|name| text.contains(name)));
        }
    }
}
