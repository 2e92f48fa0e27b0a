//! Where a buffer stands in a listing.

use std::cmp::Reverse;
use std::time::SystemTime;

use uuid::Uuid;

use super::Summary;

/// Where a buffer stands in a listing, newest first: its creation time in microseconds, as descriptors have it, and its id.
///
/// Unlike a count, a position stays right while buffers come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition {
    created_micros: Reverse<i64>,
    id: Uuid,
}

impl ListPosition {
    /// Of a buffer that was made or, for a scene, finished this many microseconds after 1970-01-01 UTC.
    pub fn new(created_micros: i64, id: Uuid) -> Self {
        Self {
            created_micros: Reverse(created_micros),
            id,
        }
    }

    pub(super) fn of(summary: &Summary, id: Uuid) -> Self {
        let since_1970 = summary.created.duration_since(SystemTime::UNIX_EPOCH);
        let micros = since_1970.unwrap_or_default().as_micros();
        Self::new(i64::try_from(micros).unwrap_or(i64::MAX), id)
    }

    /// Microseconds from 1970-01-01 UTC to the creation time.
    pub fn created_micros(&self) -> i64 {
        self.created_micros.0
    }

    /// The buffer.
    pub fn id(&self) -> Uuid {
        self.id
    }
}
