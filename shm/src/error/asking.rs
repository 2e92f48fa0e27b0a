//! What a caller asks an error: whether to look elsewhere, to try again, or to believe it.

use super::{Error, SpaceLimit};
use crate::sys::Refusal;

/// The action of a failed [`Error::Io`] by which a file of the store was to be opened.
pub(crate) const OPENING: &str = "open";
/// The action of a failed [`Error::Io`] by which the directory of the store is watched.
pub(crate) const WATCHING: &str = "watch";

impl Error {
    /// Whether the thing asked for is gone or never was: another one has to be found.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Stale { .. })
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::Changed { .. } | Self::Exhausted { .. } | Self::NotSealed { .. }
        ) || matches!(self, Self::StoreFull { limit, .. } if *limit != SpaceLimit::FileSize)
    }

    /// Whether nobody can watch a directory here, or not now: what happens in it has to be looked for then.
    pub fn forbids_watching(&self) -> bool {
        match self {
            Self::TooManyWatches { .. } => true,
            Self::Io {
                action: WATCHING,
                source,
                ..
            } => {
                matches!(
                    Refusal::of(source),
                    Refusal::Unsupported | Refusal::NotOwned | Refusal::Forbidden | Refusal::Invalid
                )
            }
            _ => false,
        }
    }

    /// The format version of a file or store that a newer program made, if this is about one. Nothing is wrong with it, and it is not
    /// this program's to delete.
    pub fn newer_version(&self) -> Option<u64> {
        match self {
            Self::UnsupportedVersion { found, known, .. } if *found > u64::from(*known) => Some(*found),
            _ => None,
        }
    }

    /// Whether this is a fact about the file that was looked at: it is not there, it is damaged, or this process may not read it. Any
    /// other error says that the system could not be asked, and the file may be as good as any.
    pub fn is_conclusive(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::Stale { .. } | Self::Damaged { .. } | Self::UnsupportedVersion { .. } => true,
            Self::Io {
                action: OPENING,
                source,
                ..
            } => Refusal::of(source) == Refusal::Forbidden,
            _ => false,
        }
    }
}
