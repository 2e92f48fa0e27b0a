//! Deleting files, and freeing the names that they had.

use std::time::Duration;

use uuid::Uuid;

use super::condemned::{Condemned, DeletedMemory, Fate, may_be_marked};
use super::disposal::LOOKERS_PATIENCE;
use super::{Directory, check_file};
use crate::error::Result;
use crate::format::Snapshot;
use crate::sys::GuardedFile;

impl Directory {
    /// Deletes a file and frees its name; a pool goes with its slots.
    pub(crate) fn delete(&self, condemned: Condemned) -> Result<DeletedMemory> {
        let (id, name, slots) = (condemned.id(), condemned.name(), condemned.slots());
        let file = self.delete_file(condemned, LOOKERS_PATIENCE)?;
        let mut deleted = self.delete_slots(id, slots, LOOKERS_PATIENCE);
        deleted.add(file);
        self.free_name(name, id, || self.lock().map(Some));
        Ok(deleted)
    }

    /// The same through the open file of a caller that holds it. Its memory is freed when the caller and all others have let go
    /// of it. `sealed` is what it says if that is known and cannot have changed.
    pub(crate) fn delete_held(&self, id: Uuid, file: &GuardedFile, sealed: Option<&Snapshot>) -> Result<()> {
        let read = match sealed.map_or_else(|| self.snapshot(file, id).map(Some), |_| Ok(None)) {
            Err(error) if error.is_conclusive() => None,
            read => read?,
        };
        let snapshot = sealed.or(read.as_ref());
        let stat = match snapshot {
            Some(snapshot) => snapshot.stat,
            None => check_file(file, &self.file_path(id))?,
        };
        let pool = snapshot.and_then(|snapshot| snapshot.header.metadata.pool.as_ref());
        // Where no slot can be opened, for want of a descriptor, the pool stays rather than to be deleted by half.
        if let Some(Err(error)) = pool.and_then(|pool| pool.slots.first()).map(|&slot| self.condemn(slot))
            && !error.is_conclusive()
        {
            return Err(error);
        }
        self.take_from_name(id, file, may_be_marked(snapshot).then_some(&stat))?;
        let Some(snapshot) = snapshot else { return Ok(()) };
        if let Some(pool) = pool {
            // The caller has them open itself.
            self.delete_slots(id, pool.slots.clone(), Duration::ZERO);
        }
        self.free_name(snapshot.header.metadata.name.clone(), id, || self.lock().map(Some));
        Ok(())
    }

    /// Deletes a file alone whose exclusive lock a collector has, by a descriptor that was opened for that, and says whether its
    /// memory is free. Collectors delete many files, so they do not wait for the store's lock each time, and the next one frees
    /// the names that are left.
    pub(crate) fn collect_file(&self, id: Uuid, file: &GuardedFile, snapshot: Option<&Snapshot>) -> Result<bool> {
        let stat = match snapshot {
            Some(snapshot) => snapshot.stat,
            None => check_file(file, &self.file_path(id))?,
        };
        self.take_from_name(id, file, None)?;
        let name = snapshot.and_then(|snapshot| snapshot.header.metadata.name.clone());
        self.free_name(name, id, || self.lock_if_free());
        let freed = self.free(id, file, Duration::ZERO)?;
        if !freed {
            Self::mark_mapped(id, file, &stat);
        }
        Ok(freed)
    }

    /// Goes on where a process was killed that had marked a file as deleted and not yet renamed it.
    pub(crate) fn call_marked_file_deleted(&self, id: Uuid, file: &GuardedFile) -> Result<()> {
        self.take_from_name(id, file, None)
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

    /// Deletes a file that has no name, or not any more.
    fn delete_file(&self, mut condemned: Condemned, patience: Duration) -> Result<Fate> {
        self.put_away(&mut condemned)?;
        self.end(condemned, patience)
    }

    /// Deletes the slots of a pool that is gone. Those that cannot be looked at or deleted are left to the next sweep, which takes
    /// slots without a pool.
    pub(super) fn delete_slots(&self, pool: Uuid, slots: Vec<Uuid>, mut patience: Duration) -> DeletedMemory {
        let delete = |slot, patience| match self.condemn(slot) {
            // A pool's list is only believed where the slot says the same.
            Ok(condemned) if condemned.is_slot_of(pool) => self.delete_file(condemned, patience).map(Some),
            Err(error) if !error.is_conclusive() => Err(error),
            _ => Ok(None),
        };
        let mut deleted = DeletedMemory::default();
        for slot in slots {
            match delete(slot, patience) {
                Ok(None) => {}
                Ok(Some(fate)) => {
                    if matches!(fate, Fate::Pending(_)) {
                        // A process that has the pool open has all of its slots open, so it is waited for once.
                        patience = Duration::ZERO;
                    }
                    deleted.add(fate);
                }
                Err(error) => {
                    tracing::warn!(%slot, %error, "a slot of a deleted pool is left to the next sweep");
                }
            }
        }
        deleted
    }

    /// Removes what was made for something that has failed. If that fails too, the next sweep finds it.
    pub(crate) fn remove_leftover(&self, file: &str) {
        if let Err(error) = self.handle().remove(file) {
            tracing::debug!(file, %error, "what was made in vain is left to the next sweep");
        }
    }
}
