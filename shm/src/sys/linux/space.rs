//! How much room there is.
//!
//! Memory that a file has not been given is given at first touch. If there is no memory then, the process is killed, by
//! SIGBUS on a full file system and by the kernel's out-of-memory killer in a full cgroup. So room is looked at here
//! first, and then taken by system calls that can fail.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, fstatvfs, statvfs};

use super::DirectoryHandle;
use super::retry::retry;
use crate::sys::{RoomLimit, SystemRoom};

/// Kept free of what the machine and a cgroup have: the process needs memory of its own to go on.
const MEMORY_MARGIN: u64 = 16 << 20;
/// More than any machine's memory.
const UNLIMITED: u64 = 1 << 60;

impl DirectoryHandle {
    /// How many more files its file system can have; nothing where that does not limit them.
    pub(crate) fn free_inodes(&self) -> io::Result<Option<u64>> {
        retry(|| fstatvfs(self.as_fd())).map(|file_system| free_inodes_of(&file_system))
    }

    /// What its file system has left.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let file_system = retry(|| fstatvfs(self.as_fd()))?;
        Ok(match file_system.f_blocks {
            // ramfs, and tmpfs of `size=0`, have no limit of their own.
            0 => u64::MAX,
            _ => file_system.f_bavail.saturating_mul(file_system.f_frsize),
        })
    }

    /// The room for a new file in it: of the file system, and where files are memory, of that too.
    pub(crate) fn room(&self) -> io::Result<SystemRoom> {
        let mut room = SystemRoom {
            available: self.free_bytes()?,
            limit: RoomLimit::FileSystem,
        };
        let mut limited = |available: Option<u64>, limit| {
            if let Some(available) = available {
                room = room.at_most(available.saturating_sub(MEMORY_MARGIN), limit);
            }
        };
        limited(available_memory()?, RoomLimit::Memory);
        limited(least_room(&cgroup_limits()?, u64::MAX)?, RoomLimit::Cgroup);
        Ok(match file_size_limit()? {
            Some(limit) => room.at_most(limit, RoomLimit::FileSize),
            None => room,
        })
    }
}

/// How much memory the machine and the cgroups around this process have left; where that is more than `enough`, at least so much.
pub(crate) fn memory_left(enough: u64) -> io::Result<u64> {
    let enough = enough.saturating_add(MEMORY_MARGIN);
    let machine = match free_memory().filter(|&free| free >= enough) {
        None => available_memory()?,
        free => free,
    };
    let left = least_of(machine, least_room(&cgroup_limits()?, enough)?);
    Ok(left.map_or(u64::MAX, |left| left.saturating_sub(MEMORY_MARGIN)))
}

/// What says that there is no memory left.
pub(crate) fn no_memory() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

/// How many processors the machine has.
pub(crate) fn processors() -> u64 {
    // SAFETY: it only asks.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1)
}

/// How many more files the file system of a directory can have; nothing where it does not limit them.
pub(crate) fn free_inodes_at(directory: &Path) -> io::Result<Option<u64>> {
    retry(|| statvfs(directory)).map(|file_system| free_inodes_of(&file_system))
}

fn free_inodes_of(file_system: &StatVfs) -> Option<u64> {
    (file_system.f_files > 0).then_some(file_system.f_favail)
}

/// How many bytes a file may have that this process writes, if that is limited. A process that goes beyond gets SIGXFSZ, which
/// ends it unless it ignores the signal.
pub(crate) fn file_size_limit() -> io::Result<Option<u64>> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: a valid place for the limit.
    let asked = retry(
        || match unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, limit.as_mut_ptr()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        },
    );
    match asked {
        // A sandbox that does not let the process ask does not tell the limit.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => return Ok(None),
        asked => asked?,
    }
    // SAFETY: the call succeeded, and so it stored the limit.
    let limit = unsafe { limit.assume_init() }.rlim_cur;
    Ok((limit != libc::RLIM_INFINITY).then_some(limit))
}

