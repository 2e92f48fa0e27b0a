//! Reads and writes of a buffer that are under way: each holds the data lock until it is dropped.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::data_lock::{READ_PATIENCE, WRITE_PATIENCE};
use super::{BufferFile, SharedBuffer};
use crate::error::{Error, Result};
use crate::format::{AT_DATA_LEN, AT_SEQUENCE};
use crate::sys;

/// The data lock, held for reading.
#[derive(Debug)]
pub(super) struct Reading {
    file: Arc<BufferFile>,
    process: u64,
}

impl Reading {
    pub(super) fn begin(file: Arc<BufferFile>) -> Result<Self> {
        file.lock.read(&file.segment, READ_PATIENCE)?;
        let reading = Self {
            file,
            process: sys::process_generation(),
        };
        let segment = &reading.file.segment;
        if segment.shared()?.word(AT_SEQUENCE).load(Ordering::Acquire) % 2 == 1 {
            return Err(Error::Interrupted { id: segment.id() });
        }
        Ok(reading)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.file.unlock(self.process);
    }
}

/// A write under way: the data lock is held and the sequence word is odd, until this is finished or dropped.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) buffer: SharedBuffer,
    sequence: u64,
    pub(super) process: u64,
}

impl Writing {
    pub(super) fn begin(buffer: &SharedBuffer) -> Result<Self> {
        let file = &buffer.file;
        if file.reading.is_some() {
            return Err(Error::Busy {
                what: "this pool slot (it belongs to who acquired it)",
                waited: Duration::ZERO,
                holder: None,
            });
        }
        // The holder of a slot need not wait for readers: they keep it for as long as they like.
        let patience = match &buffer.slot {
            Some(slot) if !slot.is_own() => return Err(Error::Forked { id: buffer.id() }),
            Some(_) => Duration::ZERO,
            None => WRITE_PATIENCE,
        };
        let word = file.segment.shared()?.word(AT_SEQUENCE);
        file.lock.write(&file.segment, patience)?;
        let sequence = word.load(Ordering::Relaxed) | 1;
        word.store(sequence, Ordering::Relaxed);
        fence(Ordering::Release);
        Ok(Self {
            buffer: buffer.clone(),
            sequence,
            process: sys::process_generation(),
        })
    }

    pub(super) fn finish(&self, len: usize) -> Result<()> {
        let mapping = self.buffer.file.segment.shared()?;
        mapping.word(AT_DATA_LEN).store(len as u64, Ordering::Relaxed);
        let word = mapping.word(AT_SEQUENCE);
        word.store(self.sequence.wrapping_add(1), Ordering::Release);
        // Always: a process that can only read the file may wait, and cannot mark that it does.
        sys::wake_all(word);
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.buffer.file.unlock(self.process);
    }
}
