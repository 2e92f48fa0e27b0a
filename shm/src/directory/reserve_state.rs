//! What a process knows of the reserve of a directory that it has open.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

/// What a process knows of the reserve of a directory that it has open.
#[derive(Debug, Default)]
pub(super) struct ReserveState {
    /// Most bytes that may be kept, as the program or its environment says; 0 if nothing is kept or taken.
    pub(super) wanted: AtomicU64,
    pub(super) room: CachedRoom,
    /// Whether the system can be relied on here.
    pub(super) proven: OnceLock<bool>,
    pub(super) keeper: Keeper,
}

/// The room that there was a moment ago.
#[derive(Debug, Default)]
pub(super) struct CachedRoom {
    pub(super) bytes: AtomicU64,
    pub(super) until: AtomicU64,
}

/// What the thread of a directory and those that put something there tell each other.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// The generation + 1 of the process that has the thread; a forked child does not have it.
    pub(super) running: AtomicU64,
    /// Counts what concerns the thread, which sleeps on it.
    pub(super) news: AtomicU64,
    /// When this process put something there last.
    pub(super) last_put: AtomicU64,
}

impl Keeper {
    pub(super) fn runs(&self) -> bool {
        self.running.load(Ordering::SeqCst) == sys::process_generation() + 1
    }

    /// Says that a thread is to run, and whether it is the caller's to start it.
    pub(super) fn is_to_start(&self) -> bool {
        let (found, mine) = (self.running.load(Ordering::SeqCst), sys::process_generation() + 1);
        found != mine
            && self
                .running
                .compare_exchange(found, mine, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    pub(super) fn tell(&self) {
        self.news.fetch_add(1, Ordering::SeqCst);
        sys::wake_all(&self.news);
    }
}
