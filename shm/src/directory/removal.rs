//! Removing files, and freeing the names that they had.

use uuid::Uuid;

use super::waiters::Waiters;
use super::{Directory, FileName};
use crate::error::{Error, Result};
use crate::sys::{Access, GuardedFile, LockMode};

impl Directory {
    /// Removes a file and frees its name; a pool goes with its slots.
    pub(crate) fn remove(&self, id: Uuid) -> Result<()> {
        let name = self.name_of(id);
        self.unlink_with_slots(id)?;
        self.free_name(name, id, || self.lock().map(Some));
        Ok(())
    }

    /// Removes a file alone, and frees its name.
    pub(crate) fn remove_file(&self, id: Uuid) -> Result<()> {
        let name = self.name_of(id);
        self.unlink(id)?;
        self.free_name(name, id, || self.lock().map(Some));
        Ok(())
    }

    /// The same for collectors. They remove many files, so they do not wait for the lock each time, and the next
    /// collector frees the names that are left.
    pub(crate) fn collect_file(&self, id: Uuid) -> Result<()> {
        let name = self.name_of(id);
        self.unlink(id)?;
        self.free_name(name, id, || self.lock_if_free());
        Ok(())
    }

    fn name_of(&self, id: Uuid) -> Option<String> {
        self.look(id).ok()?.header.metadata.name
    }

    /// Frees the name of a file that is gone. Until then it says nothing; were it freed first, a process that dies between
    /// the two would leave a file that nobody finds.
    fn free_name(&self, name: Option<String>, id: Uuid, lock: impl FnOnce() -> Result<Option<GuardedFile>>) {
        let Some(name) = name else { return };
        let freed = lock().and_then(|lock| match lock {
            Some(_lock) => self.unbind_name(&name, id),
            None => Ok(()),
        });
        if let Err(error) = freed {
            tracing::debug!(%id, %error, "a name is left to the next sweep");
        }
    }

    /// Removes a file that has no name, or not any more; a pool goes with its slots.
    fn unlink_with_slots(&self, id: Uuid) -> Result<()> {
        let slots = match self.look(id) {
            Err(error) if error.is_conclusive() => Vec::new(),
            looked => looked?.header.metadata.pool.map_or(Vec::new(), |pool| pool.slots),
        };
        self.unlink(id)?;
        self.unlink_slots(id, slots);
        Ok(())
    }

    /// Removes the slots of a pool that is gone. Those that cannot be looked at or removed are left to the next sweep, which takes
    /// slots without a pool.
    pub(crate) fn unlink_slots(&self, pool: Uuid, slots: Vec<Uuid>) {
        for slot in slots {
            // A pool's list is only believed where the slot says the same.
            let removed = match self.look(slot) {
                Ok(snapshot) if snapshot.header.metadata.slot_of == Some(pool) => self.unlink(slot),
                Err(error) if !error.is_conclusive() => Err(error),
                _ => Ok(()),
            };
            if let Err(error) = removed {
                tracing::warn!(%slot, %error, "a slot of a deleted pool is left to the next sweep");
            }
        }
    }

    /// Removes a file; one that is gone already is fine. Waiters for a write to it are woken.
    pub(crate) fn unlink(&self, id: Uuid) -> Result<()> {
        let waiters = Waiters::of(self, id);
        let failed = |error| Error::io("delete", &self.file_path(id), error);
        let (name, deleted) = (FileName::of(id).to_string(), FileName::of_deleted(id).to_string());
        if let Ok(file) = self.handle().open_file(&name, Access::Read)
            && file.try_lock(LockMode::Exclusive).map_err(failed)?
        {
            self.handle().rename(&name, &deleted).map_err(failed)?;
            if !matches!(file.nobody_else_has_it(), Ok(true)) || !self.keep(id, &file) {
                self.handle().remove(&deleted).map_err(failed)?;
            }
        } else {
            self.handle().remove(&name).map_err(failed)?;
        }
        waiters.wake();
        Ok(())
    }

    /// Removes what was made for something that has failed. If that fails too, the next sweep finds it.
    pub(crate) fn remove_leftover(&self, file: &str) {
        if let Err(error) = self.handle().remove(file) {
            tracing::debug!(file, %error, "what was made in vain is left to the next sweep");
        }
    }
}
