//! Decompressing a payload, or a part of it.

use std::mem;
use std::ops::Range;

use indexmap::IndexMap;

use super::lz4_frame::read_frame;
use super::shuffle::Scratch as ShuffleScratch;
use super::{Chunk, INDEX_ENTRY, INDEX_HEADER, SKIPPABLE_MAGIC, Shuffle, chunks, expect_memory};
use crate::error::Error;
use crate::layout::PlacedArray;
use crate::metadata::Codec;
use crate::parallel::{in_parallel, split_owned};
use crate::sys::{Destination, zeroed};

/// What a thread needs, in chunks: one as it is stored, and decompressed.
const WORKING_CHUNKS: u64 = 2;

/// Where the chunks of a compressed payload lie, checked against its size.
#[derive(Debug)]
pub(crate) struct Index {
    chunks: Vec<Chunk>,
    /// Where each chunk's frame starts in the payload, and where the last one ends.
    starts: Vec<u64>,
}

/// Reads stored bytes at an offset of the payload.
pub(crate) type ReadStored<'a> = dyn Fn(u64, &mut [u8]) -> std::io::Result<()> + Sync + 'a;

/// What is wrong with a compressed payload.
#[derive(Debug)]
pub(crate) enum DecodeError {
    Damaged(&'static str),
    Read(std::io::Error),
    Memory(Error),
}

impl From<std::io::Error> for DecodeError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}

impl Index {
    /// Reads the index of a payload of `stored` bytes that holds `size` bytes of data.
    pub(crate) fn read(
        arrays: &IndexMap<String, PlacedArray>,
        size: u64,
        codec: &Codec,
        stored: u64,
        read: &ReadStored<'_>,
    ) -> Result<Self, DecodeError> {
        const DAMAGED: DecodeError = DecodeError::Damaged("the index of its compressed chunks is not valid");
        let mut header = [0; INDEX_HEADER];
        if stored < INDEX_HEADER as u64 {
            return Err(DAMAGED);
        }
        read(0, &mut header)?;
        let (magic, len) = header.split_at(4);
        let len = u32::from_le_bytes(len.try_into().map_err(|_| DAMAGED)?);
        let frames_start = INDEX_HEADER as u64 + u64::from(len);
        if magic != SKIPPABLE_MAGIC || frames_start > stored {
            return Err(DAMAGED);
        }
        let chunks: Vec<Chunk> = chunks(arrays, size, codec.chunk_size)
            .take(len as usize / INDEX_ENTRY + 1)
            .collect();
        if chunks.len() * INDEX_ENTRY != len as usize {
            return Err(DAMAGED);
        }
        let mut lengths = vec![0; len as usize];
        read(INDEX_HEADER as u64, &mut lengths)?;
        let mut starts = vec![frames_start];
        let mut end = frames_start;
        for length in lengths.chunks_exact(INDEX_ENTRY) {
            end += u64::from(u32::from_le_bytes(length.try_into().map_err(|_| DAMAGED)?));
            starts.push(end);
        }
        if end != stored {
            return Err(DAMAGED);
        }
        Ok(Self { chunks, starts })
    }

    /// Decompresses a range of the original data, which must lie within it.
    pub(crate) fn decode(
        &self,
        range: Range<u64>,
        read: &ReadStored<'_>,
        destination: &mut Destination,
    ) -> Result<(), DecodeError> {
        let longest = self.chunks.iter().map(|chunk| chunk.len as u64).max().unwrap_or(0);
        expect_memory(WORKING_CHUNKS * longest).map_err(DecodeError::Memory)?;
        let mut rest = destination;
        let mut jobs = Vec::new();
        for (i, chunk) in self.chunks.iter().enumerate() {
            let end = chunk.start + chunk.len as u64;
            let (from, to) = (range.start.max(chunk.start), range.end.min(end));
            if from < to {
                let (target, after) = rest.split_at_mut(usize::try_from(to - from).unwrap_or(usize::MAX));
                rest = after;
                jobs.push(Job {
                    chunk: *chunk,
                    stored: self.starts[i]..self.starts[i + 1],
                    skip: usize::try_from(from - chunk.start).unwrap_or(usize::MAX),
                    target,
                });
            }
        }
        in_parallel(split_owned(jobs), |part| {
            let mut scratch = Scratch::default();
            part.into_iter().try_for_each(|job| job.run(read, &mut scratch))
        })
        .into_iter()
        .collect()
    }
}

/// One chunk to decompress, and where the part of it that is wanted goes.
struct Job<'a> {
    chunk: Chunk,
    stored: Range<u64>,
    skip: usize,
    target: &'a mut Destination,
}

#[derive(Default)]
struct Scratch {
    stored: Vec<u8>,
    decompressed: Vec<u8>,
    shuffle: ShuffleScratch,
}

impl Job<'_> {
    fn run(self, read: &ReadStored<'_>, scratch: &mut Scratch) -> Result<(), DecodeError> {
        const DAMAGED: DecodeError = DecodeError::Damaged("its compressed data is not valid");
        let stored = usize::try_from(self.stored.end - self.stored.start).unwrap_or(usize::MAX);
        scratch.stored.resize(stored, 0);
        read(self.stored.start, &mut scratch.stored)?;
        let Chunk {
            len, width, shuffle, ..
        } = self.chunk;
        let wanted = self.skip..self.skip + self.target.len();
        if shuffle == Shuffle::None && wanted == (0..len) {
            // Cleared here and not all at once: by the thread that fills it, and while it is in the cache.
            return read_frame(&scratch.stored, zeroed(self.target)).ok_or(DAMAGED);
        }
        scratch.decompressed.resize(len, 0);
        read_frame(&scratch.stored, &mut scratch.decompressed).ok_or(DAMAGED)?;
        let mut left = self.target;
        shuffle.undo(&scratch.decompressed, width, wanted, &mut scratch.shuffle, |bytes| {
            let (target, after) = mem::take(&mut left).split_at_mut(bytes.len());
            for (to, from) in target.iter_mut().zip(bytes) {
                to.write(*from);
            }
            left = after;
        });
        // Who gave the memory takes all of it for initialised.
        if left.is_empty() { Ok(()) } else { Err(DAMAGED) }
    }
}
