//! How much of a store is used, and how much is free.

use dcc_mcp_shm::{Error, Store};
use serde::Serialize;

/// The memory of a store at one moment.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    /// By all that is in it, deleted and still in use or not.
    pub(super) used_bytes: u64,
    /// The most that a new buffer can have, and what sets that.
    pub(super) free_bytes: u64,
    pub(super) limited_by: String,
    pub(super) quota_bytes: Option<u64>,
    /// Kept for what is made next; part of what is used.
    pub(super) reserve_bytes: u64,
}

impl Usage {
    pub(super) fn of(store: &Store) -> Result<Self, Error> {
        let room = store.room()?;
        Ok(Self {
            used_bytes: store.used_bytes()?,
            free_bytes: room.available,
            limited_by: room.limit.to_string(),
            quota_bytes: store.quota()?,
            reserve_bytes: store.reserve_bytes()?,
        })
    }
}
