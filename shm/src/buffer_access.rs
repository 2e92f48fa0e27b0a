//! Reads and writes of a buffer that are under way: each holds the data lock until it is dropped.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use crate::buffer::{Inner, SharedBuffer};
use crate::data_lock::{READ_PATIENCE, WRITE_PATIENCE};
use crate::error::{Error, Result};
use crate::header::{AT_DATA_LEN, AT_SEQUENCE};
use crate::memory::{OpenMemory, WritableMemory};
use crate::sys;

/// The data lock, held for reading.
#[derive(Debug)]
pub(crate) struct Reading {
    inner: Arc<Inner>,
    process: u64,
}

impl Reading {
    pub(crate) fn begin(inner: Arc<Inner>) -> Result<Self> {
        inner.lock.read(&inner.segment, READ_PATIENCE)?;
        let reading = Self {
            inner,
            process: sys::process_generation(),
        };
        let segment = &reading.inner.segment;
        if segment.shared()?.word(AT_SEQUENCE).load(Ordering::Acquire) % 2 == 1 {
            return Err(Error::Interrupted { id: segment.id() });
        }
        Ok(reading)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        unlock(&self.inner, self.process);
    }
}

/// A write under way: the data lock is held and the sequence word is odd, until this is finished or dropped.
#[derive(Debug)]
pub(crate) struct Writing {
    buffer: SharedBuffer,
    sequence: u64,
    process: u64,
}

impl Writing {
    pub(crate) fn begin(buffer: &SharedBuffer) -> Result<Self> {
        let inner = &buffer.inner;
        if inner.reading.is_some() {
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
        let word = inner.segment.shared()?.word(AT_SEQUENCE);
        inner.lock.write(&inner.segment, patience)?;
        let sequence = word.load(Ordering::Relaxed) | 1;
        word.store(sequence, Ordering::Relaxed);
        fence(Ordering::Release);
        Ok(Self {
            buffer: buffer.clone(),
            sequence,
            process: sys::process_generation(),
        })
    }

    pub(crate) fn finish(&self, len: usize) -> Result<()> {
        let mapping = self.buffer.inner.segment.shared()?;
        mapping.word(AT_DATA_LEN).store(len as u64, Ordering::Relaxed);
        let word = mapping.word(AT_SEQUENCE);
        word.store(self.sequence.wrapping_add(1), Ordering::Release);
        // Always: who can only read the file may wait, and has no way to say so.
        sys::wake_all(word);
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        unlock(&self.buffer.inner, self.process);
    }
}

/// A buffer's memory while it is filled in place.
#[derive(Debug)]
pub struct BufferEdit {
    memory: OpenMemory,
    /// Shared with memory that can still be written to when this is dropped.
    writing: Arc<Writing>,
}

impl Drop for BufferEdit {
    /// The right to write ends before the lock goes.
    fn drop(&mut self) {
        self.memory.end(&self.writing);
    }
}

impl BufferEdit {
    pub(crate) fn new(memory: OpenMemory, writing: Writing) -> Self {
        Self {
            memory,
            writing: Arc::new(writing),
        }
    }

    /// The memory, for foreign code to write to. It can be kept after the edit has ended, without any effect then.
    pub fn memory(&self) -> &Arc<WritableMemory> {
        self.memory.get()
    }

    /// Publishes the data. From now on what is written to the memory reaches nobody; where it has not been written to, it
    /// may show what others write later.
    ///
    /// # Errors
    /// [`Error::Forked`] in a child of the process that began it; [`Error::Io`] when the memory could not be
    /// withdrawn. Readers get [`Error::Interrupted`] then.
    pub fn finish(self) -> Result<()> {
        let (memory, buffer) = (self.memory.get(), &self.writing.buffer);
        if self.writing.process != sys::process_generation() {
            return Err(Error::Forked { id: buffer.id() });
        }
        let segment = &buffer.inner.segment;
        segment.with_file_without_locks(|file| memory.detach(file, &buffer.path()))?;
        self.writing.finish(memory.len())
    }
}

/// Gives the data lock back. A failure leaves it to the kernel, which frees it with the descriptor.
pub(crate) fn unlock(inner: &Inner, process: u64) {
    if let Err(error) = inner.lock.unlock(&inner.segment, process) {
        tracing::warn!(id = %inner.segment.id(), %error, "a lock is held until its buffer is dropped");
    }
}
