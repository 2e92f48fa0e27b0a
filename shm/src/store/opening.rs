//! The ways to open a store, and what each does about its quota.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Store;
use crate::collector::Collector;
use crate::directory::{Directory, Purpose};
use crate::error::{Error, Result};
use crate::sys;

/// Directory to use instead of the default one.
pub const DIR_VARIABLE: &str = "DCC_MCP_SHM_DIR";
/// Most bytes that the store may hold.
pub const QUOTA_VARIABLE: &str = "DCC_MCP_SHM_MAX_BYTES";

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
        let store = Self::open_recorded(path.as_ref(), Purpose::ToWork, quota)?;
        Collector(store.directory()).sweep_now_and_then();
        Ok(store)
    }

    /// Opens the store in this directory and removes nothing, unless there is no room for what is made in it: for programs that
    /// choose themselves when to call [`Store::gc`], which looks at every file.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_unswept(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_recorded(path.as_ref(), Purpose::Unswept, QuotaSetting::of_environment()?)
    }

    fn open_recorded(path: &Path, purpose: Purpose, quota: QuotaSetting) -> Result<Self> {
        let store = Self::open_for(path, purpose)?;
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
        sys::default_directory()
    }

    /// Opens a store that is there, to look at it: nothing is made, swept or recorded.
    ///
    /// # Errors
    /// As [`Store::open`], and [`Error::NotFound`] when there is no such directory.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_for(path.as_ref(), Purpose::ToLook)
    }

    fn open_for(path: &Path, purpose: Purpose) -> Result<Self> {
        Ok(Self {
            directory: Directory::open(path, purpose)?,
            idle_watch: Arc::default(),
        })
    }
}
