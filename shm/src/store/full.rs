//! Whether there is room for something new, and what is missing where there is none.

use std::io;
use std::path::Path;

use super::Store;
use crate::error::{Error, Result, SpaceLimit};
use crate::sys::{self, Room};

/// From this size on, memory and cgroups are looked at as well as the file system: it costs some 60 µs, and
/// smaller requests lie within the margin that is kept free.
const LOOK_AT_MEMORY_FROM: u64 = 1 << 20;
/// What one more file, link or directory may take where it lies, besides its inode: a block.
const ENTRY_BYTES: u64 = 4096;

impl Store {
    /// The most bytes that a new buffer can have now, and what limits it.
    ///
    /// # Errors
    /// [`Error::Io`] when the system cannot be asked.
    pub fn room(&self) -> Result<Room> {
        let failed = |error| Error::io("look for room in", self.path(), error);
        let mut room = sys::room(self.directory()).map_err(failed)?;
        if let Some(quota) = self.quota()? {
            room = room.at_most(quota.saturating_sub(self.used_bytes()?), SpaceLimit::Quota);
        }
        if self.free_inodes()? == Some(0) {
            room = room.at_most(0, SpaceLimit::Inodes);
        }
        Ok(room)
    }

    fn free_inodes(&self) -> Result<Option<u64>> {
        sys::free_inodes(self.directory()).map_err(|error| Error::io("look for free inodes in", self.path(), error))
    }

    pub(super) fn check_room(&self, len: u64) -> Result<()> {
        if len < LOOK_AT_MEMORY_FROM {
            return Ok(());
        }
        let room = sys::room(self.directory()).map_err(|error| Error::io("look for room in", self.path(), error))?;
        if len > room.available {
            return Err(self.full(len, room.available, room.limit));
        }
        Ok(())
    }

    /// Refuses to write so much to one file where the limit of this process is lower: the system would send SIGXFSZ.
    pub(crate) fn check_file_size(&self, len: u64) -> Result<()> {
        let limit = sys::file_size_limit().map_err(|error| Error::io("look at the limits for", self.path(), error))?;
        match limit {
            Some(limit) if len > limit => Err(self.full(len, limit, SpaceLimit::FileSize)),
            _ => Ok(()),
        }
    }

    pub(super) fn full(&self, requested: u64, available: u64, limit: SpaceLimit) -> Error {
        Error::StoreFull {
            requested,
            available,
            limit,
            reclaimable: self.unheld_bytes(),
        }
    }

    /// Why a file, link or directory could not be made.
    pub(super) fn creation_failed(&self, action: &'static str, path: &Path, error: io::Error) -> Error {
        if error.raw_os_error() == Some(libc::ENOSPC) && matches!(self.free_inodes(), Ok(Some(0))) {
            return self.full(1, 0, SpaceLimit::Inodes);
        }
        self.write_failed(action, path, ENTRY_BYTES, error)
    }

    /// Why `len` bytes of a file could not be taken.
    pub(super) fn write_failed(&self, action: &'static str, path: &Path, len: u64, error: io::Error) -> Error {
        match error.raw_os_error() {
            // How much of it there is left the system does not say, and what the file system has left is not the answer.
            Some(libc::EDQUOT) => self.full(len, 0, SpaceLimit::UserQuota),
            Some(libc::ENOSPC) => {
                let room = sys::room(self.directory());
                let (available, limit) = room.map_or((0, SpaceLimit::FileSystem), |room| (room.available, room.limit));
                self.full(len, available.min(len), limit)
            }
            _ => Error::io(action, path, error),
        }
    }
}

/// Why the directory of a store could not be made.
pub(super) fn directory_failed(path: &Path, error: io::Error) -> Error {
    let limit = match error.raw_os_error() {
        Some(libc::EDQUOT) => SpaceLimit::UserQuota,
        Some(libc::ENOSPC) => match path.parent().map(sys::free_inodes_at) {
            Some(Ok(Some(0))) => SpaceLimit::Inodes,
            _ => SpaceLimit::FileSystem,
        },
        _ => return Error::io("make the store", path, error),
    };
    Error::StoreFull {
        requested: if limit == SpaceLimit::Inodes { 1 } else { ENTRY_BYTES },
        available: 0,
        limit,
        reclaimable: 0,
    }
}
