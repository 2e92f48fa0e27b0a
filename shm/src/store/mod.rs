//! The directory that everything is shared through. There is no daemon: whoever can open it sees the same.

mod draft;
mod full;
mod gc;
mod holders;
mod listing;
mod names;
mod replaced;
mod stamp;
mod summary;
mod trial;
mod wait;
mod watch;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::io::Errno;
use uuid::Uuid;

pub(crate) use self::draft::{Content, Draft};
pub use self::gc::{GcReport, Kept, KeptReason, Removed};
pub use self::holders::Holders;
pub(crate) use self::listing::Place;
pub use self::listing::{DamagedFile, Listing, PoolStatus, Reference, SlotStatus};
pub use self::stamp::Stamp;
pub use self::summary::Summary;
pub use self::trial::Ability;
pub use self::wait::BufferFilter;
pub use self::watch::{StoreEvent, StoreWatch};
use crate::error::{Error, Result};
use crate::sys::{self, Access, GuardedFile, LOCK_PATIENCE, Mode, Stat};

/// Directory to use instead of the default one.
pub const DIR_VARIABLE: &str = "DCC_MCP_SHM_DIR";
/// Most bytes that the store may hold.
pub const QUOTA_VARIABLE: &str = "DCC_MCP_SHM_MAX_BYTES";

const LOCK_FILE: &str = ".lock";
/// Longer than anybody holds the lock who is not stopped.
const A_MOMENT: Duration = Duration::from_millis(500);
/// The quota in bytes, in decimal.
const QUOTA_FILE: &str = ".quota";
const SUFFIX: &str = ".shm";
/// What is not yet published. Left behind, it was being made by a process that died.
const DRAFT_SUFFIX: &str = ".shm.draft";

/// A store of shared buffers: a directory of this user's alone. Cloning is cheap.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    directory: OwnedFd,
    /// As it was opened, and found to be this user's alone.
    stat: Stat,
    /// What the last wait watched it by, and in which process.
    idle_watch: Mutex<Option<(u64, OwnedFd)>>,
    /// Whether this handle removes nothing unless it is told to, or there is no room for what it makes.
    swept_by_owner: bool,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// It is made if it is not there, and what expired is removed now and then.
    ToWork,
    /// It is made if it is not there.
    Unswept,
    Existing,
}

/// What opening a store does about its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaSetting {
    /// What is recorded stays.
    Keep,
    /// There is none from now on.
    Lift,
    /// This many bytes are recorded.
    Bytes(u64),
}

impl QuotaSetting {
    /// What `DCC_MCP_SHM_MAX_BYTES` says: nothing, empty, or a number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is no number of bytes.
    pub fn of_environment() -> Result<Self> {
        let Some(text) = std::env::var_os(QUOTA_VARIABLE) else {
            return Ok(Self::Keep);
        };
        let text = text.to_string_lossy();
        match text.trim() {
            "" => Ok(Self::Lift),
            number => number
                .parse()
                .map(Self::Bytes)
                .map_err(|_| Error::invalid(QUOTA_VARIABLE, format!("{text:?} is no number of bytes"))),
        }
    }
}

impl Store {
    /// Opens the store of this user, and makes it if it is not there: `DCC_MCP_SHM_DIR` if set, else
    /// `/dev/shm/dcc-mcp-shm-<uid>`, else a directory of that name among the temporary files. A quota in
    /// `DCC_MCP_SHM_MAX_BYTES` (bytes) is recorded in it. What expired is removed, at most once a minute: now, and when
    /// something is made in it.
    ///
    /// # Errors
    /// [`Error::UnsafeStore`] when others could tamper with the directory, [`Error::Io`] when it cannot be made.
    pub fn open() -> Result<Self> {
        Self::open_at(Self::default_path())
    }

