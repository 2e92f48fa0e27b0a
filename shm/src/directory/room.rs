//! Whether there is room for something new.

use std::io;

use super::Directory;
use crate::error::{Result, SpaceLimit};
use crate::sys;

/// From this size on, memory and cgroups are looked at as well as the file system: it costs some 60 µs, and
/// smaller requests lie within the margin that is kept free.
const LOOK_AT_MEMORY_FROM: u64 = 1 << 20;

/// The least room there is, and what sets it.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Bytes.
    pub available: u64,
    /// What there would have to be more of for there to be more room.
    pub limit: SpaceLimit,
}

impl Room {
    /// The smaller of this room and another one.
    fn at_most(self, available: u64, limit: SpaceLimit) -> Self {
        if available < self.available {
            Self { available, limit }
        } else {
            self
        }
    }
}

impl Directory {
    /// The most bytes that a new buffer can have now, and what limits it.
    pub(crate) fn room(&self) -> Result<Room> {
        let mut room = self
            .system_room()
            .map_err(|error| self.failed("look for room in", error))?;
        // It is given back before anything is refused.
        let reserve = self.reserve_bytes().unwrap_or(0);
        if room.limit != SpaceLimit::FileSize {
            room.available = room.available.saturating_add(reserve);
        }
        if let Some(quota) = self.quota()? {
            let used = self.used_bytes()?.saturating_sub(reserve);
            room = room.at_most(quota.saturating_sub(used), SpaceLimit::Quota);
        }
        if self.free_inodes()? == Some(0) {
            room = room.at_most(0, SpaceLimit::Inodes);
        }
        Ok(room)
    }

    /// The room that the system has, whatever the quota is.
    pub(super) fn system_room(&self) -> io::Result<Room> {
        let sys::SystemRoom { available, limit } = self.handle().room()?;
        Ok(Room {
            available,
            limit: limit.into(),
        })
    }

    pub(super) fn free_inodes(&self) -> Result<Option<u64>> {
        self.handle()
            .free_inodes()
            .map_err(|error| self.failed("look for free inodes in", error))
    }

    pub(super) fn check_room(&self, len: u64) -> Result<()> {
        if len < LOOK_AT_MEMORY_FROM {
            return Ok(());
        }
        let room = self
            .system_room()
            .map_err(|error| self.failed("look for room in", error))?;
        if len > room.available {
            return Err(self.full(len, room.available, room.limit));
        }
        Ok(())
    }

    /// Refuses to write `len` bytes to one file where the limit of this process is lower, because the system would send
    /// SIGXFSZ.
    pub(crate) fn check_file_size(&self, len: u64) -> Result<()> {
        let limit = sys::file_size_limit().map_err(|error| self.failed("look at the limits for", error))?;
        match limit {
            Some(limit) if len > limit => Err(self.full(len, limit, SpaceLimit::FileSize)),
            _ => Ok(()),
        }
    }
}
