//! What the file system knows of a file, of which none is ever looked at.

use std::convert::Infallible;
use std::time::Duration;

/// What the file system knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) regular: bool,
    pub(crate) directory: bool,
    pub(crate) len: u64,
    pub(crate) accessed: Duration,
    pub(crate) modified: Duration,
    never: Infallible,
}

impl Stat {
    pub(crate) fn same_file(&self, _other: &Self) -> bool {
        match self.never {}
    }

    pub(crate) fn same_owner(&self, _other: &Self) -> bool {
        match self.never {}
    }

    pub(crate) fn is_deleted(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn is_marked_deleted(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn links(&self) -> u64 {
        match self.never {}
    }

    pub(crate) fn is_reusable(&self, _directory: &Self) -> bool {
        match self.never {}
    }

    pub(crate) fn danger(&self) -> Option<String> {
        match self.never {}
    }

    pub(crate) fn lets_others_in(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn is_sealed(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn is_half_sealed(&self) -> bool {
        match self.never {}
    }
}
