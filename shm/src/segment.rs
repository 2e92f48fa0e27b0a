//! An open file of the store, the lock that keeps it there, and its mapping if it can be rewritten.
//!
//! The rule of the store: an open handle holds a shared lock on its file, and whoever gets the exclusive lock
//! knows that nobody is there. The kernel drops locks of processes that die.
//!
//! A file's times say since when nobody was there, on the clock of [`sys::boot_time`]: a holder makes them
//! differ, and the last one to go makes them equal. A collector that finds them different although it got the
//! exclusive lock knows that a holder died, and starts the time to live then.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::header::{HEADER_UNIT, Header, Role, Words};
use crate::store::Store;
use crate::sys::{self, Access, ForkMutex, GuardedFile, LOCK_PATIENCE, Mapping, Mode, Protection, Stat};
use crate::text::rfc3339;

/// How many times its size a header takes while it is parsed, at most: names, shapes and a table of arrays, and these once more.
const PARSED_SIZE: usize = 16;

/// An open file that collectors leave alone while this exists.
#[derive(Debug)]
pub(crate) struct Segment {
    store: Store,
    id: Uuid,
    file: GuardedFile,
    /// Length of the file, which never changes.
    len: u64,
    /// The whole file, where it can be rewritten; a forked child finds zeros until it opens the file itself.
    shared: OnceLock<Mapping>,
    reopening: ForkMutex<()>,
    /// Whether the lock is taken with the file. A pool keeps its slots' files open and locks those it is given.
    locked: bool,
    on_close: AtomicU8,
    released: bool,
}

/// Whether a file is deleted when a handle to it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnClose {
    Keep,
    Unlink,
    UnlinkIfLast,
}

/// A file's header, as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) header: Header,
    pub(crate) words: Words,
    /// Where the payload starts, in bytes from the start of the file.
    pub(crate) payload: u64,
    pub(crate) stat: Stat,
}

impl Snapshot {
    /// When the data was finished, for a scene that is; else when the file was made. Nanoseconds since 1970-01-01 UTC.
    pub(crate) fn created(&self) -> u64 {
        if self.words.finished > 0 {
            self.words.finished
        } else {
            self.header.created
        }
    }

    /// The same as text: RFC 3339, UTC, microseconds.
    pub(crate) fn created_at(&self) -> String {
        rfc3339(self.created())
    }

    /// Refuses a file of another role.
    pub(crate) fn expect(&self, role: Role) -> Result<()> {
        if self.header.role == role {
            return Ok(());
        }
        Err(Error::WrongRole {
            id: self.header.id,
            expected: role.as_str(),
            found: self.header.role.as_str(),
        })
    }

