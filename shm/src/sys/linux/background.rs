//! Threads that nobody waits for, and what is done when the process ends.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use crate::sys::Background;

/// Enough for system calls, and for the thread-local variables of a program's libraries, which the C library puts there.
const STACK: usize = 512 << 10;

/// Starts a thread, and says whether the system gave one.
pub(crate) fn run_in_background<T: Background>(work: Arc<T>) -> bool {
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: a place for attributes, which are not used before they are initialised.
    if unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: the attributes were just initialised.
    let sized = unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK) } == 0;
    // SAFETY: as above.
    let detached =
        unsafe { libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED) } == 0;
    let argument = Arc::into_raw(work);
    let mut thread = MaybeUninit::uninit();
    // SAFETY: initialised attributes, and an argument that `run_work` of the same type takes over.
    let created = sized
        && detached
        && unsafe {
            let argument = argument.cast_mut().cast::<c_void>();
            libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run_work::<T>, argument)
        } == 0;
    // SAFETY: initialised above, and not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if !created {
        // SAFETY: from `into_raw` above, and nobody else has taken it over.
        drop(unsafe { Arc::from_raw(argument) });
    }
    created
}

extern "C" fn run_work<T: Background>(argument: *mut c_void) -> *mut c_void {
    let mut all = MaybeUninit::uninit();
    // SAFETY: a place for a set of signals.
    if unsafe { libc::sigfillset(all.as_mut_ptr()) } == 0 {
        // The handlers of the program run on the threads of the program.
        // SAFETY: the set was just filled, and the one from before is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut()) };
    }
    // SAFETY: `run_in_background` passes what `into_raw` gave for the same type, once.
    let work = unsafe { Arc::from_raw(argument.cast::<T>()) };
    // A panic is a defect, and says so already; it must not end the program.
    drop(catch_unwind(AssertUnwindSafe(|| work.run())));
    ptr::null_mut()
}

/// Does this when the process ends by returning from its main function or by `exit`, and says whether the system will.
pub(crate) fn at_exit(end: extern "C" fn()) -> bool {
    // SAFETY: a function of this library, which stays loaded: see `fork`.
    unsafe { libc::atexit(end) == 0 }
}
