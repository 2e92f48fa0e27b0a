//! Errors that say what is missing when there is no room for something new.

use std::io;
use std::path::Path;

use super::{Directory, FileKind, FileName};
use crate::error::{Error, SpaceLimit};
use crate::sys::{self, Access, LockMode, Refusal};

/// What one more file, link or directory may take where it lies, besides its inode: a block.
const ENTRY_BYTES: u64 = 4096;

impl Directory {
    pub(crate) fn full(&self, requested: u64, available: u64, limit: SpaceLimit) -> Error {
        Error::StoreFull {
            requested,
            available,
            limit,
            reclaimable: self.unheld_bytes(),
        }
    }

    /// Why a file, link or directory could not be made.
    pub(crate) fn creation_failed(&self, action: &'static str, path: &Path, error: io::Error) -> Error {
        if Refusal::of(&error) == Refusal::Full && matches!(self.free_inodes(), Ok(Some(0))) {
            return self.full(1, 0, SpaceLimit::Inodes);
        }
        self.write_failed(action, path, ENTRY_BYTES, error)
    }

    /// Why `len` bytes of a file could not be taken.
    pub(crate) fn write_failed(&self, action: &'static str, path: &Path, len: u64, error: io::Error) -> Error {
        match Refusal::of(&error) {
            // How much of it there is left the system does not say, and what the file system has left is not the answer.
            Refusal::UserQuota => self.full(len, 0, SpaceLimit::UserQuota),
            Refusal::Full => {
                let room = self.system_room();
                let (available, limit) = room.map_or((0, SpaceLimit::FileSystem), |room| (room.available, room.limit));
                self.full(len, available.min(len), limit)
            }
            _ => Error::io(action, path, error),
        }
    }

    /// Bytes in files that nobody has open, deleted ones among them, for messages: of those that can be looked at.
    fn unheld_bytes(&self) -> u64 {
        let unheld = |&file: &FileName| {
            let opened = self.handle().open_file(&file.to_string(), Access::Read).ok()?;
            let mut unheld = opened.try_lock(LockMode::Exclusive).ok()?;
            // Of what still has its name it cannot be asked: its openers would be refused meanwhile.
            if unheld && file.kind == FileKind::Deleted {
                unheld = self.is_unused(file.id, &opened).ok()?;
            }
            // A process that is being forked just now may keep the file open.
            opened.unlock().ok()?;
            self.len_of(file).ok().filter(|_| unheld)
        };
        let files = self.files().unwrap_or_default();
        files.iter().filter_map(unheld).fold(0, u64::saturating_add)
    }
}

/// Why the directory of a store could not be made.
pub(super) fn directory_failed(path: &Path, error: io::Error) -> Error {
    let limit = match Refusal::of(&error) {
        Refusal::UserQuota => SpaceLimit::UserQuota,
        Refusal::Full => match path.parent().map(sys::free_inodes_at) {
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
