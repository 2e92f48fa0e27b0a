//! What a forked child must not inherit: locks, and the right to write.
//!
//! A child shares its parent's open file descriptions, and with them the locks: it would keep a dead parent's
//! alive, and its unlocking would free the parent's. So in every child, before any other code runs there,
//! `/dev/null` is put over each descriptor that holds a lock, and zeros over each shared mapping. Handles notice
//! by [`process_generation`] and open their files anew when they are used.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustix::fs::{Mode, OFlags};

use super::retry::retry;

/// Descriptors that hold locks.
static DESCRIPTORS: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());
/// Start and length of each shared mapping.
static RANGES: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());
/// Held shared by threads that open, close and map, so that many can do so at once; held exclusively while this process
/// forks. So a fork finds the two above free, and in agreement with what is open and mapped.
static FORKING: RwLock<()> = RwLock::new(());
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// `/dev/null`, opened before it is needed: a process that forks may have no descriptor left.
static NULL: OnceLock<OwnedFd> = OnceLock::new();
/// Runs when the library is loaded. Were it the first use that registers the handlers, a fork at that moment by another
/// thread would leave the child with locks that nobody gives back.
#[used]
#[unsafe(link_section = ".init_array")]
static REGISTER_HANDLERS: extern "C" fn() = register_handlers;

/// How many forks lie between the process that loaded this library and this one. What was opened under another number belongs
/// to an ancestor.
pub(crate) fn process_generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Opens a descriptor that forked children do not inherit. A fork comes before this or after it.
pub(super) fn open(open: impl FnOnce() -> io::Result<OwnedFd>) -> io::Result<OwnedFd> {
    let _unforked = no_fork();
    if NULL.get().is_none() {
        let null = retry(|| rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()));
        // Of threads that open it at once, one is enough.
        drop(NULL.set(null.map_err(without_null)?));
    }
    let fd = open()?;
    locked(&DESCRIPTORS).insert(fd.as_raw_fd());
    Ok(fd)
}

/// What is missing must not be taken for the file that was to be opened.
fn without_null(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("there is no /dev/null"),
        _ => error,
    }
}

/// Closes a descriptor of [`open`].
pub(super) fn close(fd: OwnedFd) {
    let _unforked = no_fork();
    // First, as the number is another's as soon as it is closed.
    locked(&DESCRIPTORS).remove(&fd.as_raw_fd());
    drop(fd);
}

/// Changes the mappings that forked children do not inherit (length by start), and which of them there are: a fork
/// comes before this or after it.
pub(super) fn with_ranges<T>(change: impl FnOnce(&mut BTreeMap<usize, usize>) -> T) -> T {
    let _unforked = no_fork();
    change(&mut locked(&RANGES))
}

/// Keeps a value that many threads may have made, of whom one is enough. A fork comes before this or after it, so that no
/// child finds it half kept and waits for a thread that it does not have.
pub(crate) fn keep_first<T>(cell: &OnceLock<T>, value: T) -> &T {
    let unforked = no_fork();
    let unused = cell.set(value);
    drop(unforked);
    // It may be a mapping or a file, whose end must wait for forks itself.
    drop(unused);
    cell.wait()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_fork() -> RwLockReadGuard<'static, ()> {
    FORKING.read().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn register_handlers() {
    // SAFETY: the handlers are functions of this library, which stays loaded: Python and hosts do not unload
    // extension modules, and the C library drops the handlers of one that is.
    let error = unsafe { pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
    assert_eq!(error, 0, "no memory to register a fork handler");
}

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// The exclusive lock while a fork is under way.
struct HeldAcrossFork(UnsafeCell<Option<RwLockWriteGuard<'static, ()>>>);

// SAFETY: only the thread that holds the exclusive lock touches it (see `before`).
unsafe impl Sync for HeldAcrossFork {}

static HELD: HeldAcrossFork = HeldAcrossFork(UnsafeCell::new(None));

extern "C" fn before() {
    let guard = FORKING.write().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: this thread has the exclusive lock, so no other thread is here until `take` gives it back.
    unsafe { *HELD.0.get() = Some(guard) }
}

fn take() -> Option<RwLockWriteGuard<'static, ()>> {
    // SAFETY: called by the thread that ran `before`, in the parent or as its copy in the child, which has the lock.
    unsafe { (*HELD.0.get()).take() }
}

extern "C" fn after_in_parent() {
    drop(take());
}

/// Runs in the child, between fork and everything else: system calls only, nothing is allocated.
extern "C" fn after_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let _guard = take();
    if let Some(null) = NULL.get() {
        for &fd in &*locked(&DESCRIPTORS) {
            // SAFETY: the descriptor is owned by a handle of this process, which expects to find /dev/null there; the number
            // is never free, so that it does not become another's. It takes no new descriptor, so it does not fail.
            unsafe { libc::dup3(null.as_raw_fd(), fd, libc::O_CLOEXEC) };
        }
    }
    for (&start, &len) in &*locked(&RANGES) {
        let lay_zeros = |protection| {
            let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            // SAFETY: the range is a live mapping of this process (it leaves the registry before it is unmapped),
            // accessed by pointers only, which stay valid.
            unsafe { libc::mmap(start as *mut libc::c_void, len, protection, flags, -1, 0) != libc::MAP_FAILED }
        };
        // Where the kernel overcommits nothing it may have no memory to write to; to read there it needs none. A process that may
        // have no more mappings gets neither: then nothing can be done there, which needs no other mapping, as the range is one.
        if !lay_zeros(libc::PROT_READ | libc::PROT_WRITE) && !lay_zeros(libc::PROT_READ) {
            // SAFETY: as above; whatever the child does there ends it, instead of reaching its parent's data.
            unsafe { libc::mprotect(start as *mut libc::c_void, len, libc::PROT_NONE) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Forks in a process of its own that has used nothing yet.
    #[test]
    #[ignore = "run by another test as its child process"]
    fn fork_before_any_use() {
        // SAFETY: the child does nothing but leave by `_exit`.
        match unsafe { libc::fork() } {
            0 => {
                let code = i32::from(process_generation() != 1);
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(code) }
            }
            child => {
                let mut status = -1;
                // SAFETY: our own child, and a valid place for its status.
                assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                assert_eq!(status, 0, "the child noticed that it is one");
            }
        }
    }

    #[test]
    fn forks_are_noticed_before_the_first_use() {
        let program = std::env::current_exe().expect("the test's own");
        let arguments = ["--exact", "sys::system::fork::tests::fork_before_any_use", "--ignored"];
        let output = Command::new(program).args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("1 passed"),
            "{output:?}"
        );
    }
}
