//! What a handle does with its file when it lets go of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Segment;
use crate::directory::{FinishDeletion, LOOKERS_PATIENCE, record_end_of_use};
use crate::error::{Error, Result};
use crate::format::AT_SEQUENCE;
use crate::sys::{self, LockMode};

/// Whether a file is deleted when a handle to it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnClose {
    Keep,
    Unlink,
    UnlinkIfLast,
}

impl Segment {
    /// Whether the file is deleted when this is dropped.
    pub(crate) fn set_on_close(&self, on_close: OnClose) {
        // Opened anew first, in a forked child: that gives up what the parent wanted, and must not undo this.
        if let Err(error) = self.file() {
            tracing::debug!(id = %self.id, %error, "a file could not be opened anew");
        }
        self.on_close.store(on_close as u8, Ordering::Relaxed);
    }

    /// Deletes the file, and with a pool its slots. It is no error if the file is gone. Its memory is freed when this handle and
    /// all others are closed.
    pub(crate) fn delete(&self) -> Result<()> {
        let file = match self.file() {
            Err(Error::NotFound { .. }) => return Ok(()),
            file => file?,
        };
        let sealed = self.sealed().map(Arc::as_ref);
        self.directory.delete_held(self.id, file, sealed)?;
        self.deleted.store(true, Ordering::Relaxed);
        if let Some(mapping) = self.shared.get() {
            // Waiters find that it is gone.
            sys::wake_all(mapping.word(AT_SEQUENCE));
        }
        Ok(())
    }

    /// Lets go of the file, as dropping this does.
    pub(crate) fn release(&mut self) {
        // A forked child that never used this has nothing to give back.
        if std::mem::replace(&mut self.released, true) || !self.is_own() {
            return;
        }
        if let Err(error) = self.close() {
            tracing::warn!(id = %self.id, %error, "a buffer was not closed properly");
        }
    }

    fn close(&mut self) -> Result<()> {
        let on_close = self.on_close.load(Ordering::Relaxed);
        if on_close == OnClose::Unlink as u8 {
            self.delete()?;
        }
        let failed = |error| Error::io("release", self.path(), error);
        if self.holds_lock {
            if !self.file.try_lock(LockMode::Exclusive).map_err(failed)? {
                return Ok(());
            }
            // Nobody else is there, and nobody can come before this is closed.
            if on_close == OnClose::UnlinkIfLast as u8 {
                self.delete()?;
            }
            if !self.deleted.load(Ordering::Relaxed) {
                self.give_up_lock().map_err(failed)?;
            }
        }
        // Looked for after the lock is given up: a process that deletes the file tries the lock once more after it has renamed
        // the file, so one of the two finds that nobody has it.
        let is_deleted =
            self.deleted.load(Ordering::Relaxed) || self.directory.stat_of(self.id).map_err(failed)?.is_none();
        if is_deleted {
            // A pool's slots are many, and other processes that have the pool have them open.
            let patience = if self.holds_lock {
                LOOKERS_PATIENCE
            } else {
                Duration::ZERO
            };
            self.last = Some(FinishDeletion::new(&self.directory, self.id, patience));
        }
        Ok(())
    }

    /// Records that nobody has the file any more, which the caller has locked for itself, and unlocks it.
    fn give_up_lock(&self) -> io::Result<()> {
        // Without the host's clock the times stay as they are, and the time to live runs from the next sweep of a
        // process that has the clock: later than it should, and never too soon.
        if let Ok(now) = sys::boot_time() {
            record_end_of_use(&self.file, now)?;
        }
        // Closing the file does this too, but not before a process that is being forked just now has closed its copy.
        self.file.unlock()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.release();
    }
}
