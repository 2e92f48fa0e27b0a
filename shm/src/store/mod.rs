//! The directory that everything is shared through. There is no daemon: whoever can open it sees the same.

mod abilities;
mod buffers;
mod deletion;
mod deletions;
mod entries;
mod filter;
mod gc;
mod holders;
mod horizon;
mod index;
mod keeping;
mod listing;
mod looking_ahead;
mod name_pattern;
mod opening;
mod options;
mod pending;
mod pools;
mod position;
mod scenes;
mod stamp;
mod summary;
mod wait;
mod watch;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

pub use self::abilities::Ability;
pub use self::deletion::Deletion;
pub use self::deletions::{Deletable, Deletions, FailedDeletion};
pub use self::filter::{BufferFilter, NameFilter};
pub use self::holders::Holders;
pub use self::horizon::Horizon;
pub use self::index::{StoreChange, StoreIndex};
pub use self::listing::{DamagedFile, Listing, NewerFile};
pub use self::options::{
    DIR_VARIABLE, QUOTA_VARIABLE, QuotaSetting, RESERVE_VARIABLE, StoreOptions, relative_directory_variable,
    reserve_of_environment,
};
pub use self::position::ListPosition;
pub use self::stamp::Stamp;
pub use self::summary::Summary;
pub use self::watch::{StoreEvent, StoreWatch};
use crate::directory::{Directory, Room};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

/// The index that the last wait followed the store by, and the process that it is right in.
type IdleIndex = Mutex<Option<(u64, StoreIndex)>>;

/// A store of shared buffers: a directory of this user's alone. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    directory: Directory,
    idle_index: Arc<IdleIndex>,
}

impl Store {
    fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Whether the path still leads to this directory, and that is as it must be. Where that cannot be told it is not: whoever
    /// opens the store anew then is told why.
    pub fn is_current(&self) -> bool {
        self.directory.is_current()
    }

    /// Limits what the store may hold, for all who use it; `None` lifts the limit.
    ///
    /// # Errors
    /// [`Error::Busy`] when the store's lock could not be had, [`Error::Io`].
    pub fn set_quota(&self, bytes: Option<u64>) -> Result<()> {
        self.directory.set_quota(bytes)
    }

    /// The most bytes that the store may hold, if that is limited.
    ///
    /// # Errors
    /// [`Error::Damaged`] when what is recorded is no number, [`Error::Io`].
    pub fn quota(&self) -> Result<Option<u64>> {
        self.directory.quota()
    }

    /// Bytes taken by everything in the store, finished or not, and by what was deleted and is still open.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read.
    pub fn used_bytes(&self) -> Result<u64> {
        self.directory.used_bytes()
    }

    /// Bytes of deleted buffers that are kept for the next ones. They are part of [`Store::used_bytes`], and go before anything is
    /// refused for want of room.
    ///
    /// # Errors
    /// [`Error::Io`] when the store's record cannot be read.
    pub fn reserve_bytes(&self) -> Result<u64> {
        self.directory.reserve_bytes()
    }

    /// The most bytes that a new buffer can have now, and what limits it.
    ///
    /// # Errors
    /// [`Error::Io`] when the system cannot be asked.
    pub fn room(&self) -> Result<Room> {
        self.directory.room()
    }

    /// Whether the store's lock can be had, as it can be within a moment unless its holder is stopped. Nothing is made, and
    /// nobody is kept waiting.
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody holds it, [`Error::Io`].
    pub fn check_lock(&self) -> Result<()> {
        self.directory.check_lock()
    }

    /// Whether there is a buffer, scene, pool or slot with this id, whatever state its file is in.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be looked for.
    pub fn contains(&self, id: Uuid) -> Result<bool> {
        self.directory.file_exists(id)
    }

    /// The ids of all files that are called `<id>.shm`: buffers, scenes, pools, slots, and damaged ones.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read.
    pub fn ids(&self) -> Result<Vec<Uuid>> {
        self.directory.published_ids()?.collect()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.path()).finish()
    }
}
