//! Threads that need no memory once they have started.
//!
//! A thread of the standard library allocates while it starts, and its thread-local variables do so when they are first used:
//! if there is no memory then, the process is ended (in a module that is loaded at run time, as Python's are, by the C library
//! itself). What a thread of this module needs is its stack, and `pthread_create` fails if that cannot be had.
//!
//! So what runs on these threads allocates nothing but by calls that can fail, and uses no thread-local variable of Rust. A
//! panic does both; it is a defect already.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::{Mutex, PoisonError};

/// As large as that of the standard library's threads.
const STACK: usize = 2 << 20;

/// What each thread runs, and what the last one that panicked said.
struct Task<'a> {
    run: &'a (dyn Fn() + Sync),
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Threads that have been started. Dropping this waits for their end.
struct Started(Vec<libc::pthread_t>);

impl Drop for Started {
    fn drop(&mut self) {
        for &thread in &self.0 {
            // SAFETY: started by `start` and joined once, here. Joining a thread of our own, which does not join this one,
            // cannot fail.
            unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        }
    }
}

/// Runs the same on `count` threads, this one among them, or on as many of them as the system gives. They end before this
/// returns, so that there are none when a DCC forks.
pub(crate) fn run_on_threads(count: usize, run: &(dyn Fn() + Sync)) {
    let task = Task {
        run,
        panic: Mutex::new(None),
    };
    let mut others = Started(Vec::new());
    if others.0.try_reserve_exact(count.saturating_sub(1)).is_ok() {
        while others.0.len() + 1 < count
            && let Some(thread) = start(&task)
        {
            others.0.push(thread);
        }
    }
    run();
    drop(others);
    if let Some(panic) = task.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
}

/// Starts a thread, which must end before the task does.
fn start(task: &Task<'_>) -> Option<libc::pthread_t> {
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: a place for attributes, which are not used before they are initialised.
    if unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the attributes were just initialised.
    let sized = unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK) } == 0;
    let argument = ptr::from_ref(task).cast_mut().cast::<c_void>();
    // SAFETY: initialised attributes, and an argument of the type that `run_task` takes; `Started` joins the thread before
    // `run_on_threads` lets go of the task, also when that panics.
    let created =
        sized && unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run_task, argument) } == 0;
    // SAFETY: initialised above, and not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    // SAFETY: `pthread_create` succeeded, so it stored the thread.
    created.then(|| unsafe { thread.assume_init() })
}

extern "C" fn run_task(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `start` passes a task, which outlives this thread.
    let task = unsafe { &*argument.cast::<Task<'_>>() };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(task.run)) {
        *task.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
    }
    ptr::null_mut()
}

#[cfg(test)]
#[allow(clippy::panic, reason = "one of the tests is about panics")]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_thread_runs_once_and_all_at_the_same_time() {
        let (runs, all_there) = (AtomicUsize::new(0), Barrier::new(3));
        run_on_threads(3, &|| {
            all_there.wait();
            runs.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(runs.into_inner(), 3);
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller_when_all_have_ended() {
        for place in 0..3 {
            let (turns, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let all_there = Barrier::new(3);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                run_on_threads(3, &|| {
                    let turn = turns.fetch_add(1, Ordering::Relaxed);
                    all_there.wait();
                    ended.fetch_add(1, Ordering::Relaxed);
                    assert_ne!(turn, place, "meant to panic");
                });
            }));
            assert!(panicked.is_err());
            assert_eq!(ended.into_inner(), 3);
        }
    }
}
