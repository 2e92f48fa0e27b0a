//! Which slots a handle of a pool has given out itself.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

/// Whether this handle has a slot. Locks do not exclude the handle that took them, so each handle notes which slots it has: 0 is
/// free, and with the process generation g, 2g + 1 is being taken and 2g + 2 is taken. A value of another g, which a forked
/// child inherits, means free.
#[derive(Debug, Default)]
pub(super) struct Given(AtomicU64);

/// What came of claiming a slot among the threads of a handle.
pub(super) enum Claim {
    Mine,
    /// Another thread tries to take it, and may fail.
    BeingTaken,
    Taken,
}

impl Given {
    fn trying() -> u64 {
        sys::process_generation() * 2 + 1
    }

    /// Claims the slot for a try of this thread.
    pub(super) fn claim(&self) -> Claim {
        let found = self.0.load(Ordering::Relaxed);
        if found == Self::trying() {
            return Claim::BeingTaken;
        }
        if found == Self::trying() + 1 {
            return Claim::Taken;
        }
        let claimed = self
            .0
            .compare_exchange(found, Self::trying(), Ordering::Acquire, Ordering::Relaxed);
        if claimed.is_ok() {
            Claim::Mine
        } else {
            Claim::BeingTaken
        }
    }

    pub(super) fn mark_taken(&self) {
        self.0.store(Self::trying() + 1, Ordering::Relaxed);
    }

    pub(super) fn free(&self) {
        self.0.store(0, Ordering::Release);
    }

    pub(super) fn is_taken_here(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::trying() + 1
    }
}
