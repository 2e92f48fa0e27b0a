//! How much may be kept.

use std::sync::atomic::Ordering;

use super::table::Table;
use crate::directory::{Directory, FileName};
use crate::error::Result;

/// Most bytes of deleted buffers that are kept for the next ones, where `DCC_MCP_SHM_RESERVE_BYTES` says nothing.
pub const DEFAULT_RESERVE: u64 = 256 << 20;
/// Up to that, what is kept takes at most this part of the room that is left. More is kept only where it was asked for.
const PART_OF_ROOM: u64 = 16;
/// For how long the room is as it was, in milliseconds: to look takes as long as to fill a MiB.
const ROOM_STAYS: u64 = 1_000;

impl Directory {
    /// Keeps at most this many bytes from now on, as far as this handle goes, and takes nothing either if it is 0.
    pub(crate) fn set_reserve_limit(&self, bytes: u64) {
        self.0.reserve.wanted.store(bytes, Ordering::Relaxed);
    }

    /// Most bytes that this handle may keep, whatever there is room for; 0 if it has no reserve.
    pub(super) fn reserve_limit(&self) -> u64 {
        self.0.reserve.wanted.load(Ordering::Relaxed)
    }

    /// Whether `more` bytes may be kept beside those that are, in a store with this quota.
    pub(super) fn may_keep(&self, table: Table<'_>, more: u64, quota: Option<u64>, now: u64) -> Result<bool> {
        let mut limit = self.reserve_limit();
        if limit <= DEFAULT_RESERVE {
            limit = limit.min(self.recent_room(now)? / PART_OF_ROOM);
        }
        if table.total().saturating_add(more) > limit {
            return Ok(false);
        }
        // What is kept must not be in the way of anybody: so nothing is, unless there is more than that left.
        match quota {
            Some(quota) => {
                // What the bound has too much of is only what was deleted since.
                let leaves_room = |used: u64| quota.saturating_sub(used) >= limit;
                Ok(leaves_room(self.most_used()?) || leaves_room(self.used_bytes()?))
            }
            None => Ok(true),
        }
    }

    fn recent_room(&self, now: u64) -> Result<u64> {
        let room = &self.0.reserve.room;
        if now < room.until.load(Ordering::Acquire) {
            return Ok(room.bytes.load(Ordering::Relaxed));
        }
        let bytes = self
            .system_room()
            .map_err(|error| self.failed("look for room in", error))?
            .available;
        room.bytes.store(bytes, Ordering::Relaxed);
        room.until.store(now + ROOM_STAYS, Ordering::Release);
        Ok(bytes)
    }

    /// Bytes of memory without content that is kept for what is made next. The table says where to look, and the files how many.
    pub(crate) fn reserve_bytes(&self) -> Result<u64> {
        let Some(record) = self.existing_record()? else {
            return Ok(0);
        };
        let mut bytes = 0u64;
        for id in Table(record).ids() {
            bytes = bytes.saturating_add(self.len_of(FileName::of_reserve(id))?);
        }
        Ok(bytes)
    }
}
