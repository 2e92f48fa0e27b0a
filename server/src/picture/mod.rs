//! Pictures of scene data: what a buffer holds, as an image that a model can look at.
//!
//! Everything is read piece by piece, so that the memory this takes depends on the picture and not on the data; and what would
//! take more than seconds is shown from a part of it, which the text tells.

mod camera;
mod cloud;
mod color;
mod drawing;
mod element;
mod encode;
mod encoded;
mod faces;
mod frame;
mod geometry;
mod light;
mod mesh;
mod openexr;
mod pixels;
mod points;
mod raster;
mod seen;
mod sheet;
mod shrink;
mod source;
mod survey;
mod tone;

use dcc_mcp_shm::{DataReader, PlacedArray, SceneDataKind};
use image::RgbImage;

use crate::memory;
use crate::reply::ToolError;
use crate::text::Quoted;
use crate::work::Work;
use source::Source;

pub(crate) use camera::View;
pub(crate) use encode::encode;

/// Most arrays that an error names.
const MAX_NAMED: usize = 8;

/// A picture and what is to be known about it.
pub(crate) struct Picture {
    pub(crate) image: RgbImage,
    /// Sentences: what is seen, and how it was made.
    pub(crate) text: String,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Request {
    /// Longest edge of the picture, in pixels.
    pub(crate) max_edge: usize,
    /// From where geometry is seen.
    pub(crate) view: View,
    /// The frame of an animation cache; without it, some of all.
    pub(crate) frame: Option<u64>,
}

/// Draws what a buffer holds. What is no screenshot is geometry if it can be; a screenshot may have positions in its pixels.
pub(crate) fn draw(reader: &DataReader, request: &Request, work: &Work) -> Result<Picture, ToolError> {
    let source = Source::new(reader, work);
    let is_screenshot = reader.descriptor().kind == SceneDataKind::Screenshot;
    if !is_screenshot && let Some(picture) = geometry::draw(&source, reader, request)? {
        return Ok(picture);
    }
    let attrs = &reader.descriptor().attrs;
    let named = reader.arrays().get_key_value("pixels").into_iter();
    let others = reader.arrays().iter().filter(|_| is_screenshot);
    if let Some((name, array)) = named.chain(others).find(|(_, array)| pixels::is_frame(array)) {
        return pixels::draw(&source, name, array, attrs, request.max_edge);
    }
    if let Some(format) = encoded::format(&source)? {
        return encoded::draw(&source, format, attrs, request.max_edge);
    }
    match described_frame(reader) {
        Some(frame) if frame.size() == reader.len() => pixels::draw(&source, "pixels", &frame, attrs, request.max_edge),
        Some(frame) => Err(ToolError::new(
            format!(
                "Its attributes say pixels of {} {:?}, which are {} bytes, and there are {}",
                frame.dtype,
                frame.shape,
                frame.size(),
                reader.len()
            ),
            "Ask the program that wrote it to correct `width`, `height`, `channels` or `dtype`.",
        )),
        None => Err(nothing_to_draw(reader)),
    }
}

/// The frame that a screenshot without arrays is said to be by its attributes, whether it has as many bytes or not.
pub(crate) fn described_frame(reader: &DataReader) -> Option<PlacedArray> {
    let descriptor = reader.descriptor();
    let may_be = descriptor.kind == SceneDataKind::Screenshot && reader.arrays().is_empty();
    may_be.then(|| pixels::in_attrs(&descriptor.attrs)).flatten()
}

fn nothing_to_draw(reader: &DataReader) -> ToolError {
    let kind = reader.descriptor().kind.as_str();
    let arrays: Vec<String> = reader
        .arrays()
        .iter()
        .take(MAX_NAMED)
        .map(|(name, array)| format!("{} {} {:?}", Quoted(name), array.dtype, array.shape))
        .collect();
    let fact = if arrays.is_empty() {
        format!(
            "There is nothing to draw in these {} bytes ({kind}): they are no image file",
            reader.len()
        )
    } else {
        format!(
            "There is nothing to draw in the arrays of this buffer ({kind}): {}",
            arrays.join(", ")
        )
    };
    ToolError::new(
        fact,
        "It can show `position` of shape (points, 3) or (frames, points, 3), pixels of shape (height, width, 1 to 4), a \
         Screenshot without arrays whose attributes say `width` and `height`, and PNG, JPEG, WebP or EXR. Use \
         read_descriptor for code that maps the data.",
    )
}

/// An array in words.
fn describe(name: &str, array: &PlacedArray) -> String {
    format!("Array {} {} {:?}", Quoted(name), array.dtype, array.shape)
}

/// A white picture.
fn blank(width: u32, height: u32) -> Result<RgbImage, ToolError> {
    let bytes = memory::filled(size(width) * size(height) * 3, 255)?;
    RgbImage::from_raw(width, height, bytes)
        .ok_or_else(|| ToolError::new("The picture has no size", "Ask for a larger `max_edge`."))
}

/// A number of bytes, pixels or elements that memory is to be had for; what does not fit is more than there is.
fn size(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// The edge of a picture, which is a few thousand pixels.
fn edge(pixels: usize) -> u32 {
    pixels.try_into().unwrap_or(u32::MAX)
}