/// Memory that nothing is in, which is less than what there is to be had; nothing where the system does not say.
fn free_memory() -> Option<u64> {
    let mut info = MaybeUninit::<libc::sysinfo>::uninit();
    // SAFETY: a valid place for what it says.
    if unsafe { libc::sysinfo(info.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, and so it stored that.
    let info = unsafe { info.assume_init() };
    Some(info.freeram.saturating_mul(u64::from(info.mem_unit)))
}

fn available_memory() -> io::Result<Option<u64>> {
    let text = read("/proc/meminfo".as_ref())?;
    let kibibytes = text.lines().find_map(|line| {
        let number = line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?;
        number.parse::<u64>().ok()
    });
    Ok(kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024)))
}

/// A cgroup that limits the memory of this process.
#[derive(Debug)]
struct LimitedCgroup {
    directory: PathBuf,
    limit: u64,
    /// The file that says how much is used.
    usage: &'static str,
}

/// The memory cgroups around this process that have a limit.
fn cgroup_limits() -> io::Result<Vec<LimitedCgroup>> {
    let mut limits = Vec::new();
    for line in read("/proc/self/cgroup".as_ref())?.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        if controllers.is_empty() {
            add_limits(&mut limits, "/sys/fs/cgroup", path, "memory.max", "memory.current")?;
        } else if controllers.split(',').any(|name| name == "memory") {
            let root = "/sys/fs/cgroup/memory";
            add_limits(
                &mut limits,
                root,
                path,
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            )?;
        }
    }
    Ok(limits)
}

/// Walks from the process's cgroup up to the root. In a container the path may be the host's, of which only the
/// root can be seen, so directories that are missing are passed over.
fn add_limits(
    limits: &mut Vec<LimitedCgroup>,
    root: &str,
    path: &str,
    limit: &str,
    usage: &'static str,
) -> io::Result<()> {
    let root = Path::new(root);
    let mut directory = root.join(path.trim_start_matches('/'));
    loop {
        // Without a limit there is a word, and in the older interface a number that no machine has.
        if let Some(limit) = number(&directory.join(limit))?.filter(|&limit| limit < UNLIMITED) {
            limits.push(LimitedCgroup {
                directory: directory.clone(),
                limit,
                usage,
            });
        }
        if directory == root || !directory.pop() {
            return Ok(());
        }
    }
}

fn least_of(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// The least room in any of these cgroups; where that is more than `enough`, at least so much. Pages that merely cache files on
/// disk count as room: a container that has read many files is always at its limit, and the kernel takes them back first. They
/// are not asked for where there is enough without.
fn least_room(cgroups: &[LimitedCgroup], enough: u64) -> io::Result<Option<u64>> {
    let mut least = None;
    for LimitedCgroup {
        directory,
        limit,
        usage,
    } in cgroups
    {
        if let Some(usage) = number(&directory.join(usage))? {
            let mut left = limit.saturating_sub(usage);
            if left < enough {
                left = limit.saturating_sub(usage.saturating_sub(file_cache(directory)?));
            }
            least = least_of(least, Some(left));
        }
    }
    Ok(least)
}

fn number(file: &Path) -> io::Result<Option<u64>> {
    Ok(read(file)?.trim().parse().ok())
}

fn file_cache(cgroup: &Path) -> io::Result<u64> {
    let text = read(&cgroup.join("memory.stat"))?;
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse::<u64>().ok())
    };
    // The older interface prefixes the sums over all children.
    let cached = |key: &str| value(&format!("total_{key}")).or_else(|| value(key)).unwrap_or(0);
    Ok(cached("inactive_file").saturating_add(cached("active_file")))
}

/// What the kernel says in a file; nothing where it has no such file, or does not show it to this process. Any other error says
/// nothing of the limit that is asked for, so it is given as one.
fn read(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if is_hidden(&error) => Ok(String::new()),
        read => read,
    }
}

/// Whether a file is not there, not any more, or not shown.
fn is_hidden(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENODEV | libc::EACCES | libc::EPERM | libc::EOPNOTSUPP)
    )
}
