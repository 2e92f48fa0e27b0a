//! Sleeping until a word of shared memory changes, whichever process changes it.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;
use rustix::time::Timespec;

use super::clock::rest;
use crate::sys::LONGEST_SLEEP;

/// Sleeps if the low half of the word is that of `seen`, until a thread wakes the sleepers, a signal comes, or the time
/// is up. The sleep may also end without a reason, so the caller must look again.
pub(crate) fn sleep_on(word: &AtomicU64, seen: u64, time: Duration) {
    let timeout = Timespec::try_from(time.min(LONGEST_SLEEP)).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "the kernel compares the low half")]
    let result = futex::wait(low_half(word), futex::Flags::empty(), seen as u32, Some(&timeout));
    match result {
        Ok(()) | Err(Errno::AGAIN | Errno::TIMEDOUT | Errno::INTR) => {}
        // Where the kernel refuses, this is a pause, and so never a loop that spins.
        Err(_) => rest(Duration::from_millis(1)),
    }
}

/// Wakes all threads that sleep on this word, in every process.
pub(crate) fn wake_all(word: &AtomicU64) {
    // It cannot fail for memory that is mapped, unless the system refuses the call: then they wake by themselves.
    let _ = check_wake(word);
}

/// The same, and says whether the system lets this process do so.
pub(crate) fn check_wake(word: &AtomicU64) -> io::Result<()> {
    futex::wake(low_half(word), futex::Flags::empty(), i32::MAX.cast_unsigned())?;
    Ok(())
}

/// The half that the kernel looks at. Nothing else is done with it: access by Rust code is to the whole word.
fn low_half(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the first half of a word that is borrowed for as long, aligned to 8; on the little-endian systems that this is
    // built for it is the low one.
    unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
}
