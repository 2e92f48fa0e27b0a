//! Opening a directory, if it is one that nobody else can tamper with, and whether it still is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use super::full::directory_failed;
use super::reserve_state::ReserveState;
use super::{Directory, Opened};
use crate::error::{Error, Result};
use crate::sys::{self, DirectoryHandle, Refusal, Stat};

/// What a directory is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Purpose {
    /// It is made if it is not there, and what expired is removed now and then.
    #[default]
    ToWork,
    /// It is made if it is not there.
    Unswept,
    /// It must be there, and nothing is removed.
    ToLook,
}

impl Directory {
    /// Opens the directory of a store, and makes it where the purpose allows that.
    pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Self> {
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
        let opened = match DirectoryHandle::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && purpose != Purpose::ToLook => {
                make_directory(&path)?;
                DirectoryHandle::open(&path)
            }
            other => other,
        };
        let handle = opened.map_err(|error| match Refusal::of(&error) {
            Refusal::Link => refused("it is a symbolic link"),
            Refusal::NoDirectory => refused("it is a symbolic link or no directory"),
            Refusal::Missing => Error::NotFound {
                reference: path.display().to_string(),
                store: path.clone(),
                store_is_missing: true,
            },
            // Another user's store does not let this one in, so what it is says its place alone.
            Refusal::Forbidden => match sys::stat_path(&path).ok().flatten().and_then(|stat| stat.danger()) {
                Some(danger) => refused(&danger),
                None => Error::io("open the store", &path, error),
            },
            _ => Error::io("open the store", &path, error),
        })?;
        let stat = handle
            .stat()
            .map_err(|error| Error::io("look at the store", &path, error))?;
        if let Some(danger) = stat.danger() {
            return Err(refused(&danger));
        }
        let directory = Self(Arc::new(Opened {
            path,
            handle,
            stat,
            swept_by_owner: purpose != Purpose::ToWork,
            looked_for_sweeps: AtomicU64::new(0),
            record: OnceLock::new(),
            reserve: ReserveState::default(),
        }));
        directory.check_version()?;
        Ok(directory)
    }

    /// Whether the path still leads to this directory, and the directory is as it must be. False where that cannot be
    /// told, because opening the store anew then says why.
    pub(crate) fn is_current(&self) -> bool {
        matches!(self.is_still_there(), Ok(true))
    }

    /// The same, or why it cannot be told.
    pub(crate) fn is_still_there(&self) -> Result<bool> {
        let stat = sys::stat_path(self.path()).map_err(|error| self.failed("look at the store", error))?;
        Ok(stat.is_some_and(|stat| self.is_private(&stat) && stat.same_file(self.stat())))
    }

    /// Whether the directory is as it must be and has not been removed; it may have been renamed.
    pub(crate) fn is_still_safe(&self) -> Result<bool> {
        let stat = self
            .handle()
            .stat()
            .map_err(|error| self.failed("look at the store", error))?;
        Ok(!stat.is_deleted() && self.is_private(&stat))
    }

    fn is_private(&self, directory: &Stat) -> bool {
        directory.same_owner(self.stat()) && !directory.lets_others_in()
    }
}

fn make_directory(path: &Path) -> Result<()> {
    match sys::make_directory(path) {
        // Somebody else may have made it just now; it is checked like any other.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(directory_failed(path, error)),
        _ => Ok(()),
    }
}
