//! Compressed payloads: an index, then one standard LZ4 frame for each chunk.
//!
//! Chunks are independent, so that all cores work on them both ways and a range is read without the rest. The
//! index lies in a skippable frame: `lz4 -d` passes over it and gives the original bytes of what is not shuffled.
//! A frame carries the checksum of its content, so damage is noticed.

use std::io::{Read, Write};
use std::ops::{Range, RangeInclusive};

use indexmap::IndexMap;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use crate::error::Error;
use crate::layout::PlacedArray;
use crate::metadata::{Codec, CodecName};
use crate::parallel::{in_parallel, split, split_owned, threads};
use crate::shuffle::{shuffle, unshuffle};
use crate::sys::{Destination, NewVec, zeroed};

/// Uncompressed bytes of a chunk. From 64 KiB to 4 MiB speed and ratio hardly differ.
const CHUNK_SIZE: u64 = 1 << 20;
/// Sizes of chunks that are read: larger ones would let a small file demand much memory.
pub(crate) const CHUNK_SIZES: RangeInclusive<u64> = 1 << 16..=1 << 24;
/// LZ4 cannot make data smaller than one 255th.
pub(crate) const MAX_RATIO: u64 = 255;
/// What a thread needs beside its chunk, in chunks: two filtered copies, the frame, and what the compressor has of its own.
const WORKING_CHUNKS: u64 = 6;
/// Bytes of an array that are tried with and without shuffling.
const SAMPLE: usize = 1 << 16;

const SKIPPABLE_MAGIC: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();
const INDEX_HEADER: usize = 8;

/// A part of the uncompressed payload that is compressed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chunk {
    start: u64,
    len: usize,
    /// Element width if its bytes are shuffled, else 1.
    width: usize,
}

/// Chunks of a payload: each array starts one, together with the padding behind it.
fn chunks(arrays: &IndexMap<String, PlacedArray>, size: u64, chunk_size: u64) -> impl Iterator<Item = Chunk> + '_ {
    let whole = arrays.is_empty().then_some((0, size, 1));
    let ends = arrays.values().skip(1).map(|next| next.offset).chain([size]);
    let regions = arrays
        .values()
        .zip(ends)
        .map(|(array, end)| (array.offset, end, if array.shuffled { array.dtype.size() } else { 1 }));
    whole.into_iter().chain(regions).flat_map(move |(start, end, width)| {
        (0..(end - start).div_ceil(chunk_size)).map(move |i| {
            let start = start + i * chunk_size;
            let len = usize::try_from(chunk_size.min(end - start)).unwrap_or(usize::MAX);
            Chunk { start, len, width }
        })
    })
}

/// A compressed payload.
pub(crate) struct Encoded {
    index: Vec<u8>,
    frames: Vec<Vec<u8>>,
    pub(crate) codec: Codec,
}

impl Encoded {
    /// The payload's pieces, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Vec<u8>> {
        [&self.index].into_iter().chain(&self.frames)
    }

    pub(crate) fn len(&self) -> u64 {
        self.pieces().map(|piece| piece.len() as u64).sum()
    }
}

/// Reads parts of the uncompressed payload, wherever they come from.
pub(crate) type Fetch<'a> = dyn Fn(u64, &mut [u8]) + Sync + 'a;

