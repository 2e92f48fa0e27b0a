//! A mutex that a forked child can use although a thread of its parent had it.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Backoff, process_generation};

/// Guards a value for the threads of one process. A forked child finds it free and the value at its default: the
/// threads that could have had it do not exist there, and what the value said of them is not so.
pub(crate) struct ForkMutex<T> {
    /// 0 when free, else the holder's process generation + 1.
    holder: AtomicU64,
    /// The value, and the process generation + 1 that it is of.
    value: UnsafeCell<(u64, T)>,
}

// SAFETY: the value is reached through a guard only, of which there is one at a time in a process.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T: Default + Copy> Default for ForkMutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> ForkMutex<T> {
    /// One that is free. `value` is what the type's default is, which cannot be had for a static one.
    pub(crate) const fn new(value: T) -> Self {
        Self {
            holder: AtomicU64::new(0),
            value: UnsafeCell::new((0, value)),
        }
    }
}

impl<T: Default + Copy> ForkMutex<T> {
    /// Waits for the value. It must be plain data: a child may find it half changed, and replaces it.
    ///
    /// There is no deadline here, because the holder is a thread of this process, which waits for nothing without a
    /// deadline meanwhile. If it is stopped, so are all threads of the process.
    pub(crate) fn lock(&self) -> ForkMutexGuard<'_, T> {
        let mine = process_generation() + 1;
        let mut backoff = Backoff::new(Duration::MAX);
        loop {
            let holder = self.holder.load(Ordering::Relaxed);
            let free = holder != mine;
            if free
                && self
                    .holder
                    .compare_exchange(holder, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                break;
            }
            backoff.pause();
        }
        let mut guard = ForkMutexGuard(self);
        if guard.inner().0 != mine {
            *guard.inner() = (mine, T::default());
        }
        guard
    }
}

/// The value of a [`ForkMutex`], until this is dropped.
pub(crate) struct ForkMutexGuard<'a, T>(&'a ForkMutex<T>);

impl<T> ForkMutexGuard<'_, T> {
    fn inner(&mut self) -> &mut (u64, T) {
        // SAFETY: this guard is the only one (its maker put its mark into `holder`), and is borrowed exclusively.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Deref for ForkMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one, and is borrowed.
        let value = unsafe { &*self.0.value.get() };
        &value.1
    }
}

impl<T> DerefMut for ForkMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner().1
    }
}

impl<T> Drop for ForkMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.0.holder.store(0, Ordering::Release);
    }
}

impl<T> fmt::Debug for ForkMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForkMutex").finish_non_exhaustive()
    }
}
