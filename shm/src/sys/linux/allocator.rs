//! The allocator of a long-lived process that needs much memory now and then.
#![allow(unsafe_code)]

/// An allocation of this many bytes or more is a mapping of its own, which goes back to the system when it is freed.
#[cfg(target_env = "gnu")]
const OWN_MAPPING: libc::c_int = 1 << 20;
/// How many heaps the threads share. Each heap reserves 64 MiB of addresses and keeps some of what is freed in it.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;

/// Makes the C library give back large memory when it is freed. By default it keeps up to 64 MiB for each thread that once freed
/// a large block, so that a server's memory grows with the number of threads that ever drew a picture.
///
/// To be called before the process has a second thread. Later it does nothing, and neither where `/proc` does not say how many
/// threads there are, nor with C libraries that have no such setting.
pub fn give_back_large_memory() {
    #[cfg(target_env = "gnu")]
    if is_only_thread() {
        for (setting, value) in [(libc::M_MMAP_THRESHOLD, OWN_MAPPING), (libc::M_ARENA_MAX, HEAPS)] {
            // SAFETY: it sets a number, which no other thread reads meanwhile as `is_only_thread` was just true.
            unsafe { libc::mallopt(setting, value) };
        }
    }
}

#[cfg(target_env = "gnu")]
fn is_only_thread() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}
