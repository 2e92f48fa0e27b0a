//! The numbers of an array in order, read piece by piece.

use dcc_mcp_shm::{DataReader, PlacedArray};

use crate::decode::Decode;
use crate::error::LookError;
use crate::memory;
use crate::progress::Progress;

/// Numbers that are read at once: a chunk of compressed data, or more. They are whole points.
const TOGETHER: u64 = 3 << 17;

/// A stream of numbers.
pub(crate) struct Numbers<'a, T> {
    reader: &'a DataReader,
    array: &'a PlacedArray,
    decode: Decode<T>,
    progress: &'a dyn Progress,
    raw: Vec<u8>,
    decoded: Vec<T>,
    /// The next number in `decoded`, and how many numbers of the array were read.
    next: usize,
    read: u64,
}

impl<'a, T: Copy + Default> Numbers<'a, T> {
    pub(crate) fn new(
        reader: &'a DataReader,
        array: &'a PlacedArray,
        decode: Decode<T>,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            reader,
            array,
            decode,
            progress,
            raw: Vec::new(),
            decoded: Vec::new(),
            next: 0,
            read: 0,
        }
    }

    /// The next number; `None` behind the last one.
    #[inline]
    pub(crate) fn next_number(&mut self) -> Result<Option<T>, LookError> {
        if self.next == self.decoded.len() {
            self.load()?;
        }
        let number = self.decoded.get(self.next).copied();
        self.next += usize::from(number.is_some());
        Ok(number)
    }

    /// The next numbers, `most` of them at most; none behind the last one.
    pub(crate) fn next_numbers(&mut self, most: u64) -> Result<&[T], LookError> {
        if self.next == self.decoded.len() {
            self.load()?;
        }
        let first = self.next;
        let left = self.decoded.len() - first;
        self.next += usize::try_from(most).map_or(left, |most| left.min(most));
        Ok(&self.decoded[first..self.next])
    }

    fn load(&mut self) -> Result<(), LookError> {
        self.progress.go_on()?;
        let width = self.array.dtype.size() as u64;
        let left = self.array.size() / width - self.read;
        let count = usize::try_from(left.min(TOGETHER)).unwrap_or(0);
        memory::resize(&mut self.raw, count * self.array.dtype.size(), 0)?;
        memory::resize(&mut self.decoded, count, T::default())?;
        self.reader
            .read_at(self.array.offset + self.read * width, &mut self.raw)?;
        (self.decode)(&self.raw, &mut self.decoded);
        self.read += count as u64;
        self.next = 0;
        Ok(())
    }
}
