//! One slot of a pool, as its pool has it: taken, given back, and asked whether anybody has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::given::Given;
use crate::buffer::{BufferFile, want, was_wanted};
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::format::{AT_DATA_LEN, AT_GENERATION, AT_HOLDER, AT_SEQUENCE, HolderRecord, Role};
use crate::holder::SlotHolder;
use crate::segment::Segment;
use crate::sys::{LockByte, LockMode};

/// A slot of a pool that this process has open.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) file: Arc<BufferFile>,
    pub(super) given: Given,
}

impl Slot {
    /// Opens a slot's file without a lock, as its pool keeps it.
    pub(super) fn open(directory: &Directory, id: Uuid) -> Result<Self> {
        let (segment, snapshot) = Segment::open_unlocked(directory, id)?;
        snapshot.expect(Role::Slot)?;
        segment.shared()?;
        Ok(Self {
            file: Arc::new(BufferFile::of(segment, &snapshot)?),
            given: Given::default(),
        })
    }

    /// Takes this slot if nobody has it, and gives its new generation. First takes the whole-file lock exclusively, to count the
    /// generation up, then shared, to hold the slot.
    ///
    /// Here the slot of a killed holder comes back: the kernel dropped its locks, and nothing else is done about it until somebody
    /// takes the slot.
    pub(super) fn try_take(&self) -> Result<Option<u64>> {
        let failed = |error| Error::io("take", self.file.segment.path(), error);
        let file = self.file.segment.file()?;
        if !file.try_lock(LockMode::Exclusive).map_err(failed)? {
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
        let failed = |error| Error::io("take", self.file.segment.path(), error);
        let file = self.file.segment.file()?;
        let mapping = self.file.segment.shared()?;
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
        // The kernel gives up the exclusive lock before it grants the shared one. A process that took the slot in
        // between has counted the generation up.
        let shared = file.try_lock(LockMode::Shared).map_err(failed)?;
        if !shared || generation.load(Ordering::Acquire) != mine {
            return Ok(None);
        }
        // Only a process that has the whole-file lock takes this one.
        let locked = file
            .lock_byte(LockByte::Slot, LockMode::Exclusive, Duration::ZERO)
            .map_err(failed)?;
        Ok(locked.then_some(mine))
    }

    pub(super) fn give_back(&self) -> Result<()> {
        let segment = &self.file.segment;
        let file = segment.file()?;
        file.unlock_byte(LockByte::Slot)
            .and_then(|()| file.unlock())
            .map_err(|error| Error::io("give back", segment.path(), error))
    }

    /// Asks the process that lets go of the slot to wake the waiters.
    pub(super) fn want(&self) -> Result<()> {
        want(&self.file.segment)
    }

    /// Whether somebody waits; see [`was_wanted`].
    pub(super) fn was_wanted(&self) -> Result<bool> {
        was_wanted(&self.file.segment)
    }

    /// Who the slot was given to, as it is recorded.
    pub(super) fn holder(&self) -> Result<Option<SlotHolder>> {
        let mapping = self.file.segment.shared()?;
        let mut record = HolderRecord::default();
        for (i, word) in record.0.iter_mut().enumerate() {
            *word = mapping.word(AT_HOLDER + 8 * i).load(Ordering::Relaxed);
        }
        Ok(record.of(mapping.word(AT_GENERATION).load(Ordering::Acquire)))
    }

    /// Whether another handle, in this process or elsewhere, has the slot to write or to read.
    pub(super) fn is_taken_elsewhere(&self) -> Result<bool> {
        Ok(self.is_given_elsewhere()? || self.is_locked(LockByte::Data)?)
    }

    /// Whether the slot was given to another handle, in this process or elsewhere.
    pub(super) fn is_given_elsewhere(&self) -> Result<bool> {
        self.is_locked(LockByte::Slot)
    }

    fn is_locked(&self, byte: LockByte) -> Result<bool> {
        let segment = &self.file.segment;
        segment
            .file()?
            .is_locked_against(byte, LockMode::Exclusive)
            .map_err(|error| Error::io("look at the locks of", segment.path(), error))
    }
}
