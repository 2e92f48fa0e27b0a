//! The open file of a buffer or slot, which all handles of this process share.

use std::sync::atomic::Ordering;

use super::data_lock::DataLock;
use super::slot_reading::SlotReading;
use crate::error::{Error, Result};
use crate::format::{AT_DATA_LEN, Snapshot};
use crate::segment::Segment;

/// An open file of data that can be rewritten, and what this handle has of its lock.
#[derive(Debug)]
pub(crate) struct BufferFile {
    pub(crate) segment: Segment,
    pub(super) lock: DataLock,
    pub(super) payload: usize,
    pub(super) capacity: usize,
    /// Who opened somebody else's slot holds the data lock for reading as long as this exists.
    pub(super) reading: Option<SlotReading>,
}

impl Drop for BufferFile {
    fn drop(&mut self) {
        if let Some(reading) = self.reading {
            self.unlock(reading.process);
            self.segment.release();
            reading.wake_waiters(&self.segment);
        }
    }
}

impl BufferFile {
    pub(super) fn new(segment: Segment, payload: usize, capacity: usize) -> Self {
        Self {
            segment,
            lock: DataLock::default(),
            payload,
            capacity,
            reading: None,
        }
    }

    /// An open file, as its header says.
    pub(crate) fn of(segment: Segment, snapshot: &Snapshot) -> Result<Self> {
        let path = segment.path();
        let size = |len: u64| usize::try_from(len).map_err(|_| Error::damaged(path, "it is longer than memory can be"));
        let (payload, capacity) = (size(snapshot.payload)?, size(snapshot.header.capacity)?);
        Ok(Self::new(segment, payload, capacity))
    }

    /// Gives the data lock back. A failure leaves it to the kernel, which frees it with the descriptor.
    pub(super) fn unlock(&self, process: u64) {
        if let Err(error) = self.lock.unlock(&self.segment, process) {
            tracing::warn!(id = %self.segment.id(), %error, "a lock is held until its buffer is dropped");
        }
    }

    pub(super) fn data_len(&self) -> Result<usize> {
        let len = self.segment.shared()?.word(AT_DATA_LEN).load(Ordering::Relaxed);
        usize::try_from(len)
            .ok()
            .filter(|&len| len <= self.capacity)
            .ok_or_else(|| Error::damaged(self.segment.path(), "its data is longer than its capacity"))
    }

    pub(super) fn check_len(&self, needed: u64) -> Result<usize> {
        usize::try_from(needed)
            .ok()
            .filter(|&len| len <= self.capacity)
            .ok_or(Error::CapacityExceeded {
                needed,
                capacity: self.capacity as u64,
            })
    }
}
