//! Processes, this one's user and its kernel.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;

use jiff::Timestamp;
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

/// What the kernel calls the program of a process, in at most 15 bytes, if this process can see it.
pub(crate) fn program_of(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end_matches('\n').to_owned())
}

/// When a process was started, to the second, if this process can see it.
pub(crate) fn started(pid: u32) -> Option<Timestamp> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted: i64 = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    Timestamp::from_second(booted + seconds_after_boot(&stat)?).ok()
}

/// The start of a process, from the line that the kernel has of it.
fn seconds_after_boot(stat: &str) -> Option<i64> {
    // The second field is the program's name in brackets, which may have brackets and spaces in it.
    const AFTER_NAME: usize = 22 - 2 - 1;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_ascii_whitespace().nth(AFTER_NAME)?.parse().ok()?;
    i64::try_from(ticks.checked_div(clock_ticks_per_second())?).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_pose_as_other_fields() {
        let ticks = clock_ticks_per_second() * 7;
        let zeros = "0 ".repeat(18);
        let stat = format!("1 (a) R 1 (b) S {zeros}{ticks} 0");
        assert_eq!(seconds_after_boot(&stat), Some(7));
        assert_eq!(seconds_after_boot("1 (a"), None);
    }
}
