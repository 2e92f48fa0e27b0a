//! Reads the blocks of one part of an EXR file, from the top down.

use std::io::{Read, Seek, SeekFrom};

use exr::block::chunk::{Chunk, CompressedBlock, TileCoordinates};
use exr::block::lines::{LineIndex, LineSlice};
use exr::error::Error;
use exr::math::Vec2;
use exr::meta::attribute::{ChannelDescription, IntegerBounds, SampleType};
use exr::meta::header::Header;
use exr::meta::{MetaData, TileIndices};
use exr::prelude::f16;

use super::super::source::Source;
use crate::error::LookError;
use crate::memory;

/// The name of the format.
pub(super) const FORMAT: &str = "EXR";
/// What it costs to find a block, and to decode a byte.
const ENTRY: u64 = 16;
const BYTE: u64 = 3;

/// The error of a file that the library cannot decode.
pub(super) fn failed(error: exr::error::Error) -> LookError {
    LookError::Undecodable {
        format: FORMAT,
        problem: error.into(),
    }
}

/// One part of a file. Its header was checked.
pub(super) struct Chunks<'a, F> {
    pub(super) source: &'a Source<'a>,
    pub(super) file: F,
    pub(super) meta: &'a MetaData,
    pub(super) part: usize,
    /// Where the tables of chunks begin.
    pub(super) tables: u64,
}

/// A decoded block.
pub(super) struct Block {
    pub(super) bounds: IntegerBounds,
    bytes: Vec<u8>,
}

impl<F: Read + Seek> Chunks<'_, F> {
    /// Calls `use_block` with each block of the largest level for which `is_wanted`.
    pub(super) fn each(
        &mut self,
        is_wanted: impl Fn(TileCoordinates) -> bool,
        mut use_block: impl FnMut(&Header, &Block) -> Result<(), LookError>,
    ) -> Result<(), LookError> {
        let mut header = self.meta.headers[self.part].clone();
        for (at, tile) in self.wanted(&header, is_wanted)? {
            let block = self.block(&mut header, at, tile)?;
            self.source.spend(block.bytes.len() as u64 * BYTE)?;
            use_block(&header, &block)?;
        }
        Ok(())
    }

    /// Where the blocks that are wanted lie in the file.
    fn wanted(
        &mut self,
        header: &Header,
        is_wanted: impl Fn(TileCoordinates) -> bool,
    ) -> Result<Vec<(u64, TileCoordinates)>, LookError> {
        let bytes = |headers: &[Header]| {
            headers.iter().fold(0, |sum: u64, header| {
                sum.saturating_add((header.chunk_count as u64).saturating_mul(8))
            })
        };
        let before = self.tables.saturating_add(bytes(&self.meta.headers[..self.part]));
        let end = before.saturating_add(bytes(&self.meta.headers[self.part..=self.part]));
        let len = self.file.seek(SeekFrom::End(0)).map_err(|error| failed(error.into()))?;
        if end > len {
            return Err(failed(Error::Invalid(
                "the file ends within its table of chunks".into(),
            )));
        }
        // The library lists all blocks in memory that it does not look for, twice as much while the list grows.
        memory::expect(header.chunk_count.saturating_mul(3 * size_of::<TileIndices>()))?;
        self.file
            .seek(SeekFrom::Start(before))
            .map_err(|error| failed(error.into()))?;
        let mut wanted = Vec::new();
        for tile in header.blocks_increasing_y_order() {
            let mut entry = [0; 8];
            self.file.read_exact(&mut entry).map_err(|error| failed(error.into()))?;
            self.source.spend(ENTRY)?;
            let is_largest = tile.location.level_index == Vec2(0, 0);
            if is_largest && is_wanted(tile.location) {
                if wanted.len() == wanted.capacity() {
                    let more = 2 * wanted.len() + 64;
                    memory::reserve(&mut wanted, more)?;
                }
                wanted.push((u64::from_le_bytes(entry), tile.location));
            }
        }
        Ok(wanted)
    }

    fn block(&mut self, header: &mut Header, at: u64, tile: TileCoordinates) -> Result<Block, LookError> {
        let mut read = |file: &mut F| {
            file.seek(SeekFrom::Start(at))?;
            let chunk = Chunk::read(file, self.meta)?;
            if chunk.layer_index != self.part || header.get_block_data_indices(&chunk.compressed_block)? != tile {
                return Err(Error::Invalid("a chunk is not where the table of chunks says".into()));
            }
            let bounds = header.get_absolute_block_pixel_coordinates(tile)?;
            bounds.validate(Some(header.layer_size))?;
            let compressed = match chunk.compressed_block {
                CompressedBlock::ScanLine(block) => block.compressed_pixels_le,
                CompressedBlock::Tile(block) => block.compressed_pixels_le,
                _ => return Err(Error::Invalid("a chunk of a flat part is deep".into())),
            };
            // The library takes each block for as large as this says; it knows nothing of subsampled channels.
            header.channels.bytes_per_pixel = bytes_per_pixel(header, &bounds)?;
            let decode = header.compression;
            let bytes = decode.decompress_image_section_from_le(header, compressed, bounds, false)?;
            Ok(Block { bounds, bytes })
        };
        read(&mut self.file).map_err(failed)
    }
}