    /// Refuses a slot that was given to somebody else since a descriptor of it was made.
    pub(crate) fn expect_generation(&self, expected: Option<u64>) -> Result<()> {
        let found = self.words.generation;
        match expected {
            Some(expected) if expected != found => Err(Error::Stale {
                id: self.header.id,
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }
}

impl Segment {
    /// Opens a file of the store, as a holder, and reads its header.
    pub(crate) fn open(store: &Store, id: Uuid, access: Access) -> Result<(Self, Snapshot)> {
        let (file, stat) = open_held(store, id, access)?;
        let snapshot = read_snapshot(&file, &store.file_path(id), id, stat)?;
        let segment = Self::new(store, id, file, stat.len, true);
        // Where somebody has it open, that is recorded already, and they cannot take it back while we hold the lock.
        if stat.accessed == stat.modified {
            segment.record_use()?;
        }
        Ok((segment, snapshot))
    }

    /// Opens a file that can be rewritten, as a holder. A sealed scene, which cannot be opened for writing, is named as what it is.
    pub(crate) fn open_rewritable(store: &Store, id: Uuid, expected: &'static str) -> Result<(Self, Snapshot)> {
        let opened = Self::open(store, id, Access::ReadWrite);
        if let Err(Error::Io { .. }) = opened
            && let Ok(Role::Scene) = store.look(id).map(|snapshot| snapshot.header.role)
        {
            return Err(Error::WrongRole {
                id,
                expected,
                found: Role::Scene.as_str(),
            });
        }
        opened
    }

    /// Takes over a locked file of `len` bytes whose use was recorded ([`record_use`]). It does not fail, as others see the file.
    pub(crate) fn take_over(store: &Store, id: Uuid, file: GuardedFile, len: u64) -> Self {
        Self::new(store, id, file, len, true)
    }

    /// Opens a file for a pool, which locks it when it is given out.
    pub(crate) fn open_unlocked(store: &Store, id: Uuid) -> Result<(Self, Snapshot)> {
        let file = open_file(store, id, Access::ReadWrite)?;
        let snapshot = snapshot(&file, &store.file_path(id), id)?;
        Ok((Self::new(store, id, file, snapshot.stat.len, false), snapshot))
    }

    fn new(store: &Store, id: Uuid, file: GuardedFile, len: u64, locked: bool) -> Self {
        Self {
            store: store.clone(),
            id,
            file,
            len,
            shared: OnceLock::new(),
            reopening: ForkMutex::default(),
            locked,
            on_close: AtomicU8::new(OnClose::Keep as u8),
            released: false,
        }
    }

    fn record_use(&self) -> Result<()> {
        record_use(&self.file, &self.path())
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.store.file_path(self.id)
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
        let file = if self.locked {
            open_held(&self.store, self.id, access)?.0
        } else {
            open_file(&self.store, self.id, access)?
        };
        self.file
            .replace_with(&file)
            .map_err(|error| Error::io("open anew", &self.path(), error))?;
        if let Some(mapping) = self.shared.get() {
            mapping
                .restore(file.as_fd())
                .map_err(|error| Error::io("map anew", &self.path(), error))?;
        }
        // It goes with the handle that it was made by, and that is the parent's.
        let _ = self.on_close.compare_exchange(
            OnClose::Unlink as u8,
            OnClose::Keep as u8,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.file.adopt();
        if self.locked { self.record_use() } else { Ok(()) }
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
        snapshot(self.file()?, &self.path(), self.id)
    }

    /// Reads and validates the header of a file that must be of this role.
    pub(crate) fn snapshot_of(&self, role: Role) -> Result<Snapshot> {
        let snapshot = self.snapshot()?;
        snapshot.expect(role)?;
        Ok(snapshot)
    }

    /// Whether the file is deleted when this is dropped.
    pub(crate) fn set_on_close(&self, on_close: OnClose) {
        // Opened anew first, in a forked child: that gives up what the parent wanted, and must not undo this.
        if let Err(error) = self.file() {
            tracing::debug!(id = %self.id, %error, "a file could not be opened anew");
        }
        self.on_close.store(on_close as u8, Ordering::Relaxed);
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

    fn close(&self) -> Result<()> {
        let on_close = self.on_close.load(Ordering::Relaxed);
        if on_close == OnClose::Unlink as u8 {
            return self.store.remove_file(self.id);
        }
        let failed = |error| Error::io("release", &self.path(), error);
        if !self.locked || !sys::try_lock_file(self.file.as_fd(), Mode::Exclusive).map_err(failed)? {
            return Ok(());
        }
        // Nobody else is there, and nobody can come before this is closed.
        if on_close == OnClose::UnlinkIfLast as u8 {
            return self.store.remove(self.id);
        }
        // Without the host's clock the times stay as they are, and the time to live runs from the next sweep of somebody who
        // has it: later than it should, and never too soon.
        if let Ok(now) = sys::boot_time() {
            self.file.set_times(now, now).map_err(failed)?;
        }
        // Closing the file does this too, but not before a process that is being forked just now has closed its copy.
        sys::unlock_file(self.file.as_fd()).map_err(failed)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.release();
    }
}

/// Records that somebody has a file open.
pub(crate) fn record_use(file: &GuardedFile, path: &Path) -> Result<()> {
    // Any time that is not that of access does: it says that somebody is here, not since when.
    file.set_times(Duration::ZERO, sys::namespace_boot_time())
        .map_err(|error| Error::io("record the use of", path, error))
}

/// Opens a file and takes the shared lock, so that it is certain to stay.
fn open_held(store: &Store, id: Uuid, access: Access) -> Result<(GuardedFile, Stat)> {
    let path = || store.file_path(id);
    let file = open_file(store, id, access)?;
    let locked =
        sys::lock_file(file.as_fd(), Mode::Shared, LOCK_PATIENCE).map_err(|error| Error::io("lock", &path(), error))?;
    if !locked {
        return Err(Error::Busy {
            what: "the buffer's file",
            waited: LOCK_PATIENCE,
            holder: store.lock_holder(&file),
        });
    }
    let stat = check_file(&file, &path())?;
    // A collector or a deleter came between opening and locking. Ids are never used twice, so a file that still
    // has a name has its own.
    if stat.links == 0 {
        return Err(store.not_found(id));
    }
    Ok((file, stat))
}

/// Opens a file of the store without holding it: it may be deleted at any time.
pub(crate) fn open_file(store: &Store, id: Uuid, access: Access) -> Result<GuardedFile> {
    let name = Store::file_name(id);
    GuardedFile::open_at(store.directory(), &name, access).map_err(|error| {
        let damaged = |problem| Error::damaged(&store.file_path(id), problem);
        let is_foreign =
            || matches!(sys::stat_at(store.directory(), &name), Ok(Some(stat)) if stat.owner != store.owner());
        match error.raw_os_error() {
            Some(libc::ENOENT) => store.not_found(id),
            Some(libc::ELOOP) => damaged("it is a symbolic link"),
            Some(libc::EISDIR) => damaged("it is a directory"),
            Some(libc::ENXIO) => damaged("it is no regular file"),
            // Only its owner may look at a file and leave its times as they are.
            Some(libc::EPERM) if is_foreign() => damaged("it belongs to another user"),
            _ => Error::io("open", &store.file_path(id), error),
        }
    })
}

/// Maps a whole file of `len` bytes. The length of a file in a store never changes.
pub(crate) fn map_file(file: &GuardedFile, len: u64, path: &Path, protection: Protection) -> Result<Mapping> {
    let len = usize::try_from(len).map_err(|_| Error::damaged(path, "it is longer than memory can be"))?;
    Mapping::new(file.as_fd(), len, protection).map_err(|error| Error::io("map", path, error))
}

fn check_file(file: &GuardedFile, path: &Path) -> Result<Stat> {
    let stat = file.stat().map_err(|error| Error::io("look at", path, error))?;
    if !stat.regular {
        let what = if stat.directory {
            "it is a directory"
        } else {
            "it is no regular file"
        };
        return Err(Error::damaged(path, what));
    }
    Ok(stat)
}

/// Reads and validates the header of a file.
pub(crate) fn snapshot(file: &GuardedFile, path: &Path, id: Uuid) -> Result<Snapshot> {
    read_snapshot(file, path, id, check_file(file, path)?)
}

fn read_snapshot(file: &GuardedFile, path: &Path, id: Uuid, stat: Stat) -> Result<Snapshot> {
    let read = |bytes: &mut [u8], offset| {
        file.read_at(bytes, offset)
            .map_err(|error| Error::io("read", path, error))
    };
    let mut first = [0; HEADER_UNIT];
    let len = read(&mut first, 0)?;
    let announced = Header::announced_len(path, &first[..len])?;
    let (header, words) = if announced == HEADER_UNIT {
        Header::parse(path, &first[..len], stat.len)?
    } else {
        let mut bytes = sys::zeros(announced)?;
        let len = read(&mut bytes, 0)?;
        // What is parsed lies in many small allocations, and the process ends if one of them fails.
        sys::expect_memory(PARSED_SIZE * announced)?;
        Header::parse(path, &bytes[..len], stat.len)?
    };
    if header.id != id {
        return Err(Error::damaged(path, format!("its header is that of {}", header.id)));
    }
    Ok(Snapshot {
        header,
        words,
        payload: announced as u64,
        stat,
    })
}
