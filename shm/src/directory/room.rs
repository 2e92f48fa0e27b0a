//! Whether there is room for something new.

use std::io;

use super::Directory;
use crate::error::{Result, SpaceLimit};
use crate::sys;

/// From this size on, it is looked for room for all of it before anything is taken. Memory of what is smaller is taken in a step or
/// two, and the system refuses those that do not fit.
const LOOK_FIRST_FROM: u64 = 4 << 20;

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

    /// Refuses a file that there is no room for in the system as it is now.
    pub(super) fn check_room(&self, len: u64) -> Result<()> {
        self.check_room_of_all(1, len)
    }

    /// The same for several files, each of this length.
    pub(crate) fn check_room_of_all(&self, files: u64, of_each: u64) -> Result<()> {
        let len = of_each.saturating_mul(files);
        let failed = |error| self.failed("look for room in", error);
        if len < LOOK_FIRST_FROM || sys::was_plenty_lately(len) && self.handle().free_bytes().map_err(failed)? >= len {
            return Ok(());
        }
        let room = self.system_room().map_err(failed)?;
        let needed = if room.limit == SpaceLimit::FileSize {
            of_each
        } else {
            len
        };
        if needed > room.available {
            return Err(self.full(needed, room.available, room.limit));
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
