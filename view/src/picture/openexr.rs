//! Draws OpenEXR files: finds the layer that is the picture, and decodes it piece by piece.

use std::fmt::Write as _;
use std::io::{Read, Seek};

use exr::block::UncompressedBlock;
use exr::block::reader::ChunksReader as _;
use exr::math::Vec2;
use exr::meta::BlockDescription;
use exr::meta::attribute::SampleType;
use exr::meta::header::Header;
use exr::prelude::f16;

use super::color::Transfer;
use super::frame::{Alpha, Frame, MAX_EDGE, PixelFormat, least_step};
use super::output::Picture;
use super::size::size;
use super::source::Source;
use crate::error::{LookError, TooLarge};
use crate::memory;
use crate::text::Quoted;

/// The name of the format.
const FORMAT: &str = "EXR";
/// Largest piece that is decoded at once: 32 lines of an 8K render with 100 channels of half precision.
const MAX_BLOCK_BYTES: usize = 64 << 20;
/// Bytes that a decoder needs beside its blocks.
const MARGIN: usize = 4 << 20;
/// Most bytes that are decoded: seconds' work. Only some rows of blocks of a larger layer are decoded.
const MAX_DECODED_BYTES: usize = 768 << 20;
/// What it costs to decode a byte.
const BYTE: u64 = 3;
/// Last parts of the names of layers that are the finished picture: empty if a renderer names no layer, Blender's, and another.
const BEAUTY: [&str; 3] = ["", "combined", "beauty"];

/// A layer that can be shown, with the index of its header, and those of its channels in the header.
struct Layer {
    header: usize,
    name: String,
    /// One, three or four channels: grey, or red, green, blue and alpha.
    channels: Vec<usize>,
}

/// Draws the layer that is the finished picture, or else the first.
pub(super) fn draw(
    source: &Source<'_>,
    file: impl Read + Seek,
    color_space: Option<&str>,
    max_edge: usize,
) -> Result<Picture, LookError> {
    let failed = |error: exr::error::Error| LookError::Undecodable {
        format: FORMAT,
        problem: error.into(),
    };
    let reader = exr::block::read(file, false).map_err(failed)?;
    let layers: Vec<Layer> = layers(reader.headers());
    let beauty = BEAUTY
        .iter()
        .find_map(|end| layers.iter().position(|layer| layer.is_called(end)));
    let Some(layer) = layers.get(beauty.unwrap_or(0)) else {
        return Err(LookError::NoFlatLayer);
    };
    let header = reader.headers()[layer.header].clone();
    let [width, height] = [header.layer_size.0, header.layer_size.1];
    if width.max(height) > size(MAX_EDGE) || header.max_block_byte_size() > MAX_BLOCK_BYTES {
        return Err(LookError::TooLarge {
            format: FORMAT,
            problem: TooLarge::Image([width, height]),
        });
    }
    // The decoder holds a block once as it is stored and twice as it is decoded. It ends the process if it gets no
    // memory, so the memory is looked for first.
    memory::expect(3 * header.max_block_byte_size() + MARGIN)?;
    let rows = BlockRows::of(&header);
    let format = PixelFormat {
        size: [width, height],
        channels: layer.channels.len(),
        transfer: Transfer::of(color_space, true),
        alpha: Alpha::Premultiplied,
        step: least_step([width, height]),
    };
    let mut frame = Frame::new(format, max_edge)?;
    let chunks = reader.filter_chunks(false, |_, tile, block| {
        let is_shown = block.layer == layer.header && block.level == (0, 0).into();
        is_shown && tile.tile_index.1.is_multiple_of(rows.every)
    });
    for block in chunks.map_err(failed)?.sequential_decompressor(false) {
        let block = block.map_err(failed)?;
        source.spend(block.data.len() as u64 * BYTE)?;
        add(&mut frame, &block, &header, layer, rows).map_err(failed)?;
    }
    let (image, words) = frame.develop()?.ok_or(LookError::Transparent)?;
    let mut text = format!("EXR of {width} × {height} pixels, {}", format.pixels());
    if layers.len() > 1 {
        text = format!("{text}, layer {} of {}", Quoted(&layer.name), layers.len());
    }
    text.push('.');
    if rows.every > 1 {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            " Only 1 in {} of its rows of blocks was decoded, as all of them would take too long; the lines between repeat the \
             last one above.",
            rows.every
        );
    }
    Ok(Picture {
        image,
        text: format!("{text} {words}"),
    })
}

/// Which rows of blocks are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlockRows {
    /// One row of blocks in this many is decoded.
    every: usize,
    /// How many lines lie between two rows of blocks that are decoded.
    between: usize,
}

impl BlockRows {
    fn of(header: &Header) -> Self {
        let lines = match header.blocks {
            BlockDescription::ScanLines => header.compression.scan_lines_per_block(),
            BlockDescription::Tiles(tiles) => tiles.tile_size.height(),
        };
        let bytes = header.layer_size.area().saturating_mul(header.channels.bytes_per_pixel);
        let every = bytes.div_ceil(MAX_DECODED_BYTES).max(1);
        Self {
            every,
            between: lines.saturating_mul(every - 1),
        }
    }
}

