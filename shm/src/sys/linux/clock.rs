//! The clock that never steps, for times to live.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::thread::{NanosleepRelativeResult, nanosleep};
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::time_namespace::boot_time_offset;

/// Time since the machine started, with sleep, as the host has it: nothing sets it back or forth, and it is the same in all
/// containers.
///
/// # Errors
/// The system does not say how far this process's clock is off the host's. Nobody's time to live may be shortened then.
pub(crate) fn boot_time() -> io::Result<Duration> {
    let offset = boot_time_offset()?;
    let (time, distance) = (namespace_boot_time(), Duration::from_nanos(offset.unsigned_abs()));
    Ok(if offset < 0 {
        time.saturating_add(distance)
    } else {
        time.saturating_sub(distance)
    })
}

/// The same as this process's time namespace has it: for what need not be comparable in another one.
pub(crate) fn namespace_boot_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// Rests for this long. That of the standard library panics where a sandbox refuses the call; this goes on.
pub(crate) fn rest(time: Duration) {
    let mut left = Timespec::try_from(time).unwrap_or_default();
    loop {
        match nanosleep(&left) {
            NanosleepRelativeResult::Ok => return,
            NanosleepRelativeResult::Interrupted(rest) => left = rest,
            NanosleepRelativeResult::Err(_) => return thread::yield_now(),
        }
    }
}

/// Whether an error of [`boot_time`] says that the host's clock cannot be told, which lasts, and not that the system failed.
pub(crate) fn is_clock_hidden(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
}
