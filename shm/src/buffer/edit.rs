//! Filling a buffer in place.

use std::sync::Arc;

use super::access::Writing;
use crate::error::{Error, Result};
use crate::memory::{OpenMemory, WritableMemory};
use crate::sys;

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
    pub(super) fn new(memory: OpenMemory, writing: Writing) -> Self {
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
        let segment = &buffer.file.segment;
        segment.with_file_without_locks(|file| memory.detach(file, &buffer.path()))?;
        self.writing.finish(memory.len())
    }
}
