//! Up to where an index has seen what was published: what a wait has to know to tell what is new from what is not.

use std::collections::BTreeSet;

use uuid::Uuid;

/// What an index has seen of the store: all that was published up to some number, but for a few files.
///
/// A buffer that can be read is new to this horizon if its number is greater than `last` or its id is among `pending`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Horizon {
    /// Which count of publications the number is of. The record of a store that was damaged is made anew and has another.
    pub era: u64,
    /// The last number that had been taken when the store was looked at.
    pub last: u64,
    /// What could not be read then, and may be published, finished or named with a number that had been taken by then.
    pub pending: BTreeSet<Uuid>,
}
