//! Whether the data of a buffer can change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the data of a buffer can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BufferState {
    /// It can be rewritten at any time.
    Open,
    /// A scene that waits for somebody to fill it.
    Empty,
    /// A scene that somebody is filling.
    Filling,
    /// A scene that never changes again.
    Sealed,
}

impl BufferState {
    /// The name used in descriptors, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Empty => "empty",
            Self::Filling => "filling",
            Self::Sealed => "sealed",
        }
    }
}
