//! Memory that foreign code may write to until the right to write ends.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::sys::{GuardedFile, Mapping, Source, Staging};

/// Memory that a DCC's own code fills in place.
///
/// When the right to write ends, the same addresses become a copy-on-write mapping, in one step: a pointer that is kept does
/// no harm, and what is written through it later reaches nobody. What is read there is the file: a sealed scene for ever, a
/// buffer as others write it; of a write that was given up it is zeros. A small scene is filled in memory of this process, of which
/// the file is a copy, and which stays what it is.
#[derive(Debug)]
pub struct WritableMemory {
    backing: Backing,
    start: usize,
    len: usize,
    open: AtomicBool,
    /// The write that goes on for as long as this memory can be written to, where the right to write could not be ended.
    unended: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// What the memory is.
#[derive(Debug)]
enum Backing {
    /// The file itself, mapped.
    File(Mapping),
    /// Memory of this process, from which the file is written.
    Staging(Staging),
}

impl WritableMemory {
    fn mapping(&self) -> &Mapping {
        match &self.backing {
            Backing::File(mapping) => mapping,
            Backing::Staging(staging) => staging,
        }
    }

    /// The first byte. For [`WritableMemory::len`] bytes it is readable and writable for as long as this exists.
    pub fn as_ptr(&self) -> *mut u8 {
        self.mapping().start_ptr().wrapping_add(self.start)
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether what is written reaches others.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Copies bytes to an offset.
    ///
    /// # Errors
    /// [`Error::CapacityExceeded`] when they do not lie within.
    pub fn copy_in<'a>(&self, offset: usize, data: impl Into<Source<'a>>) -> Result<()> {
        let data = data.into();
        let end = offset.saturating_add(data.len());
        if end > self.len {
            return Err(Error::CapacityExceeded {
                needed: end as u64,
                capacity: self.len as u64,
            });
        }
        self.mapping().copy_in(self.start + offset, data);
        Ok(())
    }

    /// What is there now, to be copied.
    pub(crate) fn source(&self) -> Source<'_> {
        self.mapping().source(self.start, self.len)
    }

    /// Ends the right to write; the memory shows the file as it is then.
    pub(crate) fn detach(&self, file: &GuardedFile, path: &Path) -> Result<()> {
        self.mapping()
            .detach(file)
            .map_err(|error| Error::io("end writing to", path, error))?;
        self.open.store(false, Ordering::Release);
        Ok(())
    }

    /// Ends the right to write to memory that a file was written from: it stays what it is.
    pub(crate) fn end_staging(&self) {
        self.mapping().end_staging();
        self.open.store(false, Ordering::Release);
    }

    /// Ends the right to write if it has not ended; the memory is zeros then.
    fn discard(&self) {
        if !self.is_open() {
            return;
        }
        match self.mapping().discard() {
            Ok(()) => self.open.store(false, Ordering::Release),
            Err(error) => tracing::error!(%error, "memory that was given up can still be written to"),
        }
    }
}

/// The memory of a writer. The right to write ends with this at the latest, even if others keep the memory.
#[derive(Debug)]
pub(crate) struct OpenMemory(Arc<WritableMemory>);

impl OpenMemory {
    pub(crate) fn new(mapping: Mapping, start: usize, len: usize) -> Self {
        Self::of(Backing::File(mapping), start, len)
    }

    /// Memory of this process, zeros at first, from which a file is to be written.
    pub(crate) fn staging(len: usize) -> io::Result<Self> {
        Ok(Self::of(Backing::Staging(Staging::new(len)?), 0, len))
    }

    fn of(backing: Backing, start: usize, len: usize) -> Self {
        Self(Arc::new(WritableMemory {
            backing,
            start,
            len,
            open: AtomicBool::new(true),
            unended: OnceLock::new(),
        }))
    }

    /// Ends the right to write, and gives the write up. Where the system does not let it end, as it has no mapping left, nobody
    /// else may write or read until the memory is gone: they would find what is written to it.
    pub(crate) fn end<W: Any + Send + Sync>(&self, writing: &Arc<W>) {
        self.0.discard();
        if self.0.is_open() {
            // There is one write for each memory.
            drop(self.0.unended.set(writing.clone()));
        }
    }

    pub(crate) fn get(&self) -> &Arc<WritableMemory> {
        &self.0
    }
}

impl Drop for OpenMemory {
    fn drop(&mut self) {
        self.0.discard();
    }
}
