//! The entry of this server in the text of a configuration file, whose other bytes stay as they are.

mod json;
mod toml;
mod yaml;

use super::entry::Entry;
use super::error::Problem;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Where in a file the entries of servers are, and how one is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON with comments: an object with an entry for each server. An entry may need a `type`, which says that the
    /// server is a program and not an address.
    Json { section: &'static str, with_type: bool },
    /// TOML of Codex: a table for each server.
    Toml,
    /// YAML of Goose: a mapping for each server.
    Yaml,
}

impl Format {
    /// The text with this entry in it. A text that has the entry already stays the same.
    ///
    /// If there is an entry of this name, only its command and arguments change, so that what else a user has given it
    /// stays, such as an environment.
    pub(super) fn with(self, text: &str, entry: &Entry<'_>) -> Result<String, Problem> {
        beyond_mark(text, |text| match self {
            Self::Json { section, with_type } => json::with(text, section, with_type, entry),
            Self::Toml => toml::with(text, entry),
            Self::Yaml => yaml::with(text, entry),
        })
    }

    /// The text without the entry of this name. A text that has none stays the same.
    pub(super) fn without(self, text: &str, name: &str) -> Result<String, Problem> {
        beyond_mark(text, |text| match self {
            Self::Json { section, .. } => json::without(text, section, name),
            Self::Toml => toml::without(text, name),
            Self::Yaml => yaml::without(text, name),
        })
    }
}

/// Changes what follows the mark by which some editors of Windows begin files, and which is part of no format.
fn beyond_mark(text: &str, change: impl FnOnce(&str) -> Result<String, Problem>) -> Result<String, Problem> {
    match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => Ok(format!("{BYTE_ORDER_MARK}{}", change(rest)?)),
        None => change(text),
    }
}