impl Layer {
    fn is_called(&self, end: &str) -> bool {
        let last = self.name.rsplit('.').next().unwrap_or_default();
        last.eq_ignore_ascii_case(end)
    }
}

/// The layers of flat pixels in a file: those with red, green and blue, or if there are none, the first channel of each header.
fn layers(headers: &[Header]) -> Vec<Layer> {
    let flat = |header: &&Header| {
        !header.deep
            && header
                .channels
                .list
                .iter()
                .all(|channel| channel.sampling == (1, 1).into())
    };
    let flat = || headers.iter().enumerate().filter(move |(_, header)| flat(header));
    let mut layers = Vec::new();
    for (index, header) in flat() {
        let names: Vec<String> = header
            .channels
            .list
            .iter()
            .map(|channel| channel.name.to_string())
            .collect();
        let find = |prefix: &str, channel: &str| names.iter().position(|name| *name == format!("{prefix}{channel}"));
        for prefix in names.iter().filter_map(|name| name.strip_suffix('R')) {
            let [g, b] = ["G", "B"].map(|channel| find(prefix, channel));
            let (Some(r), Some(g), Some(b)) = (find(prefix, "R"), g, b) else {
                continue;
            };
            layers.push(Layer::new(
                index,
                header,
                prefix,
                [r, g, b].into_iter().chain(find(prefix, "A")),
            ));
        }
    }
    if layers.is_empty() {
        let first = |(index, header): (usize, &Header)| {
            let name = header.channels.list.first()?.name.to_string();
            Some(Layer::new(index, header, &name, [0]))
        };
        layers.extend(flat().filter_map(first));
    }
    layers
}

impl Layer {
    fn new(index: usize, header: &Header, prefix: &str, channels: impl IntoIterator<Item = usize>) -> Self {
        let part = header.own_attributes.layer_name.as_ref().map(ToString::to_string);
        let prefix = prefix.trim_end_matches('.');
        Self {
            header: index,
            name: [part.as_deref().unwrap_or_default(), prefix]
                .join(".")
                .trim_matches('.')
                .to_owned(),
            channels: channels.into_iter().collect(),
        }
    }
}

/// Adds the lines of one block. Each row of pixels comes as all values of one channel, then all of the next.
fn add(
    frame: &mut Frame,
    block: &UncompressedBlock,
    header: &Header,
    layer: &Layer,
    rows: BlockRows,
) -> exr::error::UnitResult {
    let (width, count) = (block.index.pixel_size.0, layer.channels.len());
    let last = header.channels.list.len() - 1;
    let end = block.index.pixel_position.1 + block.index.pixel_size.1;
    let mut values = vec![0.0; width * count];
    for line in block.lines(&header.channels) {
        let channel = line.location.channel;
        if let Some(place) = layer.channels.iter().position(|&wanted| wanted == channel) {
            let values = values.iter_mut().skip(place).step_by(count);
            match header.channels.list[channel].sample_type {
                SampleType::F16 => {
                    for (value, sample) in values.zip(line.read_samples::<f16>()) {
                        *value = sample?.to_f32();
                    }
                }
                SampleType::F32 => {
                    for (value, sample) in values.zip(line.read_samples::<f32>()) {
                        *value = sample?;
                    }
                }
                SampleType::U32 => {
                    for (value, sample) in values.zip(line.read_samples::<u32>()) {
                        #[expect(clippy::cast_precision_loss, reason = "a shade of it is shown")]
                        let sample = sample? as f32;
                        *value = sample;
                    }
                }
            }
        }
        if channel == last {
            let Vec2(x, y) = line.location.position;
            let repeated = if y + 1 == end { rows.between } else { 0 };
            for y in (y..=y + repeated).take_while(|&y| y < header.layer_size.1) {
                frame.add(x, y, &values);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use exr::meta::attribute::{ChannelDescription, ChannelList};

    use super::*;

    fn rows(size: usize, channels: usize) -> BlockRows {
        let channel = |number: usize| ChannelDescription::named(format!("pass{number:03}.V").as_str(), SampleType::F32);
        let list = ChannelList::new((0..channels).map(channel).collect());
        let mut header = Header::new("layer".into(), (size, size), list.list);
        header.compression = exr::compression::Compression::ZIP16;
        header.blocks = BlockDescription::ScanLines;
        BlockRows::of(&header)
    }

    #[test]
    fn of_layers_that_take_too_long_some_rows_of_blocks_are_decoded() {
        assert_eq!(rows(4096, 12), BlockRows { every: 1, between: 0 });
        assert_eq!(rows(4096, 13), BlockRows { every: 2, between: 16 });
        assert_eq!(
            rows(8192, 60),
            BlockRows {
                every: 20,
                between: 19 * 16
            }
        );
    }
}
