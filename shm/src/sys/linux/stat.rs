//! What the file system knows of a file or directory.

use std::time::Duration;

use rustix::fs::{self, FileType};

/// The bit of a file's mode that marks it as deleted: the sticky bit, which means nothing else for a file, and which whoever
/// has the file open sees.
pub(super) const MODE_DELETED: u32 = 0o1000;

/// What the file system knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) regular: bool,
    pub(crate) directory: bool,
    pub(super) owner: u32,
    /// Permission bits.
    pub(super) mode: u32,
    /// Number of names; none when it was deleted.
    pub(super) links: u64,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(crate) len: u64,
    pub(crate) accessed: Duration,
    pub(crate) modified: Duration,
    /// When any of these changed, or the data.
    pub(super) changed: Duration,
}

impl Stat {
    pub(crate) fn same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether both belong to one user.
    pub(crate) fn same_owner(&self, other: &Self) -> bool {
        self.owner == other.owner
    }

    /// Whether no name leads to it any more, or it is a file that is marked as deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.links == 0 || self.is_marked_deleted()
    }

    /// Whether it is a file that was deleted while processes had it open, which still has a name to be counted by.
    pub(crate) fn is_marked_deleted(&self) -> bool {
        self.regular && self.mode & MODE_DELETED != 0
    }

    /// How many names a file has.
    pub(crate) fn links(&self) -> u64 {
        self.links
    }

    /// Whether it is a file of the owner of a directory that has one name only, so that nobody can reach it by another.
    pub(crate) fn is_reusable(&self, directory: &Self) -> bool {
        self.regular && self.links == 1 && self.same_owner(directory)
    }

    /// Why others could tamper with a directory; nothing if it is of this user alone.
    pub(crate) fn danger(&self) -> Option<String> {
        if self.mode & 0o1000 != 0 {
            return Some(format!(
                "it is a directory that users share (mode {:o}); name one of this user's own, such as one inside of it",
                self.mode & 0o7777
            ));
        }
        let user = rustix::process::geteuid().as_raw();
        if self.owner != user {
            return Some(format!("it belongs to user {}, not to {user}", self.owner));
        }
        self.lets_others_in()
            .then(|| format!("others can enter it (mode {:o}); it must be 700", self.mode & 0o777))
    }

    /// Whether other users than its owner can enter a directory.
    pub(crate) fn lets_others_in(&self) -> bool {
        self.mode & 0o077 != 0
    }
}

impl From<fs::Stat> for Stat {
    fn from(stat: fs::Stat) -> Self {
        let time = |seconds: i64, nanos: u64| {
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).saturating_add(Duration::from_nanos(nanos))
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        Self {
            regular: kind == FileType::RegularFile,
            directory: kind == FileType::Directory,
            owner: stat.st_uid,
            mode: stat.st_mode & 0o7777,
            #[allow(clippy::useless_conversion, reason = "32 bits on other processors than x86-64")]
            links: stat.st_nlink.into(),
            device: stat.st_dev,
            inode: stat.st_ino,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            accessed: time(stat.st_atime, stat.st_atime_nsec),
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            changed: time(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}
