//! Decompressing a payload, or a part of it.

use std::mem;
use std::ops::Range;

use indexmap::IndexMap;

use super::lz4_frame::read_frame;
use super::shuffle::ShuffleScratch;
use super::{Chunk, INDEX_ENTRY, INDEX_HEADER, SKIPPABLE_MAGIC, chunks};
use crate::format::{Codec, PlacedArray, Shuffle};
use crate::sys::parallel::{for_each, threads};
use crate::sys::{Destination, NoMemory, expect_memory, reserved, zeroed, zeros};

/// How much of the index is read at a time. Memory is taken only for entries that were found plausible, because a sparse file can
/// claim any number of zeros without any memory; an entry of zero is refused.
const INDEX_PIECE: usize = 1 << 16;
/// What a frame may have beside twice its data, which LZ4 never needs.
const FRAME_MARGIN: u64 = 1 << 12;

/// Where the chunks of a compressed payload lie, checked against its size.
#[derive(Debug)]
pub(crate) struct ChunkIndex {
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
    Memory(NoMemory),
}

impl From<std::io::Error> for DecodeError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<NoMemory> for DecodeError {
    fn from(error: NoMemory) -> Self {
        Self::Memory(error)
    }
}

impl ChunkIndex {
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
        let mut expected = chunks(arrays, size, codec.chunk_size);
        let (mut chunks, mut starts) = (Vec::new(), reserved(1)?);
        starts.push(frames_start);
        let mut end = frames_start;
        let mut piece = zeros(INDEX_PIECE.min(len as usize))?;
        let mut at = INDEX_HEADER as u64;
        while at < frames_start {
            let left = usize::try_from(frames_start - at).unwrap_or(usize::MAX);
            let piece = &mut piece[..left.min(INDEX_PIECE)];
            read(at, piece)?;
            at += piece.len() as u64;
            let (lengths, []) = piece.as_chunks::<INDEX_ENTRY>() else {
                return Err(DAMAGED);
            };
            make_room(&mut chunks, lengths.len())?;
            make_room(&mut starts, lengths.len())?;
            for length in lengths {
                let chunk = expected.next().ok_or(DAMAGED)?;
                let length = u64::from(u32::from_le_bytes(*length));
                if !(1..=2 * chunk.len as u64 + FRAME_MARGIN).contains(&length) {
                    return Err(DAMAGED);
                }
                end += length;
                chunks.push(chunk);
                starts.push(end);
            }
        }
        if expected.next().is_some() || end != stored {
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
        if range.is_empty() {
            return Ok(());
        }
        let first = self.chunks.partition_point(|chunk| chunk.end() <= range.start);
        let end = self.chunks.partition_point(|chunk| chunk.start < range.end);
        let (chunks, starts) = (&self.chunks[first..end], &self.starts[first..=end]);
        let mut rest = destination;
        let jobs = chunks.iter().zip(starts.windows(2)).map(|(chunk, starts)| {
            let (from, to) = (range.start.max(chunk.start), range.end.min(chunk.end()));
            let (target, after) = mem::take(&mut rest).split_at_mut(usize::try_from(to - from).unwrap_or(usize::MAX));
            rest = after;
            Job {
                chunk: *chunk,
                stored: starts[0]..starts[1],
                skip: usize::try_from(from - chunk.start).unwrap_or(usize::MAX),
                target,
            }
        });
        let longest = chunks.iter().map(|chunk| chunk.len).max().unwrap_or(0);
        let longest_stored = starts.windows(2).map(|starts| starts[1] - starts[0]).max().unwrap_or(0);
        let threads = threads(chunks.len());
        let working = usize::try_from(longest_stored)
            .unwrap_or(usize::MAX)
            .saturating_add(longest);
        // This makes the C library keep memory for the next time. If there is not enough for all threads, fewer do the work.
        let _ = expect_memory(threads.saturating_mul(working));
        let prepare = || Ok(Workspace::with_room(longest, longest_stored)?);
        for_each(threads, jobs, prepare, |scratch, job| job.run(read, scratch))
    }
}

/// Makes room for `more` elements, and for more than that the longer the vector is already.
fn make_room<T>(vec: &mut Vec<T>, more: usize) -> Result<(), NoMemory> {
    vec.try_reserve(more)
        .map_err(|_| NoMemory::for_elements::<T>(vec.len() + more))
}

/// One chunk to decompress, and where the part of it that is wanted goes.
struct Job<'a> {
    chunk: Chunk,
    stored: Range<u64>,
    skip: usize,
    target: &'a mut Destination,
}

/// Memory of one thread, all of which is reserved when it is made: there may be none left later.
struct Workspace {
    stored: Vec<u8>,
    decompressed: Vec<u8>,
    shuffle: ShuffleScratch,
}

impl Workspace {
    fn with_room(longest: usize, longest_stored: u64) -> Result<Self, NoMemory> {
        Ok(Self {
            stored: reserved(usize::try_from(longest_stored).unwrap_or(usize::MAX))?,
            decompressed: reserved(longest)?,
            shuffle: ShuffleScratch::with_room(0)?,
        })
    }
}

impl Job<'_> {
    fn run(self, read: &ReadStored<'_>, scratch: &mut Workspace) -> Result<(), DecodeError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::CodecName;

    /// What comes of an index with these lengths of frames, or zeros in their place, for one byte array of `size` bytes.
    fn read_index(size: u64, lengths: &[u32], len: u32) -> Result<ChunkIndex, DecodeError> {
        let codec = Codec {
            name: CodecName::Lz4Frames,
            chunk_size: 1 << 20,
        };
        let mut bytes = [SKIPPABLE_MAGIC, len.to_le_bytes()].concat();
        bytes.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
        let stored =
            INDEX_HEADER as u64 + u64::from(len) + lengths.iter().map(|&length| u64::from(length)).sum::<u64>();
        ChunkIndex::read(&IndexMap::new(), size, &codec, stored, &|at, target| {
            target.fill(0);
            let from = bytes.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or(&[]);
            let present = from.len().min(target.len());
            target[..present].copy_from_slice(&from[..present]);
            Ok(())
        })
    }

    #[test]
    fn frames_are_in_proportion_to_their_data() {
        let most = 2 * (1 << 20) + 4096;
        assert!(read_index(1 << 20, &[most], 4).is_ok());
        for lengths in [&[0][..], &[most + 1], &[u32::MAX], &[100, 100]] {
            let len = u32::try_from(lengths.len() * INDEX_ENTRY).expect("a few");
            let read = read_index(1 << 20, lengths, len);
            assert!(matches!(read, Err(DecodeError::Damaged(_))), "{lengths:?}");
        }
        assert!(matches!(read_index(1 << 21, &[100], 4), Err(DecodeError::Damaged(_))));
    }

    #[test]
    fn an_index_of_zeros_takes_no_memory_however_long() {
        let read = read_index(1 << 50, &[], 1 << 31);
        assert!(matches!(read, Err(DecodeError::Damaged(_))));
    }
}
