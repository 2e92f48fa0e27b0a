//! The end of a deleted file: it goes once it is certain that no process has it, neither by a lock nor by a mapping without one.

use std::io;
use std::time::Duration;

use uuid::Uuid;

use super::{Directory, FileName};
use crate::error::{Error, Result};
use crate::sys::{self, Access, Backoff, GuardedFile, LockMode};

/// How long a process may take that only looks at a deleted file, or opens it and finds it deleted.
pub(crate) const LOOKERS_PATIENCE: Duration = Duration::from_millis(2);

impl Directory {
    /// Removes a file that is called deleted if nobody has it, and says whether that is so. The caller has its exclusive lock, by a
    /// descriptor that was opened to ask: mappings through that one are not seen.
    pub(super) fn free(&self, id: Uuid, file: &GuardedFile, patience: Duration) -> Result<bool> {
        let mut backoff = Backoff::new(patience);
        while !self.is_unused(id, file)? {
            if patience.is_zero() || !backoff.pause() {
                return Ok(false);
            }
        }
        self.dispose(id, file).map(|()| true)
    }

    /// Whether no process has a file that is called deleted, of which the caller has the exclusive lock. Where the system grants
    /// no leases, the lock is all that can be known.
    pub(crate) fn is_unused(&self, id: Uuid, file: &GuardedFile) -> Result<bool> {
        match file.nobody_else_has_it() {
            Err(error) if sys::grants_no_leases(&error) => Ok(true),
            answer => answer.map_err(|error| {
                let path = self.path_of(&FileName::of_deleted(id).to_string());
                Error::io("look for users of", &path, error)
            }),
        }
    }

    /// Does away with a deleted file that nobody has: its memory is kept for what is made next, or freed. The caller has its
    /// exclusive lock, by `file`.
    pub(crate) fn dispose(&self, id: Uuid, file: &GuardedFile) -> Result<()> {
        if self.keep(id, file) {
            return Ok(());
        }
        self.remove_deleted(id)
    }

    /// Removes what is called deleted, if it is there.
    pub(super) fn remove_deleted(&self, id: Uuid) -> Result<()> {
        let name = FileName::of_deleted(id).to_string();
        self.handle()
            .remove(&name)
            .map(drop)
            .map_err(|error| Error::io("delete", &self.path_of(&name), error))
    }

    /// Removes a deleted file if the caller was the last that had it, and has let go of it. What fails is left to the next sweep.
    pub(crate) fn finish_deletion(&self, id: Uuid, patience: Duration) {
        if let Err(error) = self.free_if_unheld(id, patience) {
            tracing::debug!(%id, %error, "a deleted file is left to the next sweep");
        }
    }

    fn free_if_unheld(&self, id: Uuid, patience: Duration) -> Result<bool> {
        let name = FileName::of_deleted(id).to_string();
        let failed = |error| Error::io("look for users of", &self.path_of(&name), error);
        let file = match self.handle().open_file(&name, Access::Read) {
            // Another process has removed it, or is just about to.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {
                return Ok(false);
            }
            opened => opened.map_err(failed)?,
        };
        if !file.try_lock(LockMode::Exclusive).map_err(failed)? {
            return Ok(false);
        }
        self.free(id, &file, patience)
    }
}
