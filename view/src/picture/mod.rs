//! Pictures of scene data: what a buffer holds, as an image that a model can look at.
//!
//! Data is read piece by piece, so that the memory for a picture depends on the picture and not on the data. Only decoders of
//! PNG, JPEG and WebP hold the whole image. Data that would take more than seconds is shown in part, and the text says so.

mod bounds;
mod camera;
mod clip;
mod cloud;
mod color;
mod develop;
mod element;
mod encode;
mod encoded;
mod face_reader;
mod frame;
mod geometry;
mod ids;
mod levels;
mod light;
mod mesh;
mod openexr;
mod output;
mod pixel_order;
mod pixels;
mod points;
mod primaries;
mod raster;
mod seen;
mod sheet;
mod shrink;
mod size;
mod source;
mod survey;
mod tally;
mod tone;
mod usual;
mod whole_numbers;

use dcc_mcp_shm::{DataReader, PlacedArray, SceneDataKind};

use self::source::Source;
use crate::attributes;
use crate::error::{LookError, NamedArray};
use crate::mesh_layout::PointsLayout;
use crate::progress::Progress;
use crate::request::{PictureRequest, View};

pub use self::encode::Encoded;
pub use self::output::Picture;
pub use self::pixel_order::PixelOrder;

/// Most arrays that an error names.
const MAX_NAMED: usize = 8;

/// Draws what a buffer holds. A screenshot is never drawn as geometry, because its pixels may be positions; any other
/// buffer is, if it can be.
///
/// # Errors
/// There is nothing that can be drawn, or it is too large; the data cannot be read; [`LookError::Cancelled`].
pub fn draw(reader: &DataReader, request: &PictureRequest, progress: &dyn Progress) -> Result<Picture, LookError> {
    let source = Source::new(reader, progress);
    let is_screenshot = reader.descriptor().kind == SceneDataKind::Screenshot;
    if !is_screenshot && let Some(picture) = geometry::draw(&source, reader, request)? {
        return Ok(picture);
    }
    let mut picture = draw_image(&source, reader, request)?;
    picture.text.push_str(unused(request));
    Ok(picture)
}

/// What of a request says nothing about an image.
fn unused(request: &PictureRequest) -> &'static str {
    match (request.view != View::default(), request.frame.is_some()) {
        (false, false) => "",
        (true, false) => " `view` was not used, because this is an image.",
        (false, true) => " `frame` was not used, because this is an image.",
        (true, true) => " `view` and `frame` were not used, because this is an image.",
    }
}

fn draw_image(source: &Source<'_>, reader: &DataReader, request: &PictureRequest) -> Result<Picture, LookError> {
    let attrs = &reader.descriptor().attrs;
    if let Some((name, array)) = frame_in(reader) {
        return pixels::draw(source, name, array, attrs, request.max_edge);
    }
    if let Some(format) = encoded::format(source)? {
        return encoded::draw(source, format, attrs, request.max_edge);
    }
    match described_frame(reader) {
        Some(frame) if frame.size() == reader.len() => pixels::draw(source, "pixels", &frame, attrs, request.max_edge),
        Some(frame) => Err(LookError::WrongSize {
            dtype: frame.dtype,
            described: frame.size(),
            shape: frame.shape,
            bytes: reader.len(),
        }),
        None => Err(nothing_to_draw(reader)),
    }
}

/// The array that is drawn as a frame: `pixels`, or of a screenshot the first array that is one, those of light before
/// those of other numbers.
pub(crate) fn frame_in(reader: &DataReader) -> Option<(&String, &PlacedArray)> {
    let is_screenshot = reader.descriptor().kind == SceneDataKind::Screenshot;
    let named = reader.arrays().get_key_value("pixels").into_iter();
    let others = || reader.arrays().iter().filter(|_| is_screenshot);
    let of_light = others().filter(|(_, array)| pixels::is_light(array));
    named
        .chain(of_light)
        .chain(others())
        .find(|(_, array)| pixels::is_frame(array))
}

/// The frame that the attributes of a screenshot without arrays describe, whether it has as many bytes as the data or not.
pub(crate) fn described_frame(reader: &DataReader) -> Option<PlacedArray> {
    let descriptor = reader.descriptor();
    let may_be = descriptor.kind == SceneDataKind::Screenshot && reader.arrays().is_empty();
    may_be.then(|| pixels::in_attrs(&descriptor.attrs)).flatten()
}

fn nothing_to_draw(reader: &DataReader) -> LookError {
    let arrays = reader.arrays().iter().take(MAX_NAMED);
    let kind = reader.descriptor().kind;
    LookError::NothingToDraw {
        reasons: PointsLayout::of(reader.arrays(), kind)
            .err()
            .into_iter()
            .chain(attributes::notes(&reader.descriptor().attrs))
            .collect(),
        kind,
        bytes: reader.len(),
        arrays: arrays.map(|(name, array)| NamedArray::new(name, array)).collect(),
    }
}