/// Bytes of a block for each of its pixels.
fn bytes_per_pixel(header: &Header, bounds: &IntegerBounds) -> Result<usize, Error> {
    let lines = lines(&header.channels.list, bounds);
    let bytes: usize = lines.map(|(_, channel, _)| line_bytes(channel, bounds)).sum();
    let pixels = bounds.size.0 * bounds.size.1;
    if pixels == 0 || !bytes.is_multiple_of(pixels) {
        return Err(Error::NotSupported(
            "a block of subsampled channels of an odd size".into(),
        ));
    }
    Ok(bytes / pixels)
}

/// The lines of a block as they come: which channel of which row, and its place in the list.
fn lines<'a>(
    channels: &'a [ChannelDescription],
    bounds: &IntegerBounds,
) -> impl Iterator<Item = (usize, &'a ChannelDescription, usize)> + use<'a> {
    let first = usize::try_from(bounds.position.1).unwrap_or(0);
    let rows = first..first + bounds.size.1;
    rows.flat_map(move |y| {
        let with_values = channels
            .iter()
            .enumerate()
            .filter(move |(_, channel)| y % channel.sampling.1.max(1) == 0);
        with_values.map(move |(index, channel)| (index, channel, y))
    })
}

fn line_bytes(channel: &ChannelDescription, bounds: &IntegerBounds) -> usize {
    bounds.size.0 / channel.sampling.0.max(1) * channel.sample_type.bytes_per_sample()
}

impl Block {
    /// The rows of the block from the top down: for each, `use_row` gets its number from the top of the layer, and the
    /// values of `wanted` channels, one for each pixel.
    pub(super) fn rows(
        &self,
        header: &Header,
        wanted: &[usize],
        held: &mut [Vec<f32>],
        mut use_row: impl FnMut(usize, &[Vec<f32>]),
    ) -> Result<(), LookError> {
        let width = self.bounds.size.0;
        let mut at = 0;
        let mut before = None;
        for row in held.iter_mut() {
            memory::resize(row, width, 0.0)?;
        }
        for (index, channel, y) in lines(&header.channels.list, &self.bounds) {
            if let Some(before) = before.filter(|before| *before != y) {
                use_row(before, held);
            }
            before = Some(y);
            let bytes = line_bytes(channel, &self.bounds);
            let line = self.bytes.get(at..at + bytes).unwrap_or_default();
            at += bytes;
            if let Some(place) = wanted.iter().position(|&wanted| wanted == index) {
                read(channel, line, &mut held[place]).map_err(failed)?;
            }
        }
        if let Some(last) = before {
            use_row(last, held);
        }
        Ok(())
    }

    /// The same for one channel of whole numbers.
    pub(super) fn integers(
        &self,
        header: &Header,
        wanted: usize,
        mut use_row: impl FnMut(usize, &[u32]),
    ) -> Result<(), LookError> {
        let mut at = 0;
        let mut numbers = memory::filled(self.bounds.size.0, 0_u32)?;
        for (index, channel, y) in lines(&header.channels.list, &self.bounds) {
            let bytes = line_bytes(channel, &self.bounds);
            let line = self.bytes.get(at..at + bytes).unwrap_or_default();
            at += bytes;
            if index == wanted {
                for (number, sample) in numbers.iter_mut().zip(slice(line, 4).read_samples::<u32>()) {
                    *number = sample.map_err(failed)?;
                }
                use_row(y, &numbers);
            }
        }
        Ok(())
    }
}

/// Reads a line into a row that has one value for each pixel; values of subsampled channels are repeated.
fn read(channel: &ChannelDescription, line: &[u8], row: &mut [f32]) -> exr::error::UnitResult {
    let step = channel.sampling.0.max(1);
    let pixels = row.chunks_mut(step);
    match channel.sample_type {
        SampleType::F16 => {
            for (pixels, sample) in pixels.zip(slice(line, 2).read_samples::<f16>()) {
                pixels.fill(sample?.to_f32());
            }
        }
        SampleType::F32 => {
            for (pixels, sample) in pixels.zip(slice(line, 4).read_samples::<f32>()) {
                pixels.fill(sample?);
            }
        }
        SampleType::U32 => {
            for (pixels, sample) in pixels.zip(slice(line, 4).read_samples::<u32>()) {
                #[expect(clippy::cast_precision_loss, reason = "a shade of it is shown")]
                pixels.fill(sample? as f32);
            }
        }
    }
    Ok(())
}

/// A line as the library reads samples from it.
fn slice(line: &[u8], bytes_per_sample: usize) -> LineSlice<&[u8]> {
    LineSlice {
        location: LineIndex {
            layer: 0,
            channel: 0,
            level: Vec2(0, 0),
            position: Vec2(0, 0),
            sample_count: line.len() / bytes_per_sample,
        },
        value: line,
    }
}
