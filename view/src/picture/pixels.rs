//! Frames as plain arrays of pixels: which arrays are frames, and how they become pictures.

use dcc_mcp_shm::{Attrs, PlacedArray, Shuffle};
use image::{RgbImage, imageops};

use super::color::Transfer;
use super::frame::{Alpha, Frame, MAX_EDGE, PixelFormat, least_step};
use super::image_layout::ImageLayout;
use super::image_rows::ImageRows;
use super::output::Picture;
use super::pixel_order::PixelOrder;
use super::primaries::Primaries;
use super::sheet::{self, Grid};
use super::size::{edge, size};
use super::source::Source;
use super::whole_numbers::{self, Meaning, Survey};
use super::{element, ids};
use crate::attributes;
use crate::decode::Decode;
use crate::error::{LookError, NamedArray};
use crate::frames::Frames;
use crate::memory;
use crate::names;
use crate::request::PictureRequest;

/// Most bytes that are read of a frame. Only some rows of a larger frame are read.
const MAX_READ: u64 = 1 << 31;
/// What it costs to look at a pixel, beside reading it.
const PIXEL: u64 = 16;
/// Most pixels that are looked at to find out what whole numbers stand for, in groups of this many rows.
const SURVEYED: usize = 1 << 22;
const ROWS: u64 = 16;
/// Parts of names of arrays whose numbers tell things apart.
const OF_IDS: [&str; 14] = [
    "id",
    "ids",
    "label",
    "labels",
    "segmentation",
    "instance",
    "instances",
    "objectid",
    "materialid",
    "index",
    "class",
    "classes",
    "cryptomatte",
    "segments",
];

/// Whether an array can be drawn as a frame, or as many.
pub(super) fn is_frame(array: &PlacedArray) -> bool {
    (element::intensities(array.dtype).is_some() || whole_numbers::integers(array.dtype).is_some())
        && ImageLayout::of(array).is_some()
}

/// Whether the numbers of an array usually stand for light.
pub(super) fn is_light(array: &PlacedArray) -> bool {
    element::intensities(array.dtype).is_some()
}

/// The frame that the attributes of a buffer without arrays describe.
pub(super) fn in_attrs(attrs: &Attrs) -> Option<PlacedArray> {
    let (dtype, shape) = attributes::frame(attrs)?;
    let frame = PlacedArray {
        dtype,
        shape,
        domain: None,
        offset: 0,
        shuffled: Shuffle::None,
    };
    (is_frame(&frame) && frame.spec().size().is_some()).then_some(frame)
}

/// Draws an array of images.
pub(super) fn draw(
    source: &Source<'_>,
    name: &str,
    array: &PlacedArray,
    attrs: &Attrs,
    request: &PictureRequest,
) -> Result<Picture, LookError> {
    let named = NamedArray::new(name, array);
    let Some(layout) = ImageLayout::of(array) else {
        return Err(LookError::NoImage { array: named });
    };
    if layout.width.max(layout.height) > MAX_EDGE {
        return Err(LookError::EdgeTooLong {
            array: named,
            limit: MAX_EDGE,
        });
    }
    let frames = Frames::of(attrs, layout.images);
    let shown = sheet::shown_frames(&frames, &request.frames, 1)?;
    let grid = Grid::of(1, shown.len(), request.max_edge);
    let order = PixelOrder::of(attrs, array.dtype);
    let mut format = format(source, name, array, attrs, layout, shown.len());
    let mut images = Images {
        source,
        array,
        layout,
        channels: format.channels,
        order,
        shown: &shown,
    };
    let pixels = format.pixels();
    let meaning = match whole_numbers::integers(array.dtype) {
        Some(decode) => images.survey(decode, names::has_part(name, &OF_IDS))?,
        None => Meaning::Usual,
    };
    let note = match meaning {
        Meaning::Usual => String::new(),
        Meaning::Bits { white, .. } => {
            let bits = 64 - white.unsigned_abs().leading_zeros();
            format!(" Its numbers have {bits} bits: {white} is white.")
        }
        Meaning::Measure { least, .. } => {
            format.transfer = Transfer::Data;
            format.offset = offset(least);
            String::new()
        }
        Meaning::Ids => {
            (format.transfer, format.channels) = (Transfer::Ids, 3);
            String::new()
        }
    };
    let (stack, words) = images.read(format, meaning, grid.tile)?.develop()?;
    let order = order.in_words(images.channels as u64);
    let notes = attributes::notes(attrs);
    let notes = notes.iter().fold(String::new(), |text, note| text + " " + note + ".");
    let (many, ImageLayout { width, height, .. }) = (layout.in_words(), layout);
    let which = which_images(&frames, &shown);
    Ok(Picture {
        image: grid.assemble(cut(&stack, shown.len()))?,
        text: format!("Array {named}: {many}{width} × {height} pixels, {pixels}, {order}.{which}{note} {words}{notes}"),
    })
}

