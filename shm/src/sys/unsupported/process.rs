//! This process and its threads, as far as a system without a port needs to know them.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use uuid::Uuid;

use super::refused;
use crate::sys::{Background, Identity, LONGEST_SLEEP, PROGRAM_LEN, SeenProcess};

/// How often this process was made by a fork, which is not known to have happened.
pub(crate) fn process_generation() -> u64 {
    0
}

/// Keeps a value that many threads may have made, of whom one is enough.
pub(crate) fn keep_first<T>(cell: &OnceLock<T>, value: T) -> &T {
    cell.get_or_init(|| value)
}

/// This process, without the name of its program.
pub(crate) fn identity() -> Identity {
    Identity {
        pid: std::process::id(),
        program: [0; PROGRAM_LEN],
    }
}

/// Looks at no process.
pub(crate) fn look_at_process(_pid: u32) -> Option<SeenProcess> {
    None
}

/// An id is needed for what is made, and nothing is.
pub(crate) fn new_id() -> io::Result<Uuid> {
    Err(refused())
}

/// Hash maps of the standard library ask the system themselves.
pub(crate) fn check_random() -> io::Result<()> {
    Ok(())
}

/// Does all the work on this thread.
pub(crate) fn run_on_threads(_count: usize, run: &(dyn Fn() + Sync)) {
    run();
}

/// Starts no thread.
pub(crate) fn run_in_background<T: Background>(_work: Arc<T>) -> bool {
    false
}

/// Does nothing when the process ends.
pub(crate) fn at_exit(_end: extern "C" fn()) -> bool {
    false
}

/// Sleeps until the time is up: nobody wakes anybody.
pub(crate) fn sleep_on(_word: &AtomicU64, _seen: u64, time: Duration) {
    thread::sleep(time.min(LONGEST_SLEEP));
}

/// Wakes nobody.
pub(crate) fn wake_all(_word: &AtomicU64) {}

/// Says that nobody can be woken.
pub(crate) fn check_wake(_word: &AtomicU64) -> io::Result<()> {
    Err(refused())
}
