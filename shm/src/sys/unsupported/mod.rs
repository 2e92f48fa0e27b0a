//! Systems without a port: everything is refused, so that the crate compiles and says why it does not work.
//!
//! No directory is ever opened, so what can only be reached through one is never there: such types have no values.

mod directory;
mod file;
mod mapping;
mod process;
mod stat;
mod watch;

use std::io;
use std::path::Path;
use std::time::Duration;

pub(crate) use directory::{DirectoryHandle, LockTable, default_directory, holder_of_byte, make_directory, stat_path};
pub(crate) use file::GuardedFile;
pub(crate) use mapping::{Mapping, prefer_huge_pages};
pub(crate) use process::{
    at_exit, check_random, check_wake, identity, keep_first, look_at_process, new_id, process_generation,
    run_in_background, run_on_threads, sleep_on, wake_all,
};
pub(crate) use stat::Stat;
pub(crate) use watch::DirectoryWatch;

use crate::sys::Refusal;

fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "dcc-mcp-shm works on 64-bit little-endian Linux only",
    )
}

/// Does nothing: what the allocator keeps is not known here.
pub fn give_back_large_memory() {}

/// Time since the machine started, which is not known.
pub(crate) fn boot_time() -> io::Result<Duration> {
    Err(refused())
}

/// Whether an error of [`boot_time`] says that the clock cannot be told, which is so here.
pub(crate) fn is_clock_hidden(_error: &io::Error) -> bool {
    true
}

/// Time since the machine started, which is not known.
pub(crate) fn namespace_boot_time() -> Duration {
    Duration::ZERO
}

/// Rests for this long.
pub(crate) fn rest(time: Duration) {
    std::thread::sleep(time);
}

/// Whether an error says that there are no leases here, and not that the system failed.
pub(crate) fn grants_no_leases(_error: &io::Error) -> bool {
    true
}

/// How many bytes a file may have that this process writes, which is not known to be limited.
pub(crate) fn file_size_limit() -> io::Result<Option<u64>> {
    Ok(None)
}

/// How much memory there is left, which is not known to be limited.
pub(crate) fn memory_left(_enough: u64) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// What says that there is no memory left.
pub(crate) fn no_memory() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

/// How many processors there are, which is not known.
pub(crate) fn processors() -> u64 {
    1
}

/// How many more files a file system can have, which is not known to be limited.
pub(crate) fn free_inodes_at(_directory: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

impl Refusal {
    /// What an error of the system says.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::OutOfMemory => Self::NoMemory,
            io::ErrorKind::StorageFull => Self::Full,
            io::ErrorKind::Unsupported => Self::Unsupported,
            _ => Self::Other,
        }
    }
}
