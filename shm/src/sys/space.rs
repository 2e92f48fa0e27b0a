//! How much room there is, and taking it for certain.
//!
//! Memory that a file has not been given is given at first touch, and if there is none the process is killed, by
//! SIGBUS on a full file system and by the kernel's out-of-memory killer in a full cgroup. So room is looked at
//! first and taken by system calls that can fail.

use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, StatVfs, fallocate, fstatvfs, statvfs};
use rustix::process::{Resource, getrlimit};

use super::retry::retry;
use crate::error::SpaceLimit;

/// Kept free of what the machine and a cgroup have: the process needs memory of its own to go on.
const MEMORY_MARGIN: u64 = 16 << 20;

/// The least room there is, and what sets it.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Bytes.
    pub available: u64,
    /// What there would have to be more of for there to be more room.
    pub limit: SpaceLimit,
}

impl Room {
    /// The same where there is no more than this.
    pub(crate) fn at_most(self, available: u64, limit: SpaceLimit) -> Self {
        if available < self.available {
            Self { available, limit }
        } else {
            self
        }
    }
}

/// How many more files a file system can have; nothing where it does not limit them.
pub(crate) fn free_inodes(directory: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    Ok(free_inodes_of(&fstatvfs(directory)?))
}

/// The same by a path.
pub(crate) fn free_inodes_at(directory: &Path) -> io::Result<Option<u64>> {
    Ok(free_inodes_of(&statvfs(directory)?))
}

fn free_inodes_of(file_system: &StatVfs) -> Option<u64> {
    (file_system.f_files > 0).then_some(file_system.f_favail)
}

/// The room for a new file beside `directory`: of the file system, and where files are memory, of that too.
pub(crate) fn room(directory: BorrowedFd<'_>) -> io::Result<Room> {
    let file_system = retry(|| fstatvfs(directory))?;
    let available = match file_system.f_blocks {
        // ramfs, and tmpfs of `size=0`, have no limit of their own.
        0 => u64::MAX,
        _ => file_system.f_bavail.saturating_mul(file_system.f_frsize),
    };
    let mut room = Room {
        available,
        limit: SpaceLimit::FileSystem,
    };
    let mut limited = |available: Option<u64>, limit| {
        if let Some(available) = available {
            room = room.at_most(available.saturating_sub(MEMORY_MARGIN), limit);
        }
    };
    limited(available_memory(), SpaceLimit::Memory);
    limited(cgroup_room(), SpaceLimit::Cgroup);
    if let Some(limit) = file_size_limit()
        && limit < room.available
    {
        room = Room {
            available: limit,
            limit: SpaceLimit::FileSize,
        };
    }
    Ok(room)
}

/// How many bytes a file may have that this process writes, if that is limited. Who goes beyond gets SIGXFSZ, which ends the
/// process unless it is ignored.
pub(crate) fn file_size_limit() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The least room in any memory cgroup around this process.
fn cgroup_room() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            if controllers.is_empty() {
                least_room(Path::new("/sys/fs/cgroup"), path, "memory.max", "memory.current")
            } else if controllers.split(',').any(|name| name == "memory") {
                let root = Path::new("/sys/fs/cgroup/memory");
                least_room(root, path, "memory.limit_in_bytes", "memory.usage_in_bytes")
            } else {
                None
            }
        })
        .min()
}

/// Walks from the process's cgroup up to the root. In a container the path may be the host's, of which only the
/// root can be seen, so directories that are missing are passed over. Pages that merely cache files on disk count
/// as room: a container that has read many files is always at its limit, and the kernel takes them back first.
fn least_room(root: &Path, path: &str, limit: &str, usage: &str) -> Option<u64> {
    let mut directory: PathBuf = root.join(path.trim_start_matches('/'));
    let mut least = None;
    loop {
        let number = |name: &str| {
            fs::read_to_string(directory.join(name))
                .ok()?
                .trim()
                .parse::<u64>()
                .ok()
        };
        if let (Some(limit), Some(usage)) = (number(limit), number(usage)) {
            let left = limit.saturating_sub(usage.saturating_sub(file_cache(&directory)));
            least = Some(least.map_or(left, |least: u64| least.min(left)));
        }
        if directory == root || !directory.pop() {
            return least;
        }
    }
}

fn file_cache(cgroup: &Path) -> u64 {
    let text = fs::read_to_string(cgroup.join("memory.stat")).unwrap_or_default();
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse::<u64>().ok())
    };
    // The older interface prefixes the sums over all children.
    let cached = |key: &str| value(&format!("total_{key}")).or_else(|| value(key)).unwrap_or(0);
    cached("inactive_file").saturating_add(cached("active_file"))
}

/// Takes memory for `len` bytes of a file from `offset` on.
pub(crate) fn reserve(file: BorrowedFd<'_>, offset: u64, len: u64) -> io::Result<()> {
    // The system call refuses to take nothing.
    if len == 0 {
        return Ok(());
    }
    retry(|| fallocate(file, FallocateFlags::empty(), offset, len))
}
