//! Compressing a payload.

use std::{io, iter};

use indexmap::IndexMap;

use super::lz4_frame::FrameWriter;
use super::shuffle::ShuffleScratch;
use super::{CHUNK_SIZE, Chunk, INDEX_ENTRY, INDEX_HEADER, Region, SKIPPABLE_MAGIC, chunks, regions};
use crate::format::{Codec, CodecName, PlacedArray, Shuffle};
use crate::sys::parallel::{for_each, threads};
use crate::sys::{NoMemory, expect_memory, reserved};

/// How many samples of an array, evenly spread, are compressed to see whether compressing all of it pays.
const SAMPLES: u64 = 4;
/// Bytes of a sample.
const SAMPLE: u64 = 1 << 16;
/// How many chunks a thread compresses before they are written.
const CHUNKS_AT_ONCE: usize = 4;

/// Reads parts of the uncompressed payload, wherever they come from.
pub(crate) type Fetch<'a> = dyn Fn(u64, &mut [u8]) + Sync + 'a;
/// Writes compressed bytes to their place in the payload.
pub(crate) type Write<'a> = dyn Fn(u64, &[u8]) -> io::Result<()> + Sync + 'a;

/// Compresses a payload some chunks at a time, so that it needs no memory but theirs: pages that a process never had before
/// cost more than compressing what goes there. All of it is reserved before anything is compressed.
pub(crate) struct Encoder {
    chunks: Vec<Chunk>,
    workers: Vec<Worker>,
    /// Of the frames so far.
    lengths: Vec<u32>,
    /// Where the payload ends so far.
    len: u64,
}

impl Encoder {
    /// Looks how a payload of `size` bytes is best compressed, and marks the arrays to be shuffled. Gives nothing when the
    /// result would hardly be smaller.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn new(
        arrays: &mut IndexMap<String, PlacedArray>,
        size: u64,
        fetch: &Fetch<'_>,
    ) -> Result<Option<Self>, NoMemory> {
        let lens = chunks(arrays, size, CHUNK_SIZE).map(|chunk| chunk.len);
        let (count, longest) = lens.fold((0, 0), |(count, longest), len| (count + 1, len.max(longest)));
        // This makes the C library keep memory for the next time. If there is not enough for all threads, fewer do the work.
        let working = FrameWriter::room(CHUNKS_AT_ONCE, longest) + longest;
        let _ = expect_memory(threads(count).saturating_mul(working));
        let mut worker = Worker::with_room(longest)?;
        let best: Vec<_> = regions(arrays, size)
            .map(|region| worker.best_of(region, fetch))
            .collect();
        if best.iter().all(Option::is_none) {
            return Ok(None);
        }
        for (array, best) in arrays.values_mut().zip(best) {
            array.shuffled = best.unwrap_or_default();
        }
        let mut encoder = Self {
            chunks: reserved(count)?,
            workers: reserved(threads(count))?,
            lengths: reserved(count)?,
            len: (INDEX_HEADER + count * INDEX_ENTRY) as u64,
        };
        encoder.chunks.extend(chunks(arrays, size, CHUNK_SIZE));
        encoder.workers.push(worker);
        let more = iter::from_fn(|| Worker::with_room(longest).ok());
        encoder.workers.extend(more.take(threads(count).saturating_sub(1)));
        Ok(Some(encoder))
    }

    /// Which codec it is.
    pub(crate) fn codec() -> Codec {
        Codec {
            name: CodecName::Lz4Frames,
            chunk_size: CHUNK_SIZE,
        }
    }

    /// Bytes of the compressed payload, as far as it is known.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Writes what was compressed last, and compresses the next chunks, if there are any left.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn advance(&mut self, fetch: &Fetch<'_>, write: &Write<'_>) -> io::Result<bool> {
        let left = &self.chunks[self.lengths.len()..];
        let wave = &left[..left.len().min(self.workers.len() * CHUNKS_AT_ONCE)];
        let shares = wave.chunks(wave.len().div_ceil(self.workers.len()).max(1));
        let shares = shares
            .map(Some)
            .chain(iter::repeat(None))
            .map(Option::unwrap_or_default);
        let count = self.workers.len();
        let jobs = self.workers.iter_mut().zip(shares);
        for_each(
            count,
            jobs,
            || Ok(()),
            |(), (worker, share)| -> io::Result<()> {
                write(worker.start, worker.writer.frames())?;
                worker.compress(share, fetch);
                Ok(())
            },
        )?;
        for worker in &mut self.workers {
            worker.start = self.len;
            self.len += worker.writer.frames().len() as u64;
            self.lengths.append(&mut worker.lengths);
        }
        Ok(!wave.is_empty())
    }

    /// Writes what was compressed last from this thread, so that the next `advance` need not.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn write_out(&mut self, write: &Write<'_>) -> io::Result<()> {
        for worker in &mut self.workers {
            write(worker.start, worker.writer.frames())?;
            worker.writer.clear();
        }
        Ok(())
    }

    /// What the payload starts with, when all is compressed.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn index(&self) -> Result<Vec<u8>, NoMemory> {
        let len = self.lengths.len() * INDEX_ENTRY;
        let mut index = reserved(INDEX_HEADER + len)?;
        index.extend(SKIPPABLE_MAGIC);
        index.extend(
            u32::try_from(len)
                .expect("memory holds no payload of 2^30 chunks")
                .to_le_bytes(),
        );
        index.extend(self.lengths.iter().flat_map(|length| length.to_le_bytes()));
        Ok(index)
    }
}

