//! A file that is to be deleted: looked at while nothing is changed, then taken from its name, then freed if nobody has it.

use std::io;
use std::time::Duration;

use uuid::Uuid;

use super::{Directory, FileName, check_file};
use crate::error::{Error, Result};
use crate::format::{BufferState, Header, Role, Snapshot};
use crate::sys::{Access, GuardedFile, LockMode, Stat};

/// A file that is to be deleted, as it was found.
#[derive(Debug)]
pub(crate) struct Condemned {
    id: Uuid,
    /// Nothing where it cannot be opened as a file of a store, a link for example.
    opened: Option<(GuardedFile, Stat)>,
    /// Nothing where it is damaged.
    snapshot: Option<Snapshot>,
    /// Whether its exclusive lock was free when it was taken from its name.
    unheld: bool,
}

impl Condemned {
    /// What has its name and cannot be opened.
    pub(super) fn unopened(id: Uuid) -> Self {
        Self {
            id,
            opened: None,
            snapshot: None,
            unheld: false,
        }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// What its header says; nothing where it is damaged.
    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    fn header(&self) -> Option<&Header> {
        self.snapshot().map(|snapshot| &snapshot.header)
    }

    /// The name that it was made with.
    pub(super) fn name(&self) -> Option<String> {
        self.header()?.metadata.name.clone()
    }

    /// The slots of a pool.
    pub(super) fn slots(&self) -> Vec<Uuid> {
        let pool = self.header().and_then(|header| header.metadata.pool.as_ref());
        pool.map_or(Vec::new(), |pool| pool.slots.clone())
    }

    pub(super) fn is_slot_of(&self, pool: Uuid) -> bool {
        self.header().and_then(|header| header.metadata.slot_of) == Some(pool)
    }
}

/// What became of a file that was deleted.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Its memory is free. The number is that of its bytes.
    Freed(u64),
    /// Its memory is taken until the last process lets go of it.
    Pending(PendingMemory),
}

/// Memory of a deleted file that a process still has.
#[derive(Debug)]
pub(crate) struct PendingMemory {
    pub(crate) stat: Stat,
    pub(crate) keeper: Keeper,
}

/// What became of files that were deleted together.
#[derive(Debug, Default)]
pub(crate) struct DeletedMemory {
    /// Bytes that the files took.
    pub(crate) freed_bytes: u64,
    pub(crate) pending: Vec<PendingMemory>,
}

impl DeletedMemory {
    pub(super) fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Freed(bytes) => self.freed_bytes = self.freed_bytes.saturating_add(bytes),
            Fate::Pending(memory) => self.pending.push(memory),
        }
    }

    /// Bytes that the files take which a process still has.
    pub(crate) fn pending_bytes(&self) -> u64 {
        let bytes = self.pending.iter().map(|memory| memory.stat.len);
        bytes.fold(0, u64::saturating_add)
    }
}

/// By what a deleted file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// A process holds its lock.
    Lock,
    /// Nobody holds its lock, and somebody has it mapped or open.
    NoLock,
    /// The system failed when it was asked.
    Unknown,
}

impl Directory {
    /// Opens a file that is to be deleted and reads its header. Nothing is changed. A file that a newer program made is refused.
    pub(crate) fn condemn(&self, id: Uuid) -> Result<Condemned> {
        let path = self.file_path(id);
        let looked = self
            .open_file(id, Access::Read)
            .and_then(|file| check_file(&file, &path).map(|stat| (file, stat)));
        let (file, stat) = match looked {
            Err(Error::Damaged { .. }) => return Ok(Condemned::unopened(id)),
            looked => looked?,
        };
        if stat.is_deleted() {
            return Err(self.not_found(id));
        }
        let snapshot = match self.read_opened(&file, &path, id, stat) {
            // Nothing is known of a damaged file but its id. One of a newer program is as good as any, and may be a pool, whose slots
            // would stay.
            Err(Error::Damaged { .. }) => None,
            Err(error @ Error::UnsupportedVersion { .. }) if error.newer_version().is_none() => None,
            read => Some(read?),
        };
        Ok(Condemned {
            id,
            opened: Some((file, stat)),
            snapshot,
            unheld: false,
        })
    }

