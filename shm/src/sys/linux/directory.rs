//! What is in a directory, reached through its descriptor, so that it does not matter where its path leads by now.
//!
//! Only the kernel's "no such file" means that something is not there. Any other error is given as an error, because a
//! caller that took it for "gone" would delete or replace what is in use.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::retry::retry;
use super::{GuardedFile, Stat};
use crate::sys::Access;

/// What the kernel calls tmpfs.
const TMPFS: fs::FsWord = 0x0102_1994;

/// A directory that is open.
#[derive(Debug)]
pub(crate) struct DirectoryHandle(OwnedFd);

impl DirectoryHandle {
    /// Opens a directory by its path, whose last part must not be a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        retry(|| fs::open(path, flags, Mode::empty())).map(Self)
    }

    /// What the file system knows of it.
    pub(crate) fn stat(&self) -> io::Result<Stat> {
        retry(|| fs::fstat(&self.0)).map(Stat::from)
    }

    /// Whether it lies on a file system that is in memory by itself, and not on one that keeps or shows what another one has.
    pub(crate) fn is_in_memory(&self) -> io::Result<bool> {
        retry(|| fs::fstatfs(&self.0)).map(|file_system| file_system.f_type == TMPFS)
    }

    /// What the file system knows of a name in it, not following a link; nothing if nothing has the name.
    pub(crate) fn stat_of(&self, name: &str) -> io::Result<Option<Stat>> {
        found(retry(|| fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))).map(|stat| stat.map(Stat::from))
    }

    /// Opens a file of it: no link is followed, no device or pipe is waited for, no access time changed.
    pub(crate) fn open_file(&self, name: &str, access: Access) -> io::Result<GuardedFile> {
        GuardedFile::open_at(self.as_fd(), name, access)
    }

    /// Removes a file or link, and says whether it was there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<bool> {
        self.remove_by(name, AtFlags::empty())
    }

    /// Removes an empty directory, and says whether it was there.
    pub(crate) fn remove_directory(&self, name: &str) -> io::Result<bool> {
        self.remove_by(name, AtFlags::REMOVEDIR)
    }

    fn remove_by(&self, name: &str, flags: AtFlags) -> io::Result<bool> {
        found(retry(|| fs::unlinkat(&self.0, name, flags))).map(|removed| removed.is_some())
    }

    /// Renames a file or link; what has the new name goes.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        retry(|| fs::renameat(&self.0, from, &self.0, to))
    }

    /// Renames a file or link, unless something has the new name already; says whether it did.
    pub(crate) fn rename_new(&self, from: &str, to: &str) -> io::Result<bool> {
        match retry(|| fs::renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            renamed => renamed.map(|()| true),
        }
    }

    /// Makes a symbolic link with this text.
    pub(crate) fn make_link(&self, text: &str, name: &str) -> io::Result<()> {
        retry(|| fs::symlinkat(text, &self.0, name))
    }

    /// Reads the text of a symbolic link, cut off after 64 bytes; nothing if nothing has the name, or something that is
    /// not a link.
    pub(crate) fn read_link<T>(&self, name: &str, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let mut text = [0; 64];
        match retry(|| fs::readlinkat_raw(&self.0, name, &mut text[..])) {
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(None),
            len => Ok(found(len)?.map(|len| read(&text[..len]))),
        }
    }

    /// The names of what is in it.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<CString>> + Send + use<>> {
        let entries = retry(|| Dir::read_from(&self.0))?;
        Ok(entries.map(|entry| Ok(entry?.file_name().to_owned())))
    }
}

impl AsFd for DirectoryHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The directory that this user's programs share by default: in memory, or among the temporary files where no directory is in
/// memory.
pub(crate) fn default_directory() -> PathBuf {
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

/// Makes a directory that only this user can enter.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    retry(|| fs::mkdir(path, Mode::RWXU))
}

/// What the file system knows of the last part of a path; nothing if it leads nowhere.
pub(crate) fn stat_path(path: &Path) -> io::Result<Option<Stat>> {
    found(retry(|| fs::lstat(path))).map(|stat| stat.map(Stat::from))
}

/// Tells what is not there from what failed.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
