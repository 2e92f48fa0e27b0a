//! Which store is opened, for what, and what is recorded as its quota.

use std::path::PathBuf;

#[cfg(doc)]
use super::Store;
use crate::directory::{DEFAULT_RESERVE, Purpose};
use crate::error::{Error, Result};
use crate::sys;
use crate::text::parse_size;

/// Directory to use instead of the default one.
pub const DIR_VARIABLE: &str = "DCC_MCP_SHM_DIR";
/// Most bytes that the store may hold.
pub const QUOTA_VARIABLE: &str = "DCC_MCP_SHM_MAX_BYTES";

/// Most bytes of deleted buffers that are kept for the next ones.
pub const RESERVE_VARIABLE: &str = "DCC_MCP_SHM_RESERVE_BYTES";

/// What `DCC_MCP_SHM_RESERVE_BYTES` says: most bytes of deleted buffers that are kept for the next ones, [`DEFAULT_RESERVE`] if it
/// is not set or empty.
///
/// # Errors
/// [`Error::InvalidArgument`] when it is no size.
pub fn reserve_of_environment() -> Result<u64> {
    Ok(bytes_of_environment(RESERVE_VARIABLE)?.unwrap_or(DEFAULT_RESERVE))
}

/// The bytes that a variable says, if it is set and not empty.
fn bytes_of_environment(variable: &'static str) -> Result<Option<u64>> {
    let text = std::env::var_os(variable).unwrap_or_default();
    let text = text.to_string_lossy();
    match text.trim() {
        "" => Ok(None),
        size => match parse_size(size) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => Err(Error::invalid(variable, error.to_string())),
        },
    }
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
    /// [`Error::InvalidArgument`] when it is no size.
    pub fn of_environment() -> Result<Self> {
        if std::env::var_os(QUOTA_VARIABLE).is_none() {
            return Ok(Self::Keep);
        }
        Ok(bytes_of_environment(QUOTA_VARIABLE)?.map_or(Self::Lift, Self::Bytes))
    }
}

/// How [`Store::open`] opens a store. By default that is the store of this user, it is made if it is not there, and what expired
/// is removed from it now and then.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("store");
/// use dcc_mcp_shm::{QuotaSetting, Store, StoreOptions};
/// let options = StoreOptions::at(&path).quota(QuotaSetting::Bytes(1 << 30));
/// assert!(Store::open(&options)?.list()?.buffers.is_empty());
/// assert_eq!(Store::open(&StoreOptions::at(&path).existing())?.quota()?, Some(1 << 30));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    path: Option<PathBuf>,
    quota: Option<QuotaSetting>,
    reserve: Option<u64>,
    pub(super) purpose: Purpose,
}

impl StoreOptions {
    /// The store in this directory.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::default()
        }
    }

    /// Does this about the quota, instead of what `DCC_MCP_SHM_MAX_BYTES` says.
    ///
    /// A program whose foreign code sets variables, as Python's `os.environ` does, reads the variable itself with
    /// [`QuotaSetting::of_environment`] while that code cannot run, because some C libraries free what is being read.
    #[must_use]
    pub fn quota(mut self, quota: QuotaSetting) -> Self {
        self.quota = Some(quota);
        self
    }

    /// Keeps at most this many bytes of deleted buffers for the next ones, for as long as nobody needs the room, and 5 s at most;
    /// with 0 it uses none that others kept either. By default that is what `DCC_MCP_SHM_RESERVE_BYTES` says, or
    /// [`DEFAULT_RESERVE`].
    ///
    /// A program whose foreign code sets variables reads the variable itself with [`reserve_of_environment`]: see
    /// [`StoreOptions::quota`].
    #[must_use]
    pub fn reserve(mut self, bytes: u64) -> Self {
        self.reserve = Some(bytes);
        self
    }

    /// Removes nothing, unless there is no room for what is made in the store. For programs that choose themselves when to call
    /// [`Store::gc`], which looks at every file.
    #[must_use]
    pub fn unswept(mut self) -> Self {
        self.purpose = Purpose::Unswept;
        self
    }

    /// Opens the store only if it is there, to look at it: nothing is made or removed, and no quota of the environment is
    /// recorded.
    #[must_use]
    pub fn existing(mut self) -> Self {
        self.purpose = Purpose::ToLook;
        self
    }

    /// The directory.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(default_path)
    }

    /// Most bytes that are kept.
    pub(super) fn reserve_limit(&self) -> Result<u64> {
        match self.reserve {
            Some(bytes) => Ok(bytes),
            None if self.purpose == Purpose::ToLook => Ok(0),
            None => reserve_of_environment(),
        }
    }

    /// What is done about the quota.
    pub(super) fn quota_setting(&self) -> Result<QuotaSetting> {
        match self.quota {
            Some(quota) => Ok(quota),
            None if self.purpose == Purpose::ToLook => Ok(QuotaSetting::Keep),
            None => QuotaSetting::of_environment(),
        }
    }
}

/// What is wrong with `DCC_MCP_SHM_DIR`, if it is relative: each program then means another store, by the directory that it runs
/// in. For programs to tell people, because nothing fails.
///
/// ```
/// // Not set, or set to a whole path.
/// assert_eq!(dcc_mcp_shm::relative_directory_variable(), None);
/// ```
pub fn relative_directory_variable() -> Option<String> {
    let value = std::env::var_os(DIR_VARIABLE)?;
    let path = PathBuf::from(value);
    if path.as_os_str().is_empty() || path.is_absolute() {
        return None;
    }
    let here = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    Some(format!(
        "{DIR_VARIABLE} is {}, a relative path: another store for each directory that a program runs in, here {}; set it to a \
         whole path",
        path.display(),
        here.display()
    ))
}

/// `DCC_MCP_SHM_DIR` if it is set, else the directory that the system has for this user.
pub(super) fn default_path() -> PathBuf {
    std::env::var_os(DIR_VARIABLE)
        .filter(|path| !path.is_empty())
        .map_or_else(sys::default_directory, PathBuf::from)
}
