//! Puts the decoded blocks of a layer into a frame.

use exr::meta::BlockDescription;
use exr::meta::header::Header;

use super::super::frame::Frame;
use super::super::ids;
use super::super::size::size;
use super::chunks::Block;
use super::layers::{Layer, Makes};
use crate::error::LookError;
use crate::memory;

/// Most bytes that are decoded: seconds' work. Only some rows of blocks of a larger layer are decoded.
const MAX_DECODED_BYTES: usize = 768 << 20;

/// Which rows of blocks are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockRows {
    /// One row of blocks in this many is decoded.
    pub(super) every: usize,
    /// How many lines lie between two rows of blocks that are decoded.
    pub(super) between: usize,
}

impl BlockRows {
    pub(super) fn of(header: &Header) -> Self {
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

/// A layer on its way to a frame.
pub(super) struct Drawing<'a> {
    pub(super) frame: Frame,
    pub(super) layer: &'a Layer,
    pub(super) weights: [f32; 3],
    /// Column and row of the first pixel.
    pub(super) first: [i64; 2],
    pub(super) rows: BlockRows,
    pub(super) held: Vec<Vec<f32>>,
    pub(super) values: Vec<f32>,
    /// Kept where it matters.
    pub(super) seen: Option<Seen>,
}

/// What pixels with alpha had so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    light: bool,
    coverage: bool,
}

impl Seen {
    fn add(&mut self, pixels: &[f32], count: usize) {
        for pixel in pixels.chunks_exact(count) {
            if let [colors @ .., alpha] = pixel {
                self.light |= colors.iter().any(|&color| color > 0.0);
                // Pixels that are no numbers are shown, black.
                self.coverage |= *alpha > 0.0 || pixel.iter().any(|value| !value.is_finite());
            }
        }
    }

    /// Whether alpha would hide all light, so that it is ignored, also where there are no pixels.
    pub(super) fn is_all_hidden(&self) -> bool {
        self.light && !self.coverage
    }
}

impl Drawing<'_> {
    pub(super) fn add(&mut self, header: &Header, block: &Block) -> Result<(), LookError> {
        let Self {
            layer,
            weights,
            first,
            rows,
            ..
        } = *self;
        let count = layer.values();
        let end = size(block.bounds.position.1) + block.bounds.size.1;
        memory::resize(&mut self.values, block.bounds.size.0 * count, 0.0)?;
        let (values, frame, seen) = (&mut self.values, &mut self.frame, &mut self.seen);
        let left = i64::from(block.bounds.position.0) + first[0];
        let hidden = size((-left).max(0)).min(block.bounds.size.0);
        let mut put = |y: usize, values: &[f32]| {
            let repeated = if y + 1 == end { rows.between } else { 0 };
            for y in (y..=y + repeated).take_while(|&y| y < header.layer_size.1) {
                let row = i64::try_from(y).unwrap_or(i64::MAX).saturating_add(first[1]);
                if let Ok(row) = usize::try_from(row) {
                    let values = &values[hidden * count..];
                    frame.add(size(left.max(0)), row, values);
                    if let Some(seen) = seen {
                        seen.add(values, count);
                    }
                }
            }
        };
        if layer.makes == Makes::Ids {
            return block.integers(header, layer.channels[0], |y, numbers| {
                for (pixel, &id) in values.as_chunks_mut::<3>().0.iter_mut().zip(numbers) {
                    *pixel = ids::color(id.into());
                }
                put(y, values);
            });
        }
        block.rows(header, &layer.channels, &mut self.held, |y, held| {
            for (place, channel) in held.iter().enumerate() {
                let values = values.iter_mut().skip(place).step_by(count);
                values.zip(channel).for_each(|(value, sample)| *value = *sample);
            }
            if layer.makes == Makes::LuminanceAndDifferences {
                for pixel in values.chunks_exact_mut(count) {
                    let color = to_rgb([pixel[0], pixel[1], pixel[2]], weights);
                    pixel[..3].copy_from_slice(&color);
                }
            }
            put(y, values);
        })
    }
}

/// Red, green and blue of a pixel that has luminance, and red and blue as they differ from it.
fn to_rgb([y, ry, by]: [f32; 3], weights: [f32; 3]) -> [f32; 3] {
    let (red, blue) = ((ry + 1.0) * y, (by + 1.0) * y);
    let green = (y - red * weights[0] - blue * weights[2]) / weights[1];
    [red, green, blue]
}

#[cfg(test)]
mod tests {
    use exr::meta::attribute::{ChannelDescription, ChannelList, SampleType};

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
