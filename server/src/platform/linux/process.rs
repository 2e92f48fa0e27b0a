//! This process, its user and its kernel.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::param::clock_ticks_per_second;
use rustix::process::{geteuid, getpriority_process, setpriority_process};
use rustix::system::uname;
use rustix::thread::gettid;

/// The id of the user that this process acts for.
pub(crate) fn user() -> u32 {
    geteuid().as_raw()
}

/// The release of the kernel, such as `6.1.0-13-amd64`.
pub(crate) fn kernel_release() -> String {
    uname().release().to_string_lossy().into_owned()
}

/// Whole seconds of a time in the unit of `/proc/<pid>/stat`.
pub(crate) fn seconds_of_ticks(ticks: u64) -> Option<u64> {
    ticks.checked_div(clock_ticks_per_second())
}

/// Makes this thread nicer, and those that it starts. On Linux the value is a thread's own.
pub(crate) fn give_way(by: i32) -> io::Result<()> {
    let thread = Some(gettid());
    Ok(setpriority_process(thread, getpriority_process(thread)? + by)?)
}

/// Checks that the descriptors can be had that the runtime opens, because tokio panics where it gets none for its signals.
pub(crate) fn check_descriptors() -> io::Result<()> {
    // The reactor opens three, and the signals a pair and a duplicate.
    let _as_many = [UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?];
    Ok(())
}