    /// Opens the store in this directory, as [`Store::open`] does.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
    /// assert!(store.list()?.buffers.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_at(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, QuotaSetting::of_environment()?)
    }

    /// Opens the store in this directory, as [`Store::open_at`] does, with a quota that was read from the environment before.
    ///
    /// Where foreign code sets variables, as Python's `os.environ` does, nobody may read them at the same time: some C
    /// libraries free what is being read.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(path: impl AsRef<Path>, quota: QuotaSetting) -> Result<Self> {
        let store = Self::open_recorded(path.as_ref(), Open::ToWork, quota)?;
        store.sweep_now_and_then();
        Ok(store)
    }

    /// Opens the store in this directory and removes nothing, unless there is no room for what is made in it: for programs that
    /// choose themselves when to call [`Store::gc`], which looks at every file.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_unswept(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_recorded(path.as_ref(), Open::Unswept, QuotaSetting::of_environment()?)
    }

    fn open_recorded(path: &Path, how: Open, quota: QuotaSetting) -> Result<Self> {
        let store = Self::open_directory(path, how)?;
        match quota {
            QuotaSetting::Keep => {}
            QuotaSetting::Lift => store.set_quota(None)?,
            QuotaSetting::Bytes(bytes) => store.set_quota(Some(bytes))?,
        }
        Ok(store)
    }

    /// The directory that [`Store::open`] uses.
    pub fn default_path() -> PathBuf {
        if let Some(path) = std::env::var_os(DIR_VARIABLE).filter(|path| !path.is_empty()) {
            return path.into();
        }
        let name = format!("dcc-mcp-shm-{}", rustix::process::getuid().as_raw());
        let memory = Path::new("/dev/shm");
        // What cannot be looked at is not missing: another directory would be another store.
        let is_there = memory.metadata().map_or_else(
            |error| !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
            |memory| memory.is_dir(),
        );
        if is_there {
            memory.join(name)
        } else {
            std::env::temp_dir().join(name)
        }
    }

    /// Opens a store that is there, to look at it: nothing is made, swept or recorded.
    ///
    /// # Errors
    /// As [`Store::open`], and [`Error::NotFound`] when there is no such directory.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_directory(path.as_ref(), Open::Existing)
    }

    /// Opens something in a store that a descriptor or path refers to. The store must exist; nothing in it is changed.
    ///
    /// Most descriptors that a thread opens are of one store, so the last one stays open for the next.
    pub(crate) fn with_existing<T>(path: &Path, open: impl Fn(&Self) -> Result<T>) -> Result<T> {
        thread_local! {
            static LAST: RefCell<Option<Store>> = const { RefCell::new(None) };
        }
        let last = LAST.with_borrow(Option::clone);
        // Where that cannot be told, opening it anew tells why.
        if let Some(store) = last.filter(|store| store.path() == path && matches!(store.is_still_safe(), Ok(true))) {
            match open(&store) {
                // The path may lead to another directory by now.
                Err(error) if error.is_gone() && !store.is_current() => {}
                opened => return opened,
            }
        }
        let store = Self::open_directory(path, Open::Existing)?;
        LAST.set(Some(store.clone()));
        open(&store)
    }

    fn open_directory(path: &Path, how: Open) -> Result<Self> {
        if path.as_os_str().is_empty() {
            return Err(Error::invalid("path", "it is empty"));
        }
        // Without the trailing slash that would make the system follow a link.
        let path: PathBuf = path.components().collect();
        let path = std::path::absolute(&path).map_err(|error| Error::io("find", &path, error))?;
        let refused = |problem: &str| Error::UnsafeStore {
            path: path.clone(),
            problem: problem.to_owned(),
        };
        if path.to_str().is_none() {
            return Err(refused("its path is no UTF-8, so no descriptor could name it"));
        }
        let opened = match sys::open_directory(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && how != Open::Existing => {
                make_directory(&path)?;
                sys::open_directory(&path)
            }
            other => other,
        };
        let directory = opened.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => refused("it is a symbolic link"),
            Some(Errno::NOTDIR) => refused("it is a symbolic link or no directory"),
            Some(Errno::NOENT) => Error::NotFound {
                reference: path.display().to_string(),
                store: path.clone(),
            },
            _ => Error::io("open the store", &path, error),
        })?;
        let stat =
            sys::stat_directory(directory.as_fd()).map_err(|error| Error::io("look at the store", &path, error))?;
        let user = rustix::process::geteuid().as_raw();
        if stat.owner != user {
            return Err(refused(&format!("it belongs to user {}, not to {user}", stat.owner)));
        }
        if stat.mode & 0o077 != 0 {
            return Err(refused(&format!(
                "others can enter it (mode {:o}); it must be 700",
                stat.mode & 0o777
            )));
        }
        let idle_watch = Mutex::default();
        Ok(Self(Arc::new(Inner {
            path,
            directory,
            stat,
            idle_watch,
            swept_by_owner: how != Open::ToWork,
        })))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether the path still leads to this directory, and that is as it must be. Where that cannot be told it is not: whoever
    /// opens the store anew then is told why.
    pub fn is_current(&self) -> bool {
        matches!(self.is_still_there(), Ok(true))
    }

    /// The same, or why it cannot be told.
    fn is_still_there(&self) -> Result<bool> {
        let stat = sys::stat_path(&self.0.path).map_err(|error| self.failed("look at the store", error))?;
        Ok(stat.is_some_and(|stat| self.is_private(&stat) && stat.same_file(&self.0.stat)))
    }

    /// Whether the directory is as it must be and has not been removed; it may have been renamed.
    fn is_still_safe(&self) -> Result<bool> {
        let stat = sys::stat_directory(self.directory()).map_err(|error| self.failed("look at the store", error))?;
        Ok(stat.links > 0 && self.is_private(&stat))
    }

    fn is_private(&self, directory: &Stat) -> bool {
        (directory.owner, directory.mode & 0o077) == (self.0.stat.owner, 0)
    }

    /// An error of the system that met this store and no single file of it.
    fn failed(&self, action: &'static str, error: io::Error) -> Error {
        Error::io(action, &self.0.path, error)
    }

    /// Limits what the store may hold, for all who use it; `None` lifts the limit.
    ///
    /// # Errors
    /// [`Error::Busy`] when the store's lock could not be had, [`Error::Io`].
    pub fn set_quota(&self, bytes: Option<u64>) -> Result<()> {
        match self.quota() {
            Ok(quota) if quota == bytes => return Ok(()),
            // What is damaged is to be replaced.
            Ok(_) | Err(Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let failed = |error: io::Error| self.failed("record the quota in", error);
        let _lock = self.lock()?;
        let Some(bytes) = bytes else {
            return sys::remove(self.directory(), QUOTA_FILE).map(drop).map_err(failed);
        };
        let text = bytes.to_string();
        self.check_file_size(text.len() as u64)?;
        // Whoever reads the quota meanwhile finds the old one or the new one.
        let new = format!("{QUOTA_FILE}.{}", sys::new_id().map_err(Error::random)?);
        let path = self.0.path.join(&new);
        let file = GuardedFile::open_at(self.directory(), &new, Access::Create)
            .map_err(|error| self.creation_failed("make", &path, error))?;
        sys::Source::from(text.as_bytes())
            .write_at(file.as_fd(), 0)
            .map_err(|error| self.write_failed("write", &path, text.len() as u64, error))
            .and_then(|()| sys::rename(self.directory(), &new, QUOTA_FILE).map_err(failed))
            .inspect_err(|_| self.remove_leftover(&new))
    }

    /// Removes what was made for something that has failed. If that fails too, the next sweep finds it.
    fn remove_leftover(&self, file: &str) {
        if let Err(error) = sys::remove(self.directory(), file) {
            tracing::debug!(file, %error, "what was made in vain is left to the next sweep");
        }
    }

    /// The most bytes that the store may hold, if that is limited.
    ///
    /// # Errors
    /// [`Error::Damaged`] when what is recorded is no number, [`Error::Io`].
    pub fn quota(&self) -> Result<Option<u64>> {
        let path = || self.0.path.join(QUOTA_FILE);
        let file = match GuardedFile::open_at(self.directory(), QUOTA_FILE, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path(), error)),
        };
        let mut bytes = [0; 24];
        let len = file
            .read_at(&mut bytes, 0)
            .map_err(|error| Error::io("read", &path(), error))?;
        std::str::from_utf8(&bytes[..len])
            .ok()
            .and_then(|text| text.trim_ascii_end().parse().ok())
            .map(Some)
            .ok_or_else(|| Error::damaged(&path(), "the quota recorded in it is no number"))
    }

    /// Bytes taken by everything in the store, finished or not.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read.
    pub fn used_bytes(&self) -> Result<u64> {
        let mut used = 0u64;
        for file in self.files()? {
            used = used.saturating_add(self.len_of(&file)?);
        }
        Ok(used)
    }

    /// Whether the store's lock can be had, as it can be within a moment unless its holder is stopped. Nothing is made, and
    /// nobody is kept waiting.
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody holds it, [`Error::Io`].
    pub fn check_lock(&self) -> Result<()> {
        let failed = |error| self.failed("look at the lock of", error);
        let file = match GuardedFile::open_at(self.directory(), LOCK_FILE, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        if sys::lock_file(file.as_fd(), Mode::Shared, A_MOMENT).map_err(failed)? {
            return sys::unlock_file(file.as_fd()).map_err(failed);
        }
        Err(self.lock_is_busy(&file, A_MOMENT))
    }

    fn lock_is_busy(&self, file: &GuardedFile, waited: Duration) -> Error {
        Error::Busy {
            what: "the store's lock",
            waited,
            holder: self.lock_holder(file),
        }
    }

    /// Bytes of a file; none of one that is gone, or is no regular file.
    fn len_of(&self, file: &StoreFile) -> Result<u64> {
        let stat = sys::stat_at(self.directory(), &file.name())
            .map_err(|error| Error::io("look at", &self.0.path.join(file.name()), error))?;
        Ok(stat.filter(|stat| stat.regular).map_or(0, |stat| stat.len))
    }

    /// The user whose store this is.
    pub(crate) fn owner(&self) -> u32 {
        self.0.stat.owner
    }

    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.0.directory.as_fd()
    }

    pub(crate) fn file_name(id: Uuid) -> String {
        format!("{id}{SUFFIX}")
    }

    pub(crate) fn file_path(&self, id: Uuid) -> PathBuf {
        self.0.path.join(Self::file_name(id))
    }

    pub(crate) fn not_found(&self, reference: impl fmt::Display) -> Error {
        Error::NotFound {
            reference: reference.to_string(),
            store: self.0.path.clone(),
        }
    }

    /// Takes the lock of the whole store. It is held while names are checked and given, and while sizes are
    /// summed and a draft gets its length: never while memory is taken or freed.
    pub(crate) fn lock(&self) -> Result<GuardedFile> {
        self.lock_within(LOCK_PATIENCE)
    }

    /// The same without waiting: for what the next sweep can do as well.
    fn lock_if_free(&self) -> Result<Option<GuardedFile>> {
        match self.lock_within(Duration::ZERO) {
            Err(Error::Busy { .. }) => Ok(None),
            locked => locked.map(Some),
        }
    }

    fn lock_within(&self, patience: Duration) -> Result<GuardedFile> {
        let path = || self.0.path.join(LOCK_FILE);
        loop {
            let opened = match GuardedFile::open_at(self.directory(), LOCK_FILE, Access::ReadWrite) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    GuardedFile::open_at(self.directory(), LOCK_FILE, Access::Create)
                }
                other => other,
            };
            let file = match opened {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(self.creation_failed("open", &path(), error)),
            };
            let locked = sys::lock_file(file.as_fd(), Mode::Exclusive, patience)
                .map_err(|error| Error::io("lock", &path(), error))?;
            if !locked {
                return Err(self.lock_is_busy(&file, patience));
            }
            let stat = file.stat().map_err(|error| Error::io("look at", &path(), error))?;
            if stat.links > 0 {
                return Ok(file);
            }
            // Somebody emptied the directory while we waited: what we locked is nobody else's lock any more.
        }
    }

    /// The ids of all files that have a buffer's name: buffers, scenes, pools, slots, and what is damaged.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read.
    pub fn ids(&self) -> Result<Vec<Uuid>> {
        self.read_ids()?.collect()
    }

    /// The same, while the directory is being read.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read, also halfway.
    pub fn read_ids(&self) -> Result<impl Iterator<Item = Result<Uuid>> + Send + '_> {
        Ok(self
            .read_files()?
            .filter(|file| !matches!(file, Ok(file) if file.draft))
            .map(|file| file.map(|file| file.id)))
    }

    /// The buffers' files, and those that are being made.
    pub(crate) fn files(&self) -> Result<Vec<StoreFile>> {
        self.read_files()?.collect()
    }

    fn read_files(&self) -> Result<impl Iterator<Item = Result<StoreFile>> + Send + '_> {
        let names = sys::names_in(self.directory()).map_err(|error| self.failed("list the store", error))?;
        Ok(names.filter_map(|name| match name {
            Ok(name) => StoreFile::of(name.to_bytes()).map(Ok),
            Err(error) => Some(Err(self.failed("list the store", error))),
        }))
    }
}

/// A file in a store's directory that has a buffer's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreFile {
    pub(crate) id: Uuid,
    pub(crate) draft: bool,
}

impl StoreFile {
    fn of(name: &[u8]) -> Option<Self> {
        let (stem, draft) = match name.strip_suffix(DRAFT_SUFFIX.as_bytes()) {
            Some(stem) => (stem, true),
            None => (name.strip_suffix(SUFFIX.as_bytes())?, false),
        };
        let id = Uuid::try_parse_ascii(stem).ok()?;
        // Other spellings of the same id are other names, which nothing of ours has.
        let spelled = id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes() == stem;
        spelled.then_some(Self { id, draft })
    }

    pub(crate) fn name(&self) -> String {
        let suffix = if self.draft { DRAFT_SUFFIX } else { SUFFIX };
        format!("{}{suffix}", self.id)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}

fn make_directory(path: &Path) -> Result<()> {
    match sys::make_directory(path) {
        // Somebody else may have made it just now; it is checked like any other.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(full::directory_failed(path, error)),
        _ => Ok(()),
    }
}
