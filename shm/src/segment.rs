//! An open file of the store, the lock that keeps it there, and its mapping if it can be rewritten.
//!
//! The rule of the store: a handle holds its file by a shared lock, so a process that gets the exclusive lock knows that nobody
//! holds the file. The exception is a pool's handle to a slot, which holds the slot only while it is given out. The kernel drops
//! the locks of processes that die.

mod closing;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use uuid::Uuid;

use crate::collector::Collector;
use crate::directory::{Directory, Draft, FinishDeletion, LOOKERS_PATIENCE, check_file, map_file, record_use};
use crate::error::{Error, Result};
use crate::format::{BufferState, Role, Snapshot, check_ttl};
use crate::sys::{self, Access, ForkMutex, GuardedFile, LOCK_PATIENCE, LockMode, Mapping, Protection};

pub(crate) use closing::OnClose;

/// An open file, which collectors leave alone as long as this holds it.
#[derive(Debug)]
pub(crate) struct Segment {
    directory: Directory,
    id: Uuid,
    path: PathBuf,
    file: GuardedFile,
    /// Length of the file, which never changes.
    len: u64,
    /// The whole file, where it can be rewritten; a forked child finds zeros until it opens the file itself.
    shared: OnceLock<Mapping>,
    /// What the header of a sealed scene says, in which nothing changes any more.
    sealed: OnceLock<Arc<Snapshot>>,
    reopening: ForkMutex<()>,
    /// Whether an open file is held by its lock. A pool keeps its slots' files open and locks those that it is given.
    holds_lock: bool,
    on_close: AtomicU8,
    released: bool,
    /// Whether this handle has deleted the file.
    deleted: AtomicBool,
    /// The last field: fields are dropped in order, and whether anybody has the file can be asked only when this handle has not.
    last: Option<FinishDeletion>,
}

impl Segment {
    /// Opens a file of the store, as a holder, and reads its header.
    pub(crate) fn open(directory: &Directory, id: Uuid, access: Access) -> Result<(Self, Snapshot)> {
        let path = directory.file_path(id);
        let (file, snapshot) = open_held(directory, id, &path, access)?;
        let segment = Self::new(directory, id, path, file, snapshot.stat.len, true);
        // Where somebody has it open, that is recorded already, and they cannot take it back while we hold the lock.
        if snapshot.stat.accessed == snapshot.stat.modified {
            segment.record_use()?;
        }
        Ok((segment, snapshot))
    }

    /// Opens a file that can be rewritten, as a holder. A sealed scene, which cannot be opened for writing, is named as what it is.
    pub(crate) fn open_rewritable(directory: &Directory, id: Uuid, expected: &'static str) -> Result<(Self, Snapshot)> {
        let opened = Self::open(directory, id, Access::ReadWrite);
        if let Err(Error::Io { .. }) = opened
            && let Ok(Role::Scene) = directory.look(id).map(|snapshot| snapshot.header.role)
        {
            return Err(Error::WrongRole {
                id,
                expected,
                found: Role::Scene.as_str(),
            });
        }
        opened
    }

    /// Publishes a draft and holds its file, which is locked and whose use is recorded by then. Others see the file from then
    /// on, so nothing here may fail after that.
    pub(crate) fn publish(draft: &mut Draft, name: Option<&str>, replace: bool) -> Result<Self> {
        let file = draft.publish(name, replace)?;
        let (directory, id) = (draft.directory(), draft.id());
        let path = directory.file_path(id);
        Ok(Self::new(directory, id, path, file, draft.len(), true))
    }

    /// Opens a file for a pool, which locks it when it is given out.
    pub(crate) fn open_unlocked(directory: &Directory, id: Uuid) -> Result<(Self, Snapshot)> {
        let file = directory.open_file(id, Access::ReadWrite)?;
        let snapshot = directory.look_at(&file, id)?;
        let path = directory.file_path(id);
        Ok((Self::new(directory, id, path, file, snapshot.stat.len, false), snapshot))
    }

    fn new(directory: &Directory, id: Uuid, path: PathBuf, file: GuardedFile, len: u64, holds_lock: bool) -> Self {
        Self {
            directory: directory.clone(),
            id,
            path,
            file,
            len,
            shared: OnceLock::new(),
            sealed: OnceLock::new(),
            reopening: ForkMutex::default(),
            holds_lock,
            on_close: AtomicU8::new(OnClose::Keep as u8),
            released: false,
            deleted: AtomicBool::new(false),
            last: None,
        }
    }