    /// Takes a file from its name, so that nobody finds it from here on. Its memory is not freed yet, because that takes long.
    pub(super) fn put_away(&self, condemned: &mut Condemned) -> Result<()> {
        let id = condemned.id;
        let Some((file, stat)) = &condemned.opened else {
            return self.remove_foreign(id);
        };
        condemned.unheld = file
            .try_lock(LockMode::Exclusive)
            .map_err(|error| Error::io("delete", &self.file_path(id), error))?;
        let mark = !condemned.unheld && may_be_marked(condemned.snapshot());
        self.take_from_name(id, file, mark.then_some(stat))
    }

    /// Marks a file, if it is to be, and calls it deleted.
    ///
    /// What a process holds is marked before it is renamed, because processes that have it open see the mark alone: waits for it
    /// end, and an opener that found the name before it went finds the file deleted. A process that is killed between the two
    /// leaves a marked file with its name, which counts as gone; a collector goes on from there.
    pub(super) fn take_from_name(&self, id: Uuid, file: &GuardedFile, mark: Option<&Stat>) -> Result<()> {
        if let Some(stat) = mark {
            file.mark_deleted(stat)
                .map_err(|error| Error::io("delete", &self.file_path(id), error))?;
        }
        self.call_deleted(id).inspect_err(|_| {
            if let Some(Err(error)) = mark.map(|stat| file.unmark_deleted(stat)) {
                tracing::warn!(%id, %error, "a file that could not be deleted counts as gone until it is collected");
            }
        })
    }

    /// Removes what has a file's name and is none of a store's: nothing of a store has it open.
    fn remove_foreign(&self, id: Uuid) -> Result<()> {
        let name = FileName::of(id).to_string();
        let removed = match self.handle().remove(&name) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => self.handle().remove_directory(&name),
            removed => removed,
        };
        removed.map_err(|error| Error::io("delete", &self.file_path(id), error))?;
        self.forget_ttl(id);
        Ok(())
    }

    /// Gives a file the name of one that was deleted; that somebody else has done so is fine.
    fn call_deleted(&self, id: Uuid) -> Result<()> {
        let (file, deleted) = (FileName::of(id).to_string(), FileName::of_deleted(id).to_string());
        match self.handle().rename(&file, &deleted) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed.map_err(|error| Error::io("delete", &self.file_path(id), error))?,
        }
        self.forget_ttl(id);
        Ok(())
    }

    /// Frees the memory of a file that was put away, unless a process has it. As the file is deleted by now, what cannot be told
    /// is no error: the next sweep finds it.
    pub(super) fn end(&self, condemned: Condemned, patience: Duration) -> Result<Fate> {
        let is_buffer = condemned.header().is_some_and(|header| header.role == Role::Buffer);
        let Some((file, stat)) = condemned.opened else {
            return Ok(Fate::Freed(0));
        };
        let pending = |keeper| Ok(Fate::Pending(PendingMemory { stat, keeper }));
        if !condemned.unheld {
            if is_buffer {
                self.wake_waiters(condemned.id, stat.len);
            }
            // The last holder may have let go of it after the lock was tried and before it was called deleted.
            match file.try_lock(LockMode::Exclusive) {
                Ok(true) => {}
                Ok(false) => return pending(Keeper::Lock),
                Err(error) => {
                    tracing::debug!(id = %condemned.id, %error, "a deleted file is left to the next sweep");
                    return pending(Keeper::Unknown);
                }
            }
        }
        match self.free(condemned.id, &file, patience) {
            Ok(true) => Ok(Fate::Freed(stat.len)),
            Ok(false) => {
                Self::mark_mapped(condemned.id, &file, &stat);
                pending(Keeper::NoLock)
            }
            Err(error) => {
                tracing::debug!(id = %condemned.id, %error, "a deleted file is left to the next sweep");
                pending(Keeper::Unknown)
            }
        }
    }

    /// Marks a file that was called deleted while nobody held it and that turns out to be mapped, or about to be opened: that
    /// opener finds it deleted.
    pub(super) fn mark_mapped(id: Uuid, file: &GuardedFile, stat: &Stat) {
        if let Err(error) = file.mark_deleted(stat) {
            tracing::debug!(%id, %error, "a deleted file is not marked");
        }
    }
}

/// Whether the mode of a file may be changed: only the process that fills an empty scene changes that of the scene, when it
/// seals it.
pub(super) fn may_be_marked(snapshot: Option<&Snapshot>) -> bool {
    snapshot.is_none_or(|snapshot| snapshot.header.role != Role::Scene || snapshot.state() == BufferState::Sealed)
}
