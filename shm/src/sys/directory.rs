//! What is in a directory, reached through its descriptor, so that it does not matter where its path leads by now.
//!
//! Only the kernel's "no such file" means that something is not there. Any other error is given as an error: whoever took it
//! for "gone" would delete or replace what is in use.

use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::Stat;
use super::retry::retry;

/// Opens a directory by its path, whose last part must not be a link.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry(|| fs::open(path, flags, Mode::empty()))
}

/// Makes a directory that only this user can enter.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    retry(|| fs::mkdir(path, Mode::RWXU))
}

/// What the file system knows of a directory that is open.
pub(crate) fn stat_directory(directory: BorrowedFd<'_>) -> io::Result<Stat> {
    retry(|| fs::fstat(directory)).map(Stat::from)
}

/// What the file system knows of the last part of a path; nothing if it leads nowhere.
pub(crate) fn stat_path(path: &Path) -> io::Result<Option<Stat>> {
    found(retry(|| fs::lstat(path))).map(|stat| stat.map(Stat::from))
}

/// What the file system knows of a name in a directory, not following a link; nothing if nothing has the name.
pub(crate) fn stat_at(directory: BorrowedFd<'_>, name: &str) -> io::Result<Option<Stat>> {
    found(retry(|| fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW))).map(|stat| stat.map(Stat::from))
}

/// Removes a file or link, and says whether it was there.
pub(crate) fn remove(directory: BorrowedFd<'_>, name: &str) -> io::Result<bool> {
    found(retry(|| fs::unlinkat(directory, name, AtFlags::empty()))).map(|removed| removed.is_some())
}

/// Renames a file or link; what has the new name goes.
pub(crate) fn rename(directory: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
    retry(|| fs::renameat(directory, from, directory, to))
}

/// Makes a symbolic link with this text.
pub(crate) fn make_link(directory: BorrowedFd<'_>, text: &str, name: &str) -> io::Result<()> {
    retry(|| fs::symlinkat(text, directory, name))
}

/// Reads the text of a symbolic link, cut off after 64 bytes; nothing if there is none, or what has the name is no link.
pub(crate) fn read_link<T>(
    directory: BorrowedFd<'_>,
    name: &str,
    read: impl FnOnce(&[u8]) -> T,
) -> io::Result<Option<T>> {
    let mut text = [0; 64];
    match retry(|| fs::readlinkat_raw(directory, name, &mut text[..])) {
        Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(None),
        len => Ok(found(len)?.map(|len| read(&text[..len]))),
    }
}

/// The names of what is in a directory.
pub(crate) fn names_in(
    directory: BorrowedFd<'_>,
) -> io::Result<impl Iterator<Item = io::Result<CString>> + Send + use<>> {
    let entries = retry(|| Dir::read_from(directory))?;
    Ok(entries.map(|entry| Ok(entry?.file_name().to_owned())))
}

/// Tells what is not there from what failed.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
