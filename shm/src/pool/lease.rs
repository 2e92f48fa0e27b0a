//! The right to use a slot that was taken, and how it is given back.

use std::sync::Arc;

use super::open_pool::OpenPool;
use crate::buffer::{SlotLease, ring};
use crate::sys;

/// The right to use a slot, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<OpenPool>,
    index: usize,
    generation: u64,
    process: u64,
}

impl Lease {
    pub(super) fn new(pool: Arc<OpenPool>, index: usize, generation: u64) -> Self {
        Self {
            pool,
            index,
            generation,
            process: sys::process_generation(),
        }
    }
}

impl SlotLease for Lease {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn is_own(&self) -> bool {
        self.process == sys::process_generation()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_own() {
            return;
        }
        let slot = &self.pool.slots[self.index];
        if let Err(error) = slot.give_back() {
            tracing::warn!(%error, "a slot is free when its pool is closed");
            return;
        }
        slot.given.free();
        let wanted = slot.was_wanted().unwrap_or(true);
        if wanted && let Err(error) = ring(&self.pool.control) {
            tracing::debug!(%error, "who waits for a slot looks again by itself");
        }
    }
}
