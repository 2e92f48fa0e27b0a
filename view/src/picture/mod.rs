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
mod image_layout;
mod image_rows;
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

use dcc_mcp_shm::{DataReader, Domain, PlacedArray, SceneDataKind};

use self::source::Source;
use crate::attributes;
use crate::error::{LookError, NamedArray};
use crate::look;
use crate::mesh_layout::PointsLayout;
use crate::names;
use crate::progress::Progress;
use crate::request::{self, PictureRequest};
use crate::text;

pub(crate) use self::image_layout::ImageLayout;

pub use self::encode::Encoded;
pub use self::output::Picture;
pub use self::pixel_order::PixelOrder;

/// Most arrays that an error names.
const MAX_NAMED: usize = 8;

/// Draws what a buffer holds. A screenshot is never drawn as geometry, because its pixels may be positions; any other
/// buffer is, if it can be. The text has the buffer's id and name.
///
/// # Errors
/// There is nothing that can be drawn, or not what was asked for, or it is too large; the data cannot be read;
/// [`LookError::Cancelled`].
pub fn draw(reader: &DataReader, request: &PictureRequest, progress: &dyn Progress) -> Result<Picture, LookError> {
    let source = Source::new(reader, progress);
    let mut picture = match &request.array {
        Some(wanted) if !reader.arrays().is_empty() => draw_array(&source, reader, wanted, request),
        _ => draw_best(&source, reader, request),
    }?;
    let descriptor = reader.descriptor();
    let name = text::labelled([("name", descriptor.name.as_deref())]);
    picture.text = format!("{} Buffer {}{name}.", picture.text, descriptor.id);
    Ok(picture)
}

/// Draws the array that is meant.
fn draw_array(
    source: &Source<'_>,
    reader: &DataReader,
    wanted: &str,
    request: &PictureRequest,
) -> Result<Picture, LookError> {
    let descriptor = reader.descriptor();
    let names: Vec<String> = reader.arrays().keys().cloned().collect();
    let (name, array) = match (look::array(reader, wanted), &names::meant(wanted, &names)[..]) {
        (Ok(found), _) => found,
        (Err(_), &[place]) => look::array(reader, &names[place])?,
        (Err(error), []) => return Err(error.into()),
        (Err(_), meant) => {
            return Err(LookError::NoSuchLayer {
                wanted: wanted.to_owned(),
                meant: meant.iter().map(|&place| names[place].clone()).collect(),
                there: names.clone(),
                problems: Vec::new(),
            });
        }
    };
    let is_of_geometry = name == "position" && descriptor.kind != SceneDataKind::Screenshot;
    if is_of_geometry && let Some(picture) = geometry::draw(source, reader, request)? {
        return Ok(picture);
    }
    // One row for each point is no row of pixels.
    let is_of_points = match array.domain {
        Some(domain) => domain != Domain::Frame,
        None => descriptor.kind != SceneDataKind::Screenshot && matches!(array.shape[..], [_, ..=4]),
    };
    if is_of_points || !pixels::is_frame(array) {
        return Err(LookError::NoImage {
            array: NamedArray::new(name, array),
        });
    }
    let picture = pixels::draw(source, name, array, &descriptor.attrs, request)?;
    Ok(of_no_side(picture, request))
}

/// Draws the geometry or the finished picture.
fn draw_best(source: &Source<'_>, reader: &DataReader, request: &PictureRequest) -> Result<Picture, LookError> {
    let is_screenshot = reader.descriptor().kind == SceneDataKind::Screenshot;
    if !is_screenshot && let Some(picture) = geometry::draw(source, reader, request)? {
        return Ok(picture);
    }
    let picture = draw_image(source, reader, request)?;
    Ok(of_no_side(picture, request))
}

/// A picture of pixels, which says so if it was to be seen from some side.
fn of_no_side(mut picture: Picture, request: &PictureRequest) -> Picture {
    if !request.views.is_empty() {
        let note = request::unused("view", "this is an image");
        picture.text = format!("{} {note}.", picture.text);
    }
    picture
}

fn draw_image(source: &Source<'_>, reader: &DataReader, request: &PictureRequest) -> Result<Picture, LookError> {
    let attrs = &reader.descriptor().attrs;
    if let Some((name, array)) = frame_in(reader) {
        return pixels::draw(source, name, array, attrs, request);
    }
    if let Some(format) = encoded::format(source)? {
        return encoded::draw(source, format, attrs, request);
    }
    match (described_frame(reader), &request.array) {
        (Some(frame), None) if frame.size() == reader.len() => pixels::draw(source, "pixels", &frame, attrs, request),
        (Some(frame), None) => Err(LookError::WrongSize {
            dtype: frame.dtype,
            described: frame.size(),
            shape: frame.shape,
            bytes: reader.len(),
        }),
        (Some(_), Some(wanted)) => Err(LookError::no_layer(wanted, Vec::new())),
        (None, _) => Err(nothing_to_draw(reader)),
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
