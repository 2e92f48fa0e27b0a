//! The end of a deleted file: it goes once it is certain that no process has it, neither by a lock nor by a mapping without one.

use std::io;
use std::time::Duration;

use uuid::Uuid;

use super::{Directory, FileName};
use crate::error::{Error, Result};
use crate::sys::{self, Access, Backoff, GuardedFile, LockMode};

/// How long a process may take that only looks at a deleted file, or opens it and finds it deleted.
pub(crate) const LOOKERS_PATIENCE: Duration = Duration::from_millis(2);

/// Removes a deleted file, when this is dropped, if nobody has it any more: for a handle that drops this after all that it had
/// of the file.
#[derive(Debug)]
pub(crate) struct FinishDeletion {
    directory: Directory,
    id: Uuid,
    patience: Duration,
}

impl FinishDeletion {
    pub(crate) fn new(directory: &Directory, id: Uuid, patience: Duration) -> Self {
        Self {
            directory: directory.clone(),
            id,
            patience,
        }
    }
}

impl Drop for FinishDeletion {
    fn drop(&mut self) {
        self.directory.finish_deletion(self.id, self.patience);
    }
}

impl Directory {
    /// Removes a file that is called deleted if nobody has it, and says whether that is so. It is open by a descriptor that was
    /// opened to ask, as mappings through that one are not seen.
    pub(super) fn free(&self, id: Uuid, file: &GuardedFile, patience: Duration) -> Result<bool> {
        let mut backoff = Backoff::new(patience);
        let mut is_unused = self.is_unused(id, file)?;
        // Of several that ask at once each keeps the others from being told that nobody has it, so those without the lock give up.
        while !is_unused && !patience.is_zero() && self.can_lock(id, file)? && backoff.pause() {
            is_unused = self.is_unused(id, file)?;
        }
        if is_unused {
            self.dispose(id, file)?;
        }
        Ok(is_unused)
    }

    /// Whether no process has a file that is called deleted. Where the system grants no leases, the lock is all that can be known.
    /// If nobody has it, nobody can open it until the caller closes it.
    pub(crate) fn is_unused(&self, id: Uuid, file: &GuardedFile) -> Result<bool> {
        match file.nobody_else_gets_it() {
            Err(error) if sys::grants_no_leases(&error) => self.can_lock(id, file),
            answer => answer.map_err(|error| self.asking_failed(id, error)),
        }
    }

    fn can_lock(&self, id: Uuid, file: &GuardedFile) -> Result<bool> {
        let locked = file.try_lock(LockMode::Exclusive);
        locked.map_err(|error| self.asking_failed(id, error))
    }

    fn asking_failed(&self, id: Uuid, error: io::Error) -> Error {
        let path = self.path_of(&FileName::of_deleted(id).to_string());
        Error::io("look for users of", &path, error)
    }

    /// Does away with a deleted file that nobody has: its memory is kept for what is made next, or freed. `file` has its lease, or its
    /// exclusive lock where there are no leases.
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
        let file = match self.handle().open_file(&name, Access::Read) {
            // Another process has removed it, or is just about to.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {
                return Ok(false);
            }
            opened => opened.map_err(|error| self.asking_failed(id, error))?,
        };
        self.free(id, &file, patience)
    }
}
