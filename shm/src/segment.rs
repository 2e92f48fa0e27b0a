//! An open file of the store, the lock that keeps it there, and its mapping if it can be rewritten.
//!
//! The rule of the store: a handle holds its file by a shared lock, so a process that gets the exclusive lock knows that nobody
//! holds the file. The exception is a pool's handle to a slot, which holds the slot only while it is given out. The kernel drops
//! the locks of processes that die.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::collector::Collector;
use crate::directory::{
    Directory, Draft, FinishDeletion, LOOKERS_PATIENCE, check_file, map_file, record_end_of_use, record_use,
};
use crate::error::{Error, Result};
use crate::format::{AT_SEQUENCE, Role, Snapshot, check_ttl};
use crate::sys::{self, Access, ForkMutex, GuardedFile, LOCK_PATIENCE, LockMode, Mapping, Protection};

/// An open file, which collectors leave alone as long as this holds it.
#[derive(Debug)]
pub(crate) struct Segment {
    directory: Directory,
    id: Uuid,
    file: GuardedFile,
    /// Length of the file, which never changes.
    len: u64,
    /// The whole file, where it can be rewritten; a forked child finds zeros until it opens the file itself.
    shared: OnceLock<Mapping>,
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

/// Whether a file is deleted when a handle to it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnClose {
    Keep,
    Unlink,
    UnlinkIfLast,
}

impl Segment {
    /// Opens a file of the store, as a holder, and reads its header.
    pub(crate) fn open(directory: &Directory, id: Uuid, access: Access) -> Result<(Self, Snapshot)> {
        let (file, snapshot) = open_held(directory, id, access)?;
        let segment = Self::new(directory, id, file, snapshot.stat.len, true);
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
        Ok(Self::new(draft.directory(), draft.id(), file, draft.len(), true))
    }

    /// Opens a file for a pool, which locks it when it is given out.
    pub(crate) fn open_unlocked(directory: &Directory, id: Uuid) -> Result<(Self, Snapshot)> {
        let file = directory.open_file(id, Access::ReadWrite)?;
        let snapshot = directory.look_at(&file, id)?;
        Ok((Self::new(directory, id, file, snapshot.stat.len, false), snapshot))
    }

    fn new(directory: &Directory, id: Uuid, file: GuardedFile, len: u64, holds_lock: bool) -> Self {
        Self {
            directory: directory.clone(),
            id,
            file,
            len,
            shared: OnceLock::new(),
            reopening: ForkMutex::default(),
            holds_lock,
            on_close: AtomicU8::new(OnClose::Keep as u8),
            released: false,
            deleted: AtomicBool::new(false),
            last: None,
        }
    }

    fn record_use(&self) -> Result<()> {
        record_use(&self.file, &self.path())
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.file_path(self.id)
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
            open_held(&self.directory, self.id, access)?.0
        } else {
            let file = self.directory.open_file(self.id, access)?;
            self.directory.look_at(&file, self.id)?;
            file
        };
        self.file
            .replace_with(&file)
            .map_err(|error| Error::io("open anew", &self.path(), error))?;
        if let Some(mapping) = self.shared.get() {
            mapping
                .restore(&file)
                .map_err(|error| Error::io("map anew", &self.path(), error))?;
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
        let mapping = map_file(file, self.len, &self.path(), Protection::Shared)?;
        Ok(sys::keep_first(&self.shared, mapping))
    }

    /// Uses a mapping that was made before the file was visible.
    pub(crate) fn keep_mapped(&self, mapping: Mapping) {
        sys::keep_first(&self.shared, mapping);
    }

    /// The whole file, mapped anew.
    pub(crate) fn map(&self, protection: Protection) -> Result<Mapping> {
        map_file(self.file()?, self.len, &self.path(), protection)
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
        self.with_file_without_locks(|file| map_file(file, self.len, &self.path(), Protection::CopyOnWrite))
    }

    /// Reads and validates the header.
    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        self.directory.snapshot(self.file()?, self.id)
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
        self.directory.delete_held(self.id, file)?;
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
        let failed = |error| Error::io("release", &self.path(), error);
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

/// Opens a file, takes the shared lock, so that it is certain to stay, and reads its header.
fn open_held(directory: &Directory, id: Uuid, access: Access) -> Result<(GuardedFile, Snapshot)> {
    let path = || directory.file_path(id);
    let file = directory.open_file(id, access)?;
    let locked = file
        .lock(LockMode::Shared, LOCK_PATIENCE)
        .map_err(|error| Error::io("lock", &path(), error))?;
    if !locked {
        return Err(Error::Busy {
            what: "the buffer's file",
            waited: LOCK_PATIENCE,
            holder: directory.lock_holder(&file),
        });
    }
    let stat = check_file(&file, &path())?;
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
    let snapshot = directory.read_opened(&file, id, stat)?;
    Ok((file, snapshot))
}
