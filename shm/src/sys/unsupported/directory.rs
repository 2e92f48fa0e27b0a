//! Directories, which are not opened.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};

use super::{GuardedFile, Stat, refused};
use crate::sys::{Access, LockByte, SystemRoom};

/// An open directory, which does not exist here.
#[derive(Debug)]
pub(crate) struct DirectoryHandle(pub(super) Infallible);

impl DirectoryHandle {
    pub(crate) fn open(_path: &Path) -> io::Result<Self> {
        Err(refused())
    }

    pub(crate) fn stat(&self) -> io::Result<Stat> {
        match self.0 {}
    }

    pub(crate) fn stat_of(&self, _name: &str) -> io::Result<Option<Stat>> {
        match self.0 {}
    }

    pub(crate) fn open_file(&self, _name: &str, _access: Access) -> io::Result<GuardedFile> {
        match self.0 {}
    }

    pub(crate) fn remove_directory(&self, _name: &str) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn remove(&self, _name: &str) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn rename_new(&self, _from: &str, _to: &str) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn make_link(&self, _text: &str, _name: &str) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn read_link<T>(&self, _name: &str, _read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        match self.0 {}
    }

    pub(crate) fn names(&self) -> io::Result<std::iter::Empty<io::Result<CString>>> {
        match self.0 {}
    }

    pub(crate) fn is_in_memory(&self) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn free_inodes(&self) -> io::Result<Option<u64>> {
        match self.0 {}
    }

    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        match self.0 {}
    }

    pub(crate) fn room(&self) -> io::Result<SystemRoom> {
        match self.0 {}
    }
}

/// The table of whole-file locks, which does not exist here.
#[derive(Debug)]
pub(crate) struct LockTable(Infallible);

impl LockTable {
    pub(crate) fn read(directory: &DirectoryHandle) -> Option<Self> {
        match directory.0 {}
    }

    pub(crate) fn holders_of(&self, _file: &Stat) -> Option<&[u32]> {
        match self.0 {}
    }
}

/// The first of these processes that has the byte locked: nobody is known to.
pub(crate) fn holder_of_byte(_pids: impl IntoIterator<Item = u32>, _file: &Stat, _byte: LockByte) -> Option<u32> {
    None
}

/// The directory that this user's programs would share by default.
pub(crate) fn default_directory() -> PathBuf {
    std::env::temp_dir().join("dcc-mcp-shm")
}

/// Makes no directory, as nobody could open it.
pub(crate) fn make_directory(_path: &Path) -> io::Result<()> {
    Err(refused())
}

/// What the file system knows of a path, which is not needed where no directory is open.
pub(crate) fn stat_path(_path: &Path) -> io::Result<Option<Stat>> {
    Err(refused())
}
