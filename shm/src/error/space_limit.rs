//! What there can be too little of for something new.

use std::fmt;

#[cfg(doc)]
use super::Error;
use crate::sys::RoomLimit;

/// The limit that a [`Error::StoreFull`] met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpaceLimit {
    /// Free space of the file system.
    FileSystem,
    /// The store's quota.
    Quota,
    /// Available memory of the machine.
    Memory,
    /// Room left in an enclosing memory cgroup.
    Cgroup,
    /// Inodes of the file system: how many files it can have.
    Inodes,
    /// The disk quota of this user; how much of it is left is not known.
    UserQuota,
    /// How long this process may make a file: `RLIMIT_FSIZE`.
    FileSize,
}

impl SpaceLimit {
    /// What there was too little of, in words, as [`Error::StoreFull`] has the numbers.
    pub fn shortage(self, requested: u64, available: u64) -> String {
        match self {
            Self::Inodes => "no file can be made, as the file system has no free inode (df -i)".to_owned(),
            Self::UserQuota => "the disk quota of this user is used up (quota -s)".to_owned(),
            _ if requested == 0 => "the file system has no room left".to_owned(),
            _ if available < requested => {
                format!("{requested} bytes were asked for and {available} are available ({self})")
            }
            // Somebody has freed memory since, or the system counts in a way that cannot be asked about.
            _ => format!("the system had no room for {requested} bytes ({self}), and may have now"),
        }
    }
}

impl fmt::Display for SpaceLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileSystem => "free space of the file system",
            Self::Quota => "quota of the store, DCC_MCP_SHM_MAX_BYTES",
            Self::Memory => "free memory of the machine",
            Self::Cgroup => "memory limit of the container or cgroup",
            Self::Inodes => "free inodes of the file system",
            Self::UserQuota => "disk quota of the user",
            Self::FileSize => "limit of this process on the size of a file, ulimit -f",
        })
    }
}

impl From<RoomLimit> for SpaceLimit {
    fn from(limit: RoomLimit) -> Self {
        match limit {
            RoomLimit::FileSystem => Self::FileSystem,
            RoomLimit::Memory => Self::Memory,
            RoomLimit::Cgroup => Self::Cgroup,
            RoomLimit::FileSize => Self::FileSize,
        }
    }
}
