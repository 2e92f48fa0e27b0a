//! The data that a picture is made of, read piece by piece, with progress.

use std::cell::Cell;

use dcc_mcp_shm::{DataReader, PlacedArray};

use crate::reply::ToolError;
use crate::work::Work;

/// Bytes read at a time: whole chunks of what is compressed, and milliseconds between two steps.
const BLOCK_BYTES: u64 = 4 << 20;

/// Reads for one picture.
pub(super) struct Source<'a> {
    reader: &'a DataReader,
    work: &'a Work,
    done: Cell<u64>,
    total: Cell<u64>,
}

/// A part of the data, read from anywhere in it; forwards is fast.
pub(super) struct Bytes<'a> {
    source: &'a Source<'a>,
    /// Where the part begins in the data.
    start: u64,
    len: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl<'a> Source<'a> {
    pub(super) fn new(reader: &'a DataReader, work: &'a Work) -> Self {
        Self {
            reader,
            work,
            done: Cell::new(0),
            total: Cell::new(0),
        }
    }

    /// The bytes of an array, which will be read once: they count as work to be done.
    pub(super) fn array(&'a self, array: &PlacedArray) -> Bytes<'a> {
        self.part(array.offset, array.size())
    }

    /// All of the data, without regard to arrays.
    pub(super) fn everything(&'a self) -> Bytes<'a> {
        self.part(0, self.reader.len())
    }

    /// Bytes from `start` of the data on.
    pub(super) fn part(&'a self, start: u64, len: u64) -> Bytes<'a> {
        self.total.set(self.total.get().saturating_add(len));
        Bytes {
            source: self,
            start,
            len,
            block: Vec::new(),
            block_at: 0,
        }
    }
}

impl Bytes<'_> {
    /// Size of the part in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `into` from byte `at` of the part on.
    pub(super) fn read(&mut self, mut at: u64, mut into: &mut [u8]) -> Result<(), ToolError> {
        while !into.is_empty() {
            let from = self.block_with(at)?;
            let count = (self.block.len() - from).min(into.len());
            let (now, later) = into.split_at_mut(count);
            now.copy_from_slice(&self.block[from..from + count]);
            (at, into) = (at + count as u64, later);
        }
        Ok(())
    }

    /// Reads the block that byte `at` lies in, and says where in it.
    fn block_with(&mut self, at: u64) -> Result<usize, ToolError> {
        let in_block = at
            .checked_sub(self.block_at)
            .and_then(|offset| usize::try_from(offset).ok())
            .filter(|&offset| offset < self.block.len());
        if let Some(offset) = in_block {
            return Ok(offset);
        }
        let source = self.source;
        self.block_at = at / BLOCK_BYTES * BLOCK_BYTES;
        // Behind the end this asks for a byte that is not there, which is the reader's error.
        let len = self
            .len
            .saturating_sub(self.block_at)
            .clamp(at - self.block_at + 1, BLOCK_BYTES);
        self.block.resize(usize::try_from(len).unwrap_or_default(), 0);
        source.reader.read_at(self.start + self.block_at, &mut self.block)?;
        source.done.set(source.done.get().saturating_add(len));
        source
            .work
            .step(source.done.get().min(source.total.get()), source.total.get())?;
        Ok(usize::try_from(at - self.block_at).unwrap_or_default())
    }
}
