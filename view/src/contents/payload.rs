//! The start of data that has no arrays.

use std::fmt::{self, Display};

use schemars::JsonSchema;
use serde::Serialize;

use crate::text;

/// Characters of text, or bytes of anything else, that are shown.
const SHOWN: usize = 60;

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Payload {
    text: bool,
    /// Characters, or hex.
    start: String,
}

impl Payload {
    /// `complete` says that no data follows `start`.
    pub(super) fn of(start: &[u8], complete: bool) -> Self {
        match text::readable(start, complete) {
            Some(text) => Self {
                text: true,
                start: text.chars().take(SHOWN).collect(),
            },
            None => Self {
                text: false,
                start: text::hex(&start[..start.len().min(SHOWN)]),
            },
        }
    }
}

impl Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text {
            write!(f, "Text that starts {}", text::inline(&self.start))
        } else {
            write!(f, "Bytes that start {}", self.start)
        }
    }
}
