//! Compressed payloads: an index, then one standard LZ4 frame for each chunk.
//!
//! Chunks are independent, so that all cores work on them both ways and a range is read without the rest. The
//! index lies in a skippable frame: `lz4 -d` passes over it and gives the original bytes of what is not shuffled.
//! A frame carries the checksum of what is stored in it, so damage is noticed.

mod decode;
mod encode;
mod lz4_frame;
mod shuffle;
mod transpose;

use indexmap::IndexMap;

use crate::format::{PlacedArray, Shuffle};

pub(crate) use decode::{ChunkIndex, DecodeError};
pub(crate) use encode::Encoder;

/// Uncompressed bytes of a chunk. In smaller ones indices compress worse.
const CHUNK_SIZE: u64 = 1 << 20;

const SKIPPABLE_MAGIC: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();
const INDEX_HEADER: usize = 8;
const INDEX_ENTRY: usize = 4;

/// An array together with the padding behind it, or the whole payload if it has none.
#[derive(Debug, Clone, Copy)]
struct Region {
    start: u64,
    end: u64,
    width: usize,
    shuffle: Shuffle,
}

/// The regions of a payload, in order.
fn regions(arrays: &IndexMap<String, PlacedArray>, size: u64) -> impl Iterator<Item = Region> + '_ {
    let whole = Region {
        start: 0,
        end: size,
        width: 1,
        shuffle: Shuffle::None,
    };
    let ends = arrays.values().skip(1).map(|next| next.offset).chain([size]);
    let of_arrays = arrays.values().zip(ends).map(|(array, end)| Region {
        start: array.offset,
        end,
        width: array.dtype.size(),
        shuffle: array.shuffled,
    });
    arrays.is_empty().then_some(whole).into_iter().chain(of_arrays)
}

/// A part of the uncompressed payload that is compressed by itself.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    start: u64,
    len: usize,
    /// Size of an element.
    width: usize,
    shuffle: Shuffle,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.start + self.len as u64
    }
}

/// Chunks of a payload: each region starts one.
fn chunks(arrays: &IndexMap<String, PlacedArray>, size: u64, chunk_size: u64) -> impl Iterator<Item = Chunk> + '_ {
    regions(arrays, size).flat_map(move |region| {
        (0..(region.end - region.start).div_ceil(chunk_size)).map(move |i| {
            let start = region.start + i * chunk_size;
            let len = usize::try_from(chunk_size.min(region.end - start)).unwrap_or(usize::MAX);
            Chunk {
                start,
                len,
                width: region.width,
                shuffle: region.shuffle,
            }
        })
    })
}