/// Compresses a payload of `size` bytes, and marks the arrays that it shuffles. Gives nothing when the result would
/// not be smaller.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn encode(
    arrays: &mut IndexMap<String, PlacedArray>,
    size: u64,
    fetch: &Fetch<'_>,
) -> Result<Option<Encoded>, Error> {
    expect_memory(size, CHUNK_SIZE)?;
    for array in arrays.values_mut() {
        array.shuffled = shuffling_pays(array, fetch);
    }
    let chunks: Vec<Chunk> = chunks(arrays, size, CHUNK_SIZE).collect();
    let frames: Vec<Vec<u8>> = in_parallel(split(&chunks), |part| {
        let (mut plain, mut shuffled) = (Vec::new(), Vec::new());
        part.iter()
            .map(|chunk| {
                plain.resize(chunk.len, 0);
                fetch(chunk.start, &mut plain);
                compress(shuffle(&plain, chunk.width, &mut shuffled))
            })
            .collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    let mut index = Vec::with_capacity(chunks.len() * 4 + 8);
    index.extend(SKIPPABLE_MAGIC);
    let Ok(index_len) = u32::try_from(chunks.len() * 4) else {
        return Ok(None);
    };
    index.extend(index_len.to_le_bytes());
    for frame in &frames {
        let len = u32::try_from(frame.len()).expect("a frame is hardly longer than its chunk");
        index.extend(len.to_le_bytes());
    }
    let encoded = Encoded {
        index,
        frames,
        codec: Codec {
            name: CodecName::Lz4Frames,
            chunk_size: CHUNK_SIZE,
        },
    };
    if encoded.len() < size {
        return Ok(Some(encoded));
    }
    arrays.values_mut().for_each(|array| array.shuffled = false);
    Ok(None)
}

/// Looks whether there is memory for a result of `size` bytes and for the work: where it is asked for then, there not being
/// any would end the process.
fn expect_memory(size: u64, chunk_size: u64) -> Result<(), Error> {
    let working = threads(usize::MAX) as u64 * WORKING_CHUNKS * chunk_size;
    let len = usize::try_from(size.saturating_add(working)).unwrap_or(usize::MAX);
    NewVec::with_len(len).map(drop)
}

/// Whether a sample from the middle of an array becomes smaller when it is shuffled: floats and indices do, most
/// images do not.
fn shuffling_pays(array: &PlacedArray, fetch: &Fetch<'_>) -> bool {
    let width = array.dtype.size();
    let rows = usize::try_from(array.size() / width as u64).unwrap_or(usize::MAX);
    let len = rows.min(SAMPLE / width) * width;
    if width == 1 || len == 0 {
        return false;
    }
    let middle = (array.size() - len as u64) / 2;
    let mut plain = vec![0; len];
    fetch(array.offset + middle - middle % width as u64, &mut plain);
    let mut shuffled = Vec::new();
    compress(shuffle(&plain, width, &mut shuffled)).len() < compress(&plain).len()
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max1MB)
        .content_checksum(true)
        .content_size(Some(bytes.len() as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::with_capacity(bytes.len() / 2 + 64));
    let frame = encoder
        .write_all(bytes)
        .map_err(lz4_flex::frame::Error::IoError)
        .and_then(|()| encoder.finish());
    frame.expect("writing to memory cannot fail")
}

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
            .take(len as usize / 4 + 1)
            .collect();
        if chunks.len() * 4 != len as usize {
            return Err(DAMAGED);
        }
        let mut lengths = vec![0; len as usize];
        read(INDEX_HEADER as u64, &mut lengths)?;
        let mut starts = vec![frames_start];
        let mut end = frames_start;
        for length in lengths.chunks_exact(4) {
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
        expect_memory(0, longest.max(CHUNK_SIZE)).map_err(DecodeError::Memory)?;
        let mut rest = zeroed(destination);
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
    target: &'a mut [u8],
}

#[derive(Default)]
struct Scratch {
    stored: Vec<u8>,
    decompressed: Vec<u8>,
    unshuffled: Vec<u8>,
}

impl Job<'_> {
    fn run(self, read: &ReadStored<'_>, scratch: &mut Scratch) -> Result<(), DecodeError> {
        let stored = usize::try_from(self.stored.end - self.stored.start).unwrap_or(usize::MAX);
        scratch.stored.resize(stored, 0);
        read(self.stored.start, &mut scratch.stored)?;
        let Chunk { len, width, .. } = self.chunk;
        let is_whole = self.target.len() == len;
        if is_whole && width == 1 {
            return decompress(&scratch.stored, self.target);
        }
        scratch.decompressed.resize(len, 0);
        decompress(&scratch.stored, &mut scratch.decompressed)?;
        if is_whole {
            unshuffle(&scratch.decompressed, width, self.target);
            return Ok(());
        }
        let wanted = self.skip..self.skip + self.target.len();
        if width == 1 {
            self.target.copy_from_slice(&scratch.decompressed[wanted]);
        } else {
            scratch.unshuffled.resize(len, 0);
            unshuffle(&scratch.decompressed, width, &mut scratch.unshuffled);
            self.target.copy_from_slice(&scratch.unshuffled[wanted]);
        }
        Ok(())
    }
}

/// Fills all of `plain` from a frame that must hold exactly as much.
fn decompress(frame: &[u8], plain: &mut [u8]) -> Result<(), DecodeError> {
    const DAMAGED: DecodeError = DecodeError::Damaged("its compressed data is not valid");
    let mut decoder = FrameDecoder::new(frame);
    decoder.read_exact(plain).map_err(|_| DAMAGED)?;
    match decoder.read(&mut [0]) {
        Ok(0) if decoder.get_ref().is_empty() => Ok(()),
        _ => Err(DAMAGED),
    }
}
