//! Frames as plain arrays of pixels: which arrays are frames, and how their rows are read.

use dcc_mcp_shm::{Attrs, Dtype, PlacedArray, Shuffle};
use serde_json::Value;

use super::color::Transfer;
use super::element;
use super::frame::{Alpha, Frame, MAX_EDGE, PixelFormat, least_step};
use super::output::Picture;
use super::size::size;
use super::source::Source;
use crate::error::{LookError, NamedArray};
use crate::memory;

/// Most bytes that are read of a frame. Only some rows of a larger frame are read.
const MAX_READ: u64 = 1 << 31;
/// What it costs to look at a pixel, beside reading it.
const PIXEL: u64 = 16;

/// Whether an array can be drawn as a frame.
pub(super) fn is_frame(array: &PlacedArray) -> bool {
    element::intensities(array.dtype).is_some()
        && match array.shape[..] {
            [height, width] => height > 0 && width > 1,
            [height, width, channels] => height > 0 && width > 0 && (1..=4).contains(&channels),
            _ => false,
        }
}

/// The frame that the attributes of a buffer without arrays describe: `width`, `height`, `channels` (4 if absent) and
/// `dtype` (`|u1` if absent).
pub(super) fn in_attrs(attrs: &Attrs) -> Option<PlacedArray> {
    let number = |name: &str| attrs.get(name).and_then(Value::as_u64);
    let dtype = attrs.get("dtype").and_then(Value::as_str).unwrap_or("|u1");
    let frame = PlacedArray {
        dtype: dtype.parse().ok()?,
        shape: vec![number("height")?, number("width")?, number("channels").unwrap_or(4)],
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
    let text = |attr: &str| attrs.get(attr).and_then(|value| value.as_str());
    let is_float = array.dtype.typestr().as_bytes()[1] == b'f';
    let transfer = Transfer::of(text("colorSpace"), is_float);
    let bottom_first = text("firstRow").is_some_and(|row| row.eq_ignore_ascii_case("bottom"));
    let [height, width] = [array.shape[0], array.shape[1]];
    if width.max(height) > MAX_EDGE {
        return Err(LookError::EdgeTooLong {
            array: NamedArray::new(name, array),
            limit: MAX_EDGE,
        });
    }
    let dimensions = [size(width), size(height)];
    let mut format = PixelFormat {
        size: dimensions,
        channels: array.shape.get(2).map_or(1, |&channels| size(channels)),
        transfer,
        alpha: if transfer == Transfer::Linear {
            Alpha::Premultiplied
        } else {
            Alpha::Straight
        },
        step: least_step(dimensions).max(readable_step(array.size(), height, source.grain())),
    };
    let (picture, words) = loop {
        if let Some(developed) = read(source, array, format, bottom_first, max_edge)?.develop()? {
            break developed;
        }
        format.alpha = Alpha::Ignored;
    };
    let rows = if bottom_first { ", first row at the bottom" } else { "" };
    let pixels = format.pixels();
    Ok(Picture {
        image: picture,
        text: format!(
            "Array {}: {width} × {height} pixels, {pixels}{rows}. {words}",
            NamedArray::new(name, array)
        ),
    })
}

/// The least step by which no more than [`MAX_READ`] bytes are read, if reading a row takes at least `grain` bytes.
fn readable_step(bytes: u64, rows: u64, grain: u64) -> usize {
    if bytes <= MAX_READ {
        return 1;
    }
    size((bytes / rows).max(grain).saturating_mul(rows).div_ceil(MAX_READ))
}

fn read(
    source: &Source<'_>,
    array: &PlacedArray,
    format: PixelFormat,
    bottom_first: bool,
    max_edge: usize,
) -> Result<Frame, LookError> {
    let last = format.size[1] - 1;
    source.plan(array.size() / format.step as u64);
    let mut bytes = source.array(array);
    shrunken(source, array.dtype, format, max_edge, |y, row| {
        let stored = if bottom_first { last - y } else { y };
        bytes.read((stored * row.len()) as u64, row)
    })
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
