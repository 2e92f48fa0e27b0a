//! Frames as plain arrays of pixels: which arrays are frames, and how their rows are read.

use dcc_mcp_shm::{Attrs, Dtype, PlacedArray, Shuffle};

use super::color::Transfer;
use super::frame::{Alpha, Frame, MAX_EDGE, PixelFormat, least_step};
use super::output::Picture;
use super::primaries::Primaries;
use super::size::size;
use super::source::Source;
use super::whole_numbers::{self, Meaning, Survey};
use super::{element, ids};
use crate::attributes;
use crate::decode::Decode;
use crate::error::{LookError, NamedArray};
use crate::memory;

/// Most bytes that are read of a frame. Only some rows of a larger frame are read.
const MAX_READ: u64 = 1 << 31;
/// What it costs to look at a pixel, beside reading it.
const PIXEL: u64 = 16;
/// Most pixels that are looked at to find out what whole numbers stand for, in groups of this many rows.
const SURVEYED: usize = 1 << 22;
const ROWS: usize = 16;
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

/// Whether an array can be drawn as a frame.
pub(super) fn is_frame(array: &PlacedArray) -> bool {
    (element::intensities(array.dtype).is_some() || whole_numbers::integers(array.dtype).is_some())
        && match array.shape[..] {
            [height, width] => height > 0 && width > 1,
            [height, width, channels] => height > 0 && width > 0 && (1..=4).contains(&channels),
            _ => false,
        }
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

/// Draws an array that is a frame.
pub(super) fn draw(
    source: &Source<'_>,
    name: &str,
    array: &PlacedArray,
    attrs: &Attrs,
    max_edge: usize,
) -> Result<Picture, LookError> {
    let color_space = attributes::string(attrs, "colorSpace");
    let is_float = array.dtype.typestr().as_bytes()[1] == b'f';
    let transfer = Transfer::of(color_space, is_float);
    let [height, width] = [array.shape[0], array.shape[1]];
    if width.max(height) > MAX_EDGE {
        return Err(LookError::EdgeTooLong {
            array: NamedArray::new(name, array),
            limit: MAX_EDGE,
        });
    }
    let dimensions = [size(width), size(height)];
    let is_premultiplied = attributes::is_premultiplied(attrs).unwrap_or(transfer == Transfer::Linear);
    let mut format = PixelFormat {
        size: dimensions,
        channels: array.shape.get(2).map_or(1, |&channels| size(channels)),
        transfer,
        alpha: if is_premultiplied {
            Alpha::Premultiplied
        } else {
            Alpha::Straight
        },
        step: least_step(dimensions).max(readable_step(array.size(), height, source.grain())),
        offset: 0.0,
        primaries: color_space.and_then(Primaries::named),
    };
    let rows = Rows {
        source,
        array,
        channels: format.channels,
        bottom_first: attributes::is_bottom_first(attrs),
    };
    let pixels = format.pixels();
    let meaning = match whole_numbers::integers(array.dtype) {
        Some(decode) => rows.survey(dimensions, decode, is_of_ids(name))?,
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
    let (picture, words) = rows.read(format, meaning, max_edge)?.develop()?;
    let first = if rows.bottom_first {
        ", first row at the bottom"
    } else {
        ""
    };
    let notes = attributes::notes(attrs);
    let notes = notes.iter().fold(String::new(), |text, note| text + " " + note + ".");
    Ok(Picture {
        image: picture,
        text: format!(
            "Array {}: {width} × {height} pixels, {pixels}{first}.{note} {words}{notes}",
            NamedArray::new(name, array)
        ),
    })
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

/// Whether a name says that numbers tell things apart.
fn is_of_ids(name: &str) -> bool {
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    parts.any(|part| OF_IDS.contains(&part.to_lowercase().as_str()))
}

/// The least step by which no more than [`MAX_READ`] bytes are read, if reading a row takes at least `grain` bytes.
fn readable_step(bytes: u64, rows: u64, grain: u64) -> usize {
    if bytes <= MAX_READ {
        return 1;
    }
    size((bytes / rows).max(grain).saturating_mul(rows).div_ceil(MAX_READ))
}

/// The rows of an array that is a frame.
struct Rows<'a> {
    source: &'a Source<'a>,
    array: &'a PlacedArray,
    channels: usize,
    bottom_first: bool,
}

impl Rows<'_> {
    /// Finds out what whole numbers stand for, by looking at all rows, or at groups of some that are evenly spaced.
    fn survey(
        &self,
        [width, height]: [usize; 2],
        decode: Decode<i64>,
        is_named_ids: bool,
    ) -> Result<Meaning, LookError> {
        let mut bytes = self.source.array(self.array);
        let mut numbers = memory::filled(width * self.channels, 0)?;
        let mut row = memory::filled(numbers.len() * self.array.dtype.size(), 0)?;
        let mut survey = Survey::new(self.channels)?;
        let step = (width.saturating_mul(height)).div_ceil(SURVEYED).max(1);
        self.source.plan(self.array.size() / step as u64);
        for first in (0..height).step_by(ROWS * step) {
            for y in first..(first + ROWS).min(height) {
                bytes.read((y * row.len()) as u64, &mut row)?;
                decode(&row, &mut numbers);
                survey.add(&numbers, y > first || step == 1);
                self.source.spend(width as u64 * PIXEL)?;
            }
        }
        Ok(survey.meaning(self.array.dtype, is_named_ids))
    }

    fn read(&self, format: PixelFormat, meaning: Meaning, max_edge: usize) -> Result<Frame, LookError> {
        let (dtype, last) = (self.array.dtype, format.size[1] - 1);
        self.source.plan(self.array.size() / format.step as u64);
        let mut bytes = self.source.array(self.array);
        let mut read = |y: usize, row: &mut [u8]| {
            let stored = if self.bottom_first { last - y } else { y };
            bytes.read((stored * row.len()) as u64, row)
        };
        let Some(integers) = whole_numbers::integers(dtype).filter(|_| meaning != Meaning::Usual) else {
            return shrunken(self.source, dtype, format, max_edge, read);
        };
        let mut numbers = memory::filled(format.size[0] * self.channels, 0)?;
        let mut values = memory::filled(format.size[0] * format.channels, 0.0)?;
        let mut row = memory::filled(numbers.len() * dtype.size(), 0)?;
        let mut frame = Frame::new(format, max_edge)?;
        for y in (0..format.size[1]).step_by(format.step) {
            read(y, &mut row)?;
            integers(&row, &mut numbers);
            translate(meaning, &numbers, &mut values, self.channels);
            frame.add(0, y, &values);
            self.source.spend(format.size[0] as u64 * PIXEL)?;
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

/// A frame whose rows `read` gives as they lie in memory, by their number from the top.
pub(super) fn shrunken(
    source: &Source<'_>,
    dtype: Dtype,
    format: PixelFormat,
    max_edge: usize,
    mut read: impl FnMut(usize, &mut [u8]) -> Result<(), LookError>,
) -> Result<Frame, LookError> {
    let mut frame = Frame::new(format, max_edge)?;
    let [width, height] = format.size;
    let mut values = memory::filled(width * format.channels, 0.0)?;
    let mut row = memory::filled(values.len() * dtype.size(), 0)?;
    let Some(intensities) = element::intensities(dtype) else {
        return Ok(frame);
    };
    for y in (0..height).step_by(format.step) {
        read(y, &mut row)?;
        intensities(&row, &mut values);
        frame.add(0, y, &values);
        source.spend(width as u64 * PIXEL)?;
    }
    Ok(frame)
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
