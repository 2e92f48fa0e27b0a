//! The lock of a whole directory, under which names, sizes and the quota change. It is never held while memory is taken or freed.
//!
//! Listings share it for a moment. Many of them would leave nobody else a moment without one, so a process that waits for the lock
//! takes the gate, a byte lock of the same file, and a listing that finds the gate taken lets that process go first.

use std::io;
use std::time::Duration;

use super::Directory;
use crate::error::{Error, Result};
use crate::sys::{Access, Backoff, GuardedFile, LOCK_PATIENCE, LockByte, LockMode};

/// The file that the lock is on. Its times say when the directory was swept last.
pub(crate) const LOCK_FILE: &str = ".lock";
/// Longer than any process holds the lock that is not stopped.
const A_MOMENT: Duration = Duration::from_millis(500);
/// How long a listing lets others go first, and then waits for the lock, without which it can do.
const A_LOOK: Duration = Duration::from_millis(50);

impl Directory {
    /// Whether the store's lock can be had, as it can be within a moment unless its holder is stopped. Nothing is made, and
    /// nobody is kept waiting.
    pub(crate) fn check_lock(&self) -> Result<()> {
        let failed = |error| self.failed("look at the lock of", error);
        let file = match self.handle().open_file(LOCK_FILE, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        if file.lock(LockMode::Shared, A_MOMENT).map_err(failed)? {
            return file.unlock().map_err(failed);
        }
        Err(self.lock_is_busy(&file, A_MOMENT))
    }

    /// Looks at names while none of them changes. Where the lock is not to be had within a moment, its holder is stopped or the
    /// machine is very busy, and the look is as good as it can be without the lock.
    pub(super) fn with_names_at_rest<T>(&self, look: impl FnOnce() -> Result<T>) -> Result<T> {
        let failed = |error| self.failed("look at the lock of", error);
        let file = match self.handle().open_file(LOCK_FILE, Access::Read) {
            // Nothing has ever had a name here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return look(),
            opened => opened.map_err(failed)?,
        };
        let mut backoff = Backoff::new(A_LOOK);
        while file
            .is_locked_against(LockByte::Gate, LockMode::Shared)
            .map_err(failed)?
            && backoff.pause()
        {}
        let locked = file.lock(LockMode::Shared, A_LOOK).map_err(failed)?;
        let found = look();
        if locked {
            // Closing does this too, but not before a process that is being forked just now has closed its copy.
            file.unlock().map_err(failed)?;
        }
        found
    }

    fn lock_is_busy(&self, file: &GuardedFile, waited: Duration) -> Error {
        Error::Busy {
            what: "the store's lock",
            waited,
            holder: self.lock_holder(file),
        }
    }

    /// Takes the lock of the whole store. It is held while names are checked and given, while sizes are summed and a draft gets
    /// its length, while the quota is recorded, and while an empty scene is made writable.
    pub(crate) fn lock(&self) -> Result<GuardedFile> {
        self.lock_within(LOCK_PATIENCE)
    }

    /// The same without waiting: for what the next sweep can do as well.
    pub(crate) fn lock_if_free(&self) -> Result<Option<GuardedFile>> {
        match self.lock_within(Duration::ZERO) {
            Err(Error::Busy { .. }) => Ok(None),
            locked => locked.map(Some),
        }
    }

    fn lock_within(&self, patience: Duration) -> Result<GuardedFile> {
        let path = || self.path_of(LOCK_FILE);
        loop {
            let opened = match self.handle().open_file(LOCK_FILE, Access::ReadWrite) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.handle().open_file(LOCK_FILE, Access::Create)
                }
                other => other,
            };
            let file = match opened {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(self.creation_failed("open", &path(), error)),
            };
            let locked = lock_alone(&file, patience).map_err(|error| Error::io("lock", &path(), error))?;
            if !locked {
                return Err(self.lock_is_busy(&file, patience));
            }
            let stat = file.stat().map_err(|error| Error::io("look at", &path(), error))?;
            if stat.links() > 0 {
                return Ok(file);
            }
            // Somebody emptied the directory while we waited: what we locked is nobody else's lock any more.
        }
    }
}

/// Takes the lock of a file for this process alone, and keeps the gate while it waits.
fn lock_alone(file: &GuardedFile, patience: Duration) -> io::Result<bool> {
    let mut backoff = Backoff::new(patience);
    let mut has_gate = false;
    let locked = loop {
        if file.try_lock(LockMode::Exclusive)? {
            break true;
        }
        // Where another waits already, it has the gate until it has the lock.
        has_gate = has_gate || file.lock_byte(LockByte::Gate, LockMode::Exclusive, Duration::ZERO)?;
        if !backoff.pause() {
            break false;
        }
    };
    if has_gate {
        file.unlock_byte(LockByte::Gate)?;
    }
    Ok(locked)
}