/// How the values of some images of an array, one below the other, are to be understood.
fn format(
    source: &Source<'_>,
    name: &str,
    array: &PlacedArray,
    attrs: &Attrs,
    layout: ImageLayout,
    shown: usize,
) -> PixelFormat {
    let color_space = attributes::string(attrs, "colorSpace");
    let is_float = array.dtype.typestr().as_bytes()[1] == b'f';
    let transfer = match Transfer::of(color_space, is_float) {
        // What the attributes say of the colours of a buffer is not said of its other passes.
        _ if names::is_of_data(name) => Transfer::Data,
        transfer => transfer,
    };
    let [width, height] = [layout.width, layout.height].map(size);
    let rows = height * shown;
    let read = array.size() / layout.images * shown as u64;
    let step = least_step([width, rows]).max(readable_step(read, rows as u64, source.grain()));
    PixelFormat {
        size: [width, height.next_multiple_of(step) * (shown - 1) + height],
        channels: match layout.channels {
            // The second number of a vector is no coverage.
            2 if names::is_of_vectors(name) => 3,
            channels => size(channels),
        },
        transfer,
        alpha: if PixelOrder::of(attrs, array.dtype).premultiplied {
            Alpha::Premultiplied
        } else {
            Alpha::Straight
        },
        step,
        offset: 0.0,
        primaries: color_space.and_then(Primaries::named),
    }
}

/// Says which of many images are shown.
fn which_images(frames: &Frames, shown: &[u64]) -> String {
    let names: Vec<String> = shown.iter().map(|&frame| frames.name(frame)).collect();
    match shown.len() {
        _ if frames.count == 1 => String::new(),
        1 => format!(" Image {} of {}.", names[0], frames.range()),
        _ => format!(
            " Images {} of {}, from left to right and top to bottom, shown alike.",
            names.join(", "),
            frames.range()
        ),
    }
}

/// The pictures of a stack of them.
fn cut(stack: &RgbImage, pictures: usize) -> Vec<RgbImage> {
    let height = stack.height() / edge(pictures.max(1));
    let tops = (0..edge(pictures)).map(|picture| picture * height);
    tops.map(|top| imageops::crop_imm(stack, 0, top, stack.width(), height).to_image())
        .collect()
}

/// What is subtracted from numbers that begin with `least`: nothing, if a single holds them exactly.
#[expect(clippy::cast_precision_loss, reason = "a double holds more of it than is shown")]
fn offset(least: i64) -> f64 {
    if least.unsigned_abs() < 1 << 20 {
        0.0
    } else {
        least as f64
    }
}

/// The least step by which no more than [`MAX_READ`] bytes are read, if reading a row takes at least `grain` bytes.
fn readable_step(bytes: u64, rows: u64, grain: u64) -> usize {
    if bytes <= MAX_READ {
        return 1;
    }
    size((bytes / rows).max(grain).saturating_mul(rows).div_ceil(MAX_READ))
}

/// Some images of an array.
struct Images<'a> {
    source: &'a Source<'a>,
    array: &'a PlacedArray,
    layout: ImageLayout,
    /// Numbers of each pixel.
    channels: usize,
    order: PixelOrder,
    shown: &'a [u64],
}

