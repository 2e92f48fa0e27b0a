//! Writing and reading the data of a buffer, as copies and in place.

use std::mem::MaybeUninit;
use std::sync::atomic::{Ordering, fence};

use super::access::{Reading, Writing};
use super::{BufferEdit, BufferView, SharedBuffer};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::memory::OpenMemory;
use crate::sys::{NewVec, Protection, Source};

/// How often a reader tries without a lock. A writer that is between two writes is met, one that never pauses not.
const OPTIMISTIC_READS: usize = 2;

impl SharedBuffer {
    /// Replaces the data: one copy. Returns how many bytes were written.
    ///
    /// # Errors
    /// [`Error::CapacityExceeded`] with nothing changed, [`Error::Busy`] when others read or write for too long, or
    /// when somebody else has this pool slot open.
    pub fn write<'a>(&self, data: impl Into<Source<'a>>) -> Result<u64> {
        let data = data.into();
        let len = self.file.check_len(data.len() as u64)?;
        let writing = Writing::begin(self)?;
        self.file.segment.shared()?.copy_in(self.file.payload, data);
        writing.finish(len)?;
        Ok(len as u64)
    }

    /// Empties the buffer; its capacity stays.
    ///
    /// # Errors
    /// As [`SharedBuffer::write`].
    pub fn clear(&self) -> Result<()> {
        self.write(b"").map(drop)
    }

    /// Memory of `len` bytes to be filled in place: what is stored now, where there is any. Nobody else reads or
    /// writes until [`BufferEdit::finish`]; if that is never called, readers get [`Error::Interrupted`].
    ///
    /// # Errors
    /// As [`SharedBuffer::write`].
    pub fn edit(&self, len: u64) -> Result<BufferEdit> {
        let len = self.file.check_len(len)?;
        // Mapped before the old data is given up: this can fail.
        let mapping = self.file.segment.map(Protection::Shared)?;
        let writing = Writing::begin(self)?;
        Ok(BufferEdit::new(
            OpenMemory::new(mapping, self.file.payload, len),
            writing,
        ))
    }

    /// A copy of the data: one complete write, never parts of two.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the last writer died, [`Error::Busy`] when one takes too long, [`Error::Damaged`].
    pub fn read(&self) -> Result<Vec<u8>> {
        self.read_with(NewVec::with_len, |vec| vec.as_mut().map_or(&mut [], NewVec::memory))??
            .filled(|_| Ok(()))
    }

    /// The same into memory that is allocated once the length is known, and again if that changes meanwhile.
    ///
    /// # Errors
    /// As [`SharedBuffer::read`].
    pub fn read_with<T>(
        &self,
        mut allocate: impl FnMut(usize) -> T,
        memory: impl Fn(&mut T) -> &mut [MaybeUninit<u8>],
    ) -> Result<T> {
        let file = &self.file;
        let mut copy = |before: Option<(usize, T)>| -> Result<(usize, T)> {
            let len = file.data_len()?;
            let mut target = before
                .filter(|(size, _)| *size == len)
                .unwrap_or_else(|| (len, allocate(len)));
            file.segment.shared()?.copy_out(file.payload, memory(&mut target.1));
            Ok(target)
        };
        let mut target = None;
        for _ in 0..OPTIMISTIC_READS {
            let before = self.sequence()?;
            if before % 2 == 1 {
                break;
            }
            let copied = copy(target.take());
            fence(Ordering::Acquire);
            if self.sequence()? == before {
                self.check_current()?;
                return copied.map(|(_, copied)| copied);
            }
            target = copied.ok();
        }
        let _reading = Reading::begin(file.clone())?;
        let copied = copy(target);
        self.check_current()?;
        copied.map(|(_, copied)| copied)
    }

    /// The data without a copy. While it exists nobody can write; they get [`Error::Busy`].
    ///
    /// # Errors
    /// As [`SharedBuffer::read`].
    pub fn view(&self) -> Result<BufferView> {
        let reading = Reading::begin(self.file.clone())?;
        let len = self.file.data_len()?;
        self.check_current()?;
        let mapping = self.file.segment.map_without_locks()?;
        Ok(BufferView::new(
            mapping,
            self.file.payload,
            len,
            reading,
            self.slot.clone(),
        ))
    }
}
