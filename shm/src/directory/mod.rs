//! The ground under the three kinds of memory: a directory of this user's alone, its lock, the names and the quota in it, and
//! files that are made, read and removed there.

mod condemned;
mod contents;
mod count;
mod disposal;
mod draft;
mod existing;
mod file_name;
mod files;
mod full;
mod header;
mod holders;
mod last_use;
mod lock;
mod names;
mod numbers;
mod opening;
mod pending;
mod publishing;
mod quota;
mod record;
mod record_file;
mod reference;
mod removal;
mod replaced;
mod reserve;
mod reserve_state;
mod room;
mod state;
mod time_to_live;
mod waiters;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::error::Error;
use crate::sys::{self, DirectoryHandle, Stat};

pub(crate) use self::condemned::{Keeper, PendingMemory};
pub(crate) use self::contents::Contents;
pub(crate) use self::count::{PublicationCount, ahead_of_count};
pub(crate) use self::disposal::{FinishDeletion, LOOKERS_PATIENCE};
pub(crate) use self::draft::{Content, Draft};
pub(crate) use self::existing::{in_directory_of, open_described};
pub(crate) use self::file_name::{FileKind, FileName};
pub(crate) use self::files::map_file;
pub(crate) use self::header::{check_file, snapshot};
pub(crate) use self::last_use::{record_end_of_use, record_use};
pub(crate) use self::lock::LOCK_FILE;
pub(crate) use self::names::{is_link, link_name};
pub(crate) use self::opening::Purpose;
pub use self::pending::PendingFile;
use self::record_file::StoreRecord;
pub(crate) use self::reference::Found;
pub use self::reference::Reference;
pub use self::reserve::DEFAULT_RESERVE;
use self::reserve_state::ReserveState;
pub use self::room::Room;

/// How often a process looks whether the directory is to be swept: that is so once in a minute.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What an open directory is known by.
struct Opened {
    path: PathBuf,
    handle: DirectoryHandle,
    stat: Stat,
    swept_by_owner: bool,
    /// When this was last looked at for whether it is to be swept, in milliseconds of this process's clock.
    looked_for_sweeps: AtomicU64,
    record: OnceLock<Box<StoreRecord>>,
    reserve: ReserveState,
}

/// A private directory that is open. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Opened>);

impl Directory {
    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// The directory that was opened and checked, wherever the path leads by now.
    pub(crate) fn handle(&self) -> &DirectoryHandle {
        &self.0.handle
    }

    /// The directory as it was opened, and found to be this user's alone.
    fn stat(&self) -> &Stat {
        &self.0.stat
    }

    /// Whether this handle removes nothing unless it is told to, or there is no room for what it makes.
    pub(crate) fn is_swept_by_owner(&self) -> bool {
        self.0.swept_by_owner
    }

    /// Whether it is some time ago that this handle was asked this.
    pub(crate) fn is_time_to_look_for_sweeps(&self) -> bool {
        // Of 1 and more, as 0 says that nobody asked.
        let now = u64::try_from(sys::namespace_boot_time().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let last = self.0.looked_for_sweeps.load(Ordering::Relaxed);
        // A forked child's clock may be behind its parent's.
        if last != 0 && Duration::from_millis(now.abs_diff(last)) < BETWEEN_LOOKS {
            return false;
        }
        self.0.looked_for_sweeps.store(now, Ordering::Relaxed);
        true
    }

    /// An error of the system that met this directory and no single file of it.
    pub(crate) fn failed(&self, action: &'static str, error: io::Error) -> Error {
        Error::io(action, self.path(), error)
    }

    pub(crate) fn not_found(&self, reference: impl fmt::Display) -> Error {
        Error::NotFound {
            reference: reference.to_string(),
            store: self.path().to_owned(),
            store_is_missing: matches!(sys::stat_path(self.path()), Ok(None)),
        }
    }

    /// The path of something in it.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Directory").field(&self.path()).finish()
    }
}
