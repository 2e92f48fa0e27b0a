//! Taking a slot, holding it, and giving it back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::given::Claim;
use super::open_pool::{OpenPool, Taken};
use crate::buffer::{SharedBuffer, SlotHold, ring};
use crate::error::Result;
use crate::sys;

/// The right to use a slot, given back when this is dropped.
#[derive(Debug)]
struct HeldSlot {
    pool: Arc<OpenPool>,
    index: usize,
    generation: u64,
    process: u64,
}

impl HeldSlot {
    fn new(pool: Arc<OpenPool>, index: usize, generation: u64) -> Self {
        Self {
            pool,
            index,
            generation,
            process: sys::process_generation(),
        }
    }
}

impl OpenPool {
    pub(super) fn take_any(self: &Arc<Self>) -> Result<Taken> {
        self.take_among(self.next.load(Ordering::Relaxed), self.slots.len())
    }

    /// Takes one of `among` slots, from the slot `first` on.
    pub(super) fn take_among(self: &Arc<Self>, first: usize, among: usize) -> Result<Taken> {
        let count = self.slots.len();
        let mut taken = Taken::None;
        for index in (0..among).map(|i| (first + i) % count) {
            let slot = &self.slots[index];
            match slot.given.claim() {
                Claim::Mine => {}
                Claim::Taken => continue,
                Claim::BeingTaken => {
                    taken = Taken::SoonFree;
                    continue;
                }
            }
            let tried = slot.try_take();
            if let Ok(Some(generation)) = tried {
                slot.given.mark_taken();
                self.next.store((index + 1) % count, Ordering::Relaxed);
                let hold = Arc::new(HeldSlot::new(self.clone(), index, generation));
                return Ok(Taken::Slot(SharedBuffer::from_slot(slot.file.clone(), hold)));
            }
            slot.given.free();
            tried?;
            if !slot.is_taken_elsewhere()? {
                taken = Taken::SoonFree;
            }
        }
        Ok(taken)
    }
}

impl SlotHold for HeldSlot {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn is_own(&self) -> bool {
        self.process == sys::process_generation()
    }
}

impl Drop for HeldSlot {
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