/// What a thread uses again for each chunk, and what it compressed last.
struct Worker {
    scratch: ShuffleScratch,
    writer: FrameWriter,
    /// Where the frames go.
    start: u64,
    lengths: Vec<u32>,
}

impl Worker {
    /// For chunks of up to `longest` bytes.
    fn with_room(longest: usize) -> Result<Self, NoMemory> {
        Ok(Self {
            scratch: ShuffleScratch::with_room(longest)?,
            writer: FrameWriter::with_room(CHUNKS_AT_ONCE, longest)?,
            start: 0,
            lengths: reserved(CHUNKS_AT_ONCE)?,
        })
    }

    fn compress(&mut self, chunks: &[Chunk], fetch: &Fetch<'_>) {
        self.writer.clear();
        for chunk in chunks {
            let fetch = |at: usize, target: &mut [u8]| fetch(chunk.start + at as u64, target);
            let shuffled = chunk.shuffle.apply(chunk.len, chunk.width, fetch, &mut self.scratch);
            self.lengths.push(self.writer.append(shuffled));
        }
    }

    /// The shuffle by which samples of a region become small, or nothing if none saves a 32nd of them. Shuffled bytes are
    /// also compressed several times faster than what is not shuffled, so anything else must save a 20th more: images
    /// are best left alone, and bits pack indices.
    fn best_of(&mut self, region: Region, fetch: &Fetch<'_>) -> Option<Shuffle> {
        const TRIED: [Shuffle; 3] = [Shuffle::Bytes, Shuffle::None, Shuffle::Bits];
        let (mut len, mut lens) = (0, [0; TRIED.len()]);
        for at in samples(region.end - region.start, region.width as u64) {
            let sample = usize::try_from(at.end - at.start).unwrap_or(usize::MAX);
            let fetch = |offset: usize, target: &mut [u8]| fetch(region.start + at.start + offset as u64, target);
            len += sample;
            for (shuffle, sum) in TRIED.into_iter().zip(&mut lens) {
                let shuffled = shuffle.apply(sample, region.width, fetch, &mut self.scratch);
                *sum += self.writer.compressed_len(shuffled);
            }
        }
        let by_len = TRIED.into_iter().zip(lens);
        let (best, smallest) = by_len.reduce(|best, next| if next.1 < best.1 - best.1 / 20 { next } else { best })?;
        (smallest < len - len / 32).then_some(if region.width == 1 && best == Shuffle::Bytes {
            Shuffle::None
        } else {
            best
        })
    }
}

/// Where samples of whole elements lie in `len` bytes; a short array is one sample.
fn samples(len: u64, width: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    let count = if len <= SAMPLE { 1 } else { SAMPLES };
    let size = len.min(SAMPLE) / width * width;
    let apart = (len - size) / count.saturating_sub(1).max(1);
    (0..count).map(move |i| {
        let start = i * apart / width * width;
        start..start + size
    })
}
