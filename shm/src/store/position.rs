//! Where a buffer stands in a listing.

use std::cmp::Reverse;

use uuid::Uuid;

/// Where a buffer stands in a listing, newest first: the number that it was published under. What older programs made has no
/// number and comes last, by its creation time in microseconds, as descriptors have it, and its id.
///
/// Unlike a count, a position stays right while buffers come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    number: Reverse<u64>,
    created_micros: Reverse<i64>,
    id: Uuid,
}

impl ListPosition {
    /// Of a buffer that was published under a number.
    pub fn numbered(number: u64, id: Uuid) -> Self {
        Self {
            number: Reverse(number),
            created_micros: Reverse(0),
            id,
        }
    }

    /// Of a buffer without a number, that was made or, for a scene, finished this many microseconds after 1970-01-01 UTC.
    pub fn unnumbered(created_micros: i64, id: Uuid) -> Self {
        Self {
            number: Reverse(0),
            created_micros: Reverse(created_micros),
            id,
        }
    }

    /// Of a buffer whose header says this number, or 0, and the time at which it was made, in nanoseconds since 1970-01-01 UTC.
    pub(super) fn new(number: u64, created: u64, id: Uuid) -> Self {
        match number {
            0 => Self::unnumbered(i64::try_from(created / 1000).unwrap_or(i64::MAX), id),
            number => Self::numbered(number, id),
        }
    }

    /// The number of the publication, which grows from one to the next; 0 if there is none.
    pub fn number(&self) -> u64 {
        self.number.0
    }

    /// Microseconds from 1970-01-01 UTC to the creation time of what has no number; 0 for what has one.
    pub fn created_micros(&self) -> i64 {
        self.created_micros.0
    }

    /// The buffer.
    pub fn id(&self) -> Uuid {
        self.id
    }
}
