//! Opening a store.

use std::path::PathBuf;
use std::sync::Arc;

use super::Store;
use super::options::{QuotaSetting, StoreOptions, default_path};
use crate::VERSION_MARK;
use crate::collector::Collector;
use crate::directory::{Directory, Purpose};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

impl Store {
    /// Opens a store, by default that of this user, which is in [`Store::default_path`]. A quota in
    /// `DCC_MCP_SHM_MAX_BYTES` (bytes) is recorded in it. What expired is removed at most once a minute: now, and when
    /// something is made in it.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// use dcc_mcp_shm::{Store, StoreOptions};
    /// let store = Store::open(&StoreOptions::at(parent.path().join("store")))?;
    /// assert!(store.list()?.buffers.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnsafeStore`] when others could tamper with the directory, [`Error::NotFound`] when it has to exist and does
    /// not, [`Error::InvalidArgument`] when the quota of the environment is not a number, [`Error::Io`] when the directory
    /// cannot be made.
    pub fn open(options: &StoreOptions) -> Result<Self> {
        let (quota, reserve) = (options.quota_setting()?, options.reserve_limit()?);
        let store = Self {
            directory: Directory::open(&options.path(), options.purpose)?,
            idle_index: Arc::default(),
        };
        tracing::debug!(path = %store.path().display(), by = VERSION_MARK, "a store was opened");
        store.directory.set_reserve_limit(reserve);
        match quota {
            QuotaSetting::Keep => {}
            QuotaSetting::Lift => store.set_quota(None)?,
            QuotaSetting::Bytes(bytes) => store.set_quota(Some(bytes))?,
        }
        if options.purpose == Purpose::ToWork {
            Collector(store.directory()).sweep_now_and_then();
        }
        Ok(store)
    }

    /// The directory of this user's store: `DCC_MCP_SHM_DIR` if set, else `/dev/shm/dcc-mcp-shm-<uid>`, else a directory of
    /// that name among the temporary files.
    pub fn default_path() -> PathBuf {
        default_path()
    }
}
