//! The data of a picture, which is read piece by piece, and the work on it. Every step of the work is paid for, so that
//! a picture ends in time and a cancelled one at once.

use std::cell::Cell;

use dcc_mcp_shm::{DataReader, PlacedArray};

use super::size::size;
use crate::error::LookError;
use crate::memory;
use crate::progress::Progress;

/// Work is counted in units of one or two nanoseconds. After this many of them, [`Source`] asks whether the picture is still
/// wanted.
const LOOK: u64 = 1 << 20;
/// What one read costs, and how many bytes cost one unit more.
const READ: u64 = 1 << 10;
const BYTES_A_UNIT: u64 = 8;
/// Bytes of a chunk of compressed data, which is decompressed as a whole: each byte costs a unit.
const CHUNK: u64 = 1 << 20;
/// Bytes that are read at a time from data that is not compressed.
const BLOCK: u64 = 1 << 16;

/// The data of one picture, and the account of the work that it takes.
pub(super) struct Source<'a> {
    reader: &'a DataReader,
    progress: &'a dyn Progress,
    /// Bytes that were read, and bytes that will be read in all.
    done: Cell<u64>,
    total: Cell<u64>,
    /// Units since the last look.
    since_look: Cell<u64>,
    /// Units that may still be spent.
    left: Cell<u64>,
}

/// A part of the data, read from anywhere in it, fastest in ascending order.
pub(super) struct Part<'a> {
    source: &'a Source<'a>,
    /// Where the part begins in the data.
    start: u64,
    len: u64,
    /// Bytes that are read at a time.
    piece: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl<'a> Source<'a> {
    pub(super) fn new(reader: &'a DataReader, progress: &'a dyn Progress) -> Self {
        Self {
            reader,
            progress,
            done: Cell::new(0),
            total: Cell::new(0),
            since_look: Cell::new(0),
            left: Cell::new(0),
        }
    }

    /// The bytes of an array.
    pub(super) fn array(&'a self, array: &PlacedArray) -> Part<'a> {
        self.part(array.offset, array.size())
    }

    /// All of the data, without regard to arrays.
    pub(super) fn everything(&'a self) -> Part<'a> {
        self.part(0, self.reader.len())
    }

    fn part(&'a self, start: u64, len: u64) -> Part<'a> {
        Part {
            source: self,
            start,
            len,
            // Pieces begin where chunks do, because an array begins a chunk of its own.
            piece: if self.is_compressed() { CHUNK } else { BLOCK },
            block: Vec::new(),
            block_at: 0,
        }
    }

    /// Whether the data is compressed: reading a few bytes costs as much as reading a chunk then.
    pub(super) fn is_compressed(&self) -> bool {
        self.reader.descriptor().use_compression
    }

    /// A read at any place costs as much as reading this many bytes at least.
    pub(super) fn grain(&self) -> u64 {
        if self.is_compressed() { CHUNK } else { 1 }
    }

    /// Adds `bytes` to the bytes that will be read, of which [`Progress`] is told.
    pub(super) fn plan(&self, bytes: u64) {
        self.total.set(self.total.get().saturating_add(bytes));
    }

    /// From now on, `units` may be spent.
    pub(super) fn allow(&self, units: u64) {
        self.left.set(units);
    }

    /// Units that may still be spent.
    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    /// Pays for work that was done or is about to be done, some milliseconds of it at most.
    ///
    /// # Errors
    /// [`LookError::Cancelled`].
    #[inline]
    pub(super) fn spend(&self, units: u64) -> Result<(), LookError> {
        self.left.set(self.left.get().saturating_sub(units));
        let since_look = self.since_look.get().saturating_add(units);
        self.since_look.set(since_look);
        if since_look < LOOK { Ok(()) } else { self.look() }
    }

    /// Tells [`Progress`] how far the picture is.
    ///
    /// # Errors
    /// [`LookError::Cancelled`].
    pub(super) fn look(&self) -> Result<(), LookError> {
        self.since_look.set(0);
        self.progress
            .step(self.done.get().min(self.total.get()), self.total.get())
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), LookError> {
        self.reader.read_at(at, bytes)?;
        let len = bytes.len() as u64;
        self.done.set(self.done.get().saturating_add(len));
        self.spend(if self.is_compressed() {
            len.max(CHUNK)
        } else {
            READ + len / BYTES_A_UNIT
        })
    }
}

impl Part<'_> {
    /// The same part, but with few bytes read at a time, for reads that jump.
    pub(super) fn by_pages(mut self) -> Self {
        const PAGE: u64 = 1 << 12;
        if !self.source.is_compressed() {
            self.piece = PAGE;
        }
        self
    }

    /// Size of the part in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `into` from byte `at` of the part on.
    pub(super) fn read(&mut self, mut at: u64, mut into: &mut [u8]) -> Result<(), LookError> {
        while !into.is_empty() {
            let from = self.block_with(at)?;
            let count = (self.block.len() - from).min(into.len());
            let (now, later) = into.split_at_mut(count);
            now.copy_from_slice(&self.block[from..from + count]);
            (at, into) = (at + count as u64, later);
        }
        Ok(())
    }

    /// Reads the block that byte `at` lies in, unless it is held, and gives the place of the byte in it.
    #[inline]
    fn block_with(&mut self, at: u64) -> Result<usize, LookError> {
        let offset = at.wrapping_sub(self.block_at);
        if offset < self.block.len() as u64 {
            return Ok(size(offset));
        }
        self.load(at)?;
        Ok(size(at - self.block_at))
    }

    fn load(&mut self, at: u64) -> Result<(), LookError> {
        let block_at = at / self.piece * self.piece;
        // The block always has byte `at`. Behind the end of the data there is no such byte, so the reader fails.
        let left = self.len.saturating_sub(block_at);
        let len = size(left.clamp(at - block_at + 1, self.piece));
        let mut block = std::mem::take(&mut self.block);
        if block.len() != len {
            block = memory::filled(len, 0)?;
        }
        self.source.read(self.start + block_at, &mut block)?;
        (self.block, self.block_at) = (block, block_at);
        Ok(())
    }
}