    fn record_use(&self) -> Result<()> {
        record_use(&self.file, &self.path)
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, opened anew first if this process is a child of the one that opened it.
    pub(crate) fn file(&self) -> Result<&GuardedFile> {
        if !self.file.is_own() {
            self.reopen()?;
        }
        Ok(&self.file)
    }

    /// Whether the lock is this process's own.
    pub(crate) fn is_own(&self) -> bool {
        self.file.is_own()
    }

    fn reopen(&self) -> Result<()> {
        let _guard = self.reopening.lock();
        if self.file.is_own() {
            return Ok(());
        }
        let access = self.file.access();
        let file = if self.holds_lock {
            open_held(&self.directory, self.id, &self.path, access)?.0
        } else {
            let file = self.directory.open_file(self.id, access)?;
            self.directory.look_at(&file, self.id)?;
            file
        };
        self.file
            .replace_with(&file)
            .map_err(|error| Error::io("open anew", &self.path, error))?;
        if let Some(mapping) = self.shared.get() {
            mapping
                .restore(&file)
                .map_err(|error| Error::io("map anew", &self.path, error))?;
        }
        // The parent's handle was asked to delete the file when it closes; this copy of it must not.
        let _ = self.on_close.compare_exchange(
            OnClose::Unlink as u8,
            OnClose::Keep as u8,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.file.adopt();
        if self.holds_lock { self.record_use() } else { Ok(()) }
    }

    /// The whole file, mapped so that writes reach everybody. The handle must be open for writing.
    pub(crate) fn shared(&self) -> Result<&Mapping> {
        let file = self.file()?;
        if let Some(mapping) = self.shared.get() {
            return Ok(mapping);
        }
        let mapping = map_file(file, self.len, &self.path, Protection::Shared)?;
        Ok(sys::keep_first(&self.shared, mapping))
    }

    /// Uses a mapping that was made before the file was visible.
    pub(crate) fn keep_mapped(&self, mapping: Mapping) {
        sys::keep_first(&self.shared, mapping);
    }

    /// The whole file, mapped anew.
    pub(crate) fn map(&self, protection: Protection) -> Result<Mapping> {
        map_file(self.file()?, self.len, &self.path, protection)
    }

    /// Does something with the file, opened so that what is mapped keeps no lock. A forked child inherits such mappings, and
    /// would have its dead parent's locks by them.
    pub(crate) fn with_file_without_locks<T>(&self, act: impl FnOnce(&GuardedFile) -> Result<T>) -> Result<T> {
        let file = self.file()?;
        // Without /proc, or without a descriptor left, it keeps them: that matters only to a child that outlives this process.
        let without_locks = file.without_locks();
        act(without_locks.as_ref().unwrap_or(file))
    }

    /// The whole file, mapped as this process's own, without a lock.
    pub(crate) fn map_without_locks(&self) -> Result<Mapping> {
        self.with_file_without_locks(|file| map_file(file, self.len, &self.path, Protection::CopyOnWrite))
    }

    /// What the header of a sealed scene says, if it has been read. What the file system knew of the file then may have changed.
    pub(crate) fn sealed(&self) -> Option<&Arc<Snapshot>> {
        self.sealed.get()
    }

    /// The header and what the file system knows of the file now, validated. Of a scene that was found sealed the header is not read
    /// again.
    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        let file = self.file()?;
        if let Some(sealed) = self.sealed() {
            let stat = check_file(file, &self.path)?;
            return Ok(Snapshot {
                stat,
                ..Snapshot::clone(sealed)
            });
        }
        self.directory.snapshot(file, self.id)
    }

    /// Does not read the header again from now on, if it is that of a sealed scene.
    pub(crate) fn keep_if_sealed(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        if snapshot.state() == BufferState::Sealed {
            sys::keep_first(&self.sealed, Arc::new(snapshot)).clone()
        } else {
            Arc::new(snapshot)
        }
    }

    /// Reads and validates the header of a file that must be of this role.
    pub(crate) fn snapshot_of(&self, role: Role) -> Result<Snapshot> {
        let snapshot = self.snapshot()?;
        snapshot.expect(role)?;
        Ok(snapshot)
    }

    /// Changes how long the file stays once nobody has it open. No collector judges the file meanwhile, because this holds it: not
    /// even one that makes room for the change.
    pub(crate) fn set_ttl(&self, ttl: Duration) -> Result<()> {
        check_ttl(ttl)?;
        let header = self.snapshot()?.header;
        header.expect_ttl()?;
        Collector(&self.directory).with_room(|| self.directory.change_ttl(&header, ttl))
    }
}

/// Opens a file, takes the shared lock, so that it is certain to stay, and reads its header.
fn open_held(directory: &Directory, id: Uuid, path: &Path, access: Access) -> Result<(GuardedFile, Snapshot)> {
    let file = directory.open_file(id, access)?;
    let locked = file
        .lock(LockMode::Shared, LOCK_PATIENCE)
        .map_err(|error| Error::io("lock", path, error))?;
    if !locked {
        return Err(Error::Busy {
            what: "the buffer's file",
            waited: LOCK_PATIENCE,
            holder: directory.lock_holder(&file),
        });
    }
    let stat = check_file(&file, path)?;
    // A collector or a deleter came between opening and locking. Ids are never used twice: what is not deleted and has this id in
    // its header is what was meant, and its memory is not used for anything else while it is open here.
    if stat.is_deleted() {
        drop(file);
        if stat.is_marked_deleted() {
            // Those that let go of it meanwhile may have found it open here.
            directory.finish_deletion(id, LOOKERS_PATIENCE);
        }
        return Err(directory.not_found(id));
    }
    let snapshot = directory.read_opened(&file, path, id, stat)?;
    Ok((file, snapshot))
}