impl<'a> Images<'a> {
    fn rows(&self) -> Result<ImageRows<'a>, LookError> {
        ImageRows::new(
            self.source,
            self.array,
            self.layout,
            self.channels,
            self.order.bottom_first,
        )
    }

    /// Finds out what whole numbers stand for, by looking at all rows, or at groups of some that are evenly spaced.
    fn survey(&mut self, decode: Decode<i64>, is_named_ids: bool) -> Result<Meaning, LookError> {
        let ImageLayout { width, height, .. } = self.layout;
        let mut rows = self.rows()?;
        let mut row = memory::filled(rows.row_bytes(), 0)?;
        let mut numbers = memory::filled(size(width) * self.channels, 0)?;
        let mut survey = Survey::new(self.channels)?;
        let pixels = size(width.saturating_mul(height)).saturating_mul(self.shown.len());
        let step = pixels.div_ceil(SURVEYED).max(1) as u64;
        self.source
            .plan(rows.row_bytes() as u64 * height * self.shown.len() as u64 / step);
        for &image in self.shown {
            for first in (0..height).step_by(size(ROWS * step)) {
                for y in first..(first + ROWS).min(height) {
                    rows.read(image, y, &mut row)?;
                    decode(&row, &mut numbers);
                    survey.add(&numbers, y > first || (step == 1 && y > 0));
                    self.source.spend(width * PIXEL)?;
                }
            }
        }
        Ok(survey.meaning(self.array.dtype, is_named_ids))
    }

    fn read(&mut self, format: PixelFormat, meaning: Meaning, max_edge: usize) -> Result<Frame, LookError> {
        let (dtype, count) = (self.array.dtype, self.shown.len());
        let mut rows = self.rows()?;
        let mut row = memory::filled(rows.row_bytes(), 0)?;
        let integers = whole_numbers::integers(dtype).filter(|_| meaning != Meaning::Usual);
        let mut numbers = memory::filled(size(self.layout.width) * self.channels, 0)?;
        let mut values = memory::filled(format.size[0] * format.channels, 0.0)?;
        let mut frame = Frame::of_many(format, count, max_edge)?;
        let height = size(self.layout.height);
        self.source
            .plan(row.len() as u64 * self.layout.height * count as u64 / format.step as u64);
        for (place, &image) in self.shown.iter().enumerate() {
            let top = place * height.next_multiple_of(format.step);
            for y in (0..height).step_by(format.step) {
                rows.read(image, y as u64, &mut row)?;
                match (integers, element::intensities(dtype)) {
                    (Some(integers), _) => {
                        integers(&row, &mut numbers);
                        translate(meaning, &numbers, &mut values, self.channels);
                    }
                    (None, Some(intensities)) => intensities(&row, &mut values),
                    (None, None) => {}
                }
                frame.add(0, top + y, &values);
                self.source.spend(self.layout.width * PIXEL)?;
            }
        }
        Ok(frame)
    }
}

/// Turns whole numbers into the values of pixels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "pixels are shown, not measured"
)]
fn translate(meaning: Meaning, numbers: &[i64], values: &mut [f32], channels: usize) {
    let (white, full, offset) = match meaning {
        Meaning::Ids => {
            for (pixel, id) in values.as_chunks_mut().0.iter_mut().zip(numbers) {
                *pixel = ids::color(id.cast_unsigned());
            }
            return;
        }
        Meaning::Bits { white, full } => (white as f64, full as f64, 0.0),
        Meaning::Measure { least, full } => (1.0, full as f64, offset(least)),
        Meaning::Usual => (1.0, 1.0, 0.0),
    };
    for (pixel, numbers) in values.chunks_exact_mut(channels).zip(numbers.chunks_exact(channels)) {
        for (place, (value, &number)) in pixel.iter_mut().zip(numbers).enumerate() {
            let is_alpha = channels.is_multiple_of(2) && place + 1 == channels;
            *value = if is_alpha {
                (number as f64 / full) as f32
            } else {
                ((number as f64 - offset) / white) as f32
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_frames_of_many_bytes_some_rows_are_read() {
        assert_eq!(readable_step(MAX_READ, 1 << 10, 1), 1);
        assert_eq!(readable_step(2 * MAX_READ, 1 << 16, 1), 2);
        // Each row takes a chunk of 1 MiB to be decompressed.
        assert_eq!(readable_step(2 * MAX_READ, 1 << 16, 1 << 20), 32);
    }
}
