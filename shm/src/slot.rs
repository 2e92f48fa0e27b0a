//! One slot of a pool, as its pool has it: taken, given back, and asked whether anybody has it.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use crate::buffer::Inner as Slot;
use crate::error::{Error, Result};
use crate::header::{AT_DATA_LEN, AT_GENERATION, AT_HOLDER, AT_SEQUENCE, AT_WANTED};
use crate::slot_holder::{HolderRecord, SlotHolder};
use crate::sys::{self, Mode};

/// Whether this handle has a slot, which its own locks do not keep from itself: 0, or the process generation twice
/// and one more while it is tried, two more when it is had. What a forked child finds of its parent's means free.
#[derive(Debug, Default)]
pub(crate) struct Given(AtomicU64);

impl Given {
    fn trying() -> u64 {
        sys::process_generation() * 2 + 1
    }

    /// Claims the slot for a try; or says whether it may be free in a moment.
    pub(crate) fn claim(&self) -> std::result::Result<(), bool> {
        let found = self.0.load(Ordering::Relaxed);
        if found == Self::trying() || found == Self::trying() + 1 {
            return Err(found == Self::trying());
        }
        let claimed = self
            .0
            .compare_exchange(found, Self::trying(), Ordering::Acquire, Ordering::Relaxed);
        claimed.map(drop).map_err(|_| true)
    }

    pub(crate) fn keep(&self) {
        self.0.store(Self::trying() + 1, Ordering::Relaxed);
    }

    pub(crate) fn free(&self) {
        self.0.store(0, Ordering::Release);
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::trying() + 1
    }
}

impl Slot {
    /// Takes this slot if nobody has it: alone for a moment, to count its generation up, then for good. Gives the
    /// generation.
    pub(crate) fn try_take(&self) -> Result<Option<u64>> {
        let failed = |error| Error::io("take", &self.segment.path(), error);
        let file = self.segment.file()?.as_fd();
        if !sys::try_lock_file(file, Mode::Exclusive).map_err(failed)? {
            return Ok(None);
        }
        let taken = self.take_locked();
        if !matches!(taken, Ok(Some(_))) {
            self.give_back()?;
        }
        taken
    }

    /// The rest of it, with the exclusive lock.
    fn take_locked(&self) -> Result<Option<u64>> {
        let failed = |error| Error::io("take", &self.segment.path(), error);
        let file = self.segment.file()?.as_fd();
        let mapping = self.segment.shared()?;
        let generation = mapping.word(AT_GENERATION);
        let mine = generation.load(Ordering::Relaxed).wrapping_add(1);
        // Before the generation, so that a record of it is never an older one.
        for (i, word) in HolderRecord::mine(mine).0.into_iter().enumerate() {
            mapping.word(AT_HOLDER + 8 * i).store(word, Ordering::Relaxed);
        }
        generation.store(mine, Ordering::Release);
        mapping.word(AT_DATA_LEN).store(0, Ordering::Relaxed);
        // Even, also if its last holder died while it wrote.
        let sequence = mapping.word(AT_SEQUENCE);
        let last = sequence.load(Ordering::Relaxed);
        sequence.store(last.wrapping_add(last & 1), Ordering::Release);
        // The kernel gives up the exclusive lock before it grants the shared one; whoever came in between has
        // counted the generation up.
        let shared = sys::try_lock_file(file, Mode::Shared).map_err(failed)?;
        if !shared || generation.load(Ordering::Acquire) != mine {
            return Ok(None);
        }
        // Only those who have the whole-file lock take this one.
        let locked = sys::lock_byte(file, sys::BYTE_SLOT, Mode::Exclusive, Duration::ZERO).map_err(failed)?;
        Ok(locked.then_some(mine))
    }

    pub(crate) fn give_back(&self) -> Result<()> {
        let segment = &self.segment;
        let file = segment.file()?.as_fd();
        sys::unlock_byte(file, sys::BYTE_SLOT)
            .and_then(|()| sys::unlock_file(file))
            .map_err(|error| Error::io("give back", &segment.path(), error))
    }

    /// Asks whoever lets go of the slot to wake those who wait.
    pub(crate) fn want(&self) -> Result<()> {
        self.segment.shared()?.half_word(AT_WANTED).store(1, Ordering::SeqCst);
        Ok(())
    }

    /// Whether somebody waits; asked after the locks were given back, it leaves out nobody who found them held.
    pub(crate) fn was_wanted(&self) -> Result<bool> {
        let wanted = self.segment.shared()?.half_word(AT_WANTED);
        fence(Ordering::SeqCst);
        Ok(wanted.load(Ordering::Relaxed) != 0 && wanted.swap(0, Ordering::SeqCst) != 0)
    }

    /// Who the slot was given to, as it is recorded.
    pub(crate) fn holder(&self) -> Result<Option<SlotHolder>> {
        let mapping = self.segment.shared()?;
        let mut record = HolderRecord::default();
        for (i, word) in record.0.iter_mut().enumerate() {
            *word = mapping.word(AT_HOLDER + 8 * i).load(Ordering::Relaxed);
        }
        Ok(record.of(mapping.word(AT_GENERATION).load(Ordering::Acquire)))
    }

    /// Whether another handle, in this process or elsewhere, has the slot to write or to read.
    pub(crate) fn is_taken_elsewhere(&self) -> Result<bool> {
        Ok(self.is_given_elsewhere()? || self.is_locked(sys::BYTE_DATA)?)
    }

    /// Whether the slot was given to another handle, in this process or elsewhere.
    pub(crate) fn is_given_elsewhere(&self) -> Result<bool> {
        self.is_locked(sys::BYTE_SLOT)
    }

    fn is_locked(&self, byte: i64) -> Result<bool> {
        sys::is_locked_against(self.segment.file()?.as_fd(), byte, Mode::Exclusive)
            .map_err(|error| Error::io("look at the locks of", &self.segment.path(), error))
    }
}
