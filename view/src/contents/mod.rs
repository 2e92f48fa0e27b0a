//! A summary of a buffer in a few hundred bytes, gathered in one pass that holds little of the data at a time.

mod animation;
mod array;
mod extent;
mod frame_bounds;
mod image;
mod mesh;
mod payload;
mod placement;

use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};

use dcc_mcp_shm::{Attrs, DataReader, PlacedArray, SceneDataKind};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use self::animation::Animation;
use self::array::Array;
use self::extent::{Counted, Extent, Measured};
use self::image::Image;
use self::payload::Payload;
use crate::attributes;
use crate::error::LookError;
use crate::look::array;
use crate::memory;
use crate::mesh_layout::PointsLayout;
use crate::picture;
use crate::progress::Progress;
use crate::request;
use crate::rows::Rows;
use crate::statistics::Stream;
use crate::text::{self, Bytes, Quoted};

/// Most arrays that are looked at in one call. A mesh has a handful.
pub const MAX_ARRAYS: usize = 16;
/// Most names that are listed of arrays that were not looked at.
const MAX_OTHER_NAMES: usize = 20;
/// About how many numbers the first rows of an array have together.
const FIRST_NUMBERS: u64 = 4;
const FIRST_ROWS: u64 = 4;
/// Longest line of attributes. All of them are in the descriptor.
const MAX_ATTRS_LINE_BYTES: usize = 400;
/// How many first bytes are looked at of data without arrays. They are many because cameras put much in front of a JPEG's size.
const START_BYTES: u64 = 256 << 10;
/// Bytes that a thread reads at once. They fit into a second-level cache.
const PIECE: u64 = 256 << 10;
/// Bytes that a thread reads at once of compressed data, whose chunks are decompressed as a whole.
const COMPRESSED_PIECE: u64 = 1 << 20;

/// What a buffer holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Contents {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schemars(with = "String")]
    kind: SceneDataKind,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Attrs")]
    extent: Option<Extent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    animation: Option<Animation>,
    /// In the text alone: a descriptor has them as data.
    #[serde(skip)]
    attrs: Attrs,
    /// With min, max and mean of finite numbers: lists if the last axis has 2 to 4.
    arrays: Vec<Array>,
    /// Not looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_arrays: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl Contents {
    /// Looks at the arrays in `names`, each given by its name or by the escaped spelling that is shown of it. Without
    /// `names`, looks at the first [`MAX_ARRAYS`]. Of a cache, also says how far the positions of these `frames` reach,
    /// given by their time codes or counted from 0.
    ///
    /// # Errors
    /// There is no array of a name, or no such frame; the data cannot be read; [`LookError::Cancelled`].
    pub fn gather(
        reader: &DataReader,
        names: Option<&[String]>,
        frames: &[f64],
        progress: &dyn Progress,
    ) -> Result<Self, LookError> {
        let descriptor = reader.descriptor();
        let name = |name: &String| array(reader, name).map(|(name, _)| name);
        let names = names.map(|names| names.iter().map(name).collect());
        let names: Option<Vec<_>> = names.transpose()?;
        let is_chosen = |index, name| names.as_ref().map_or(index < MAX_ARRAYS, |names| names.contains(&name));
        let arrays = reader.arrays().iter().enumerate();
        let (chosen, others): (Vec<_>, Vec<_>) = arrays.partition(|&(index, (name, _))| is_chosen(index, name));
        let arrays = describe(reader, chosen, progress)?;
        let start = start(reader)?;
        let image = match start.as_slice() {
            [] if descriptor.kind == SceneDataKind::Screenshot => Image::of_arrays(reader),
            start => Image::of_bytes(start).or_else(|| {
                let frame = picture::described_frame(reader).filter(|frame| frame.size() == reader.len())?;
                Image::of_array(&frame, &descriptor.attrs)
            }),
        };
        let (mesh_notes, counted) = mesh::look(reader, &arrays, progress)?;
        let measured = measured(reader, &arrays, counted, frames, progress)?;
        let mut animation = Animation::of(reader);
        let stated = animation
            .as_ref()
            .and_then(|animation| animation.note(&descriptor.attrs));
        if let Some(animation) = &mut animation {
            animation.bounds = measured.frames;
        }
        let contradiction = image::contradiction(reader, image.as_ref());
        let payload =
            (image.is_none() && !start.is_empty()).then(|| Payload::of(&start, start.len() as u64 == reader.len()));
        Ok(Self {
            id: descriptor.id,
            name: descriptor.name.clone(),
            kind: descriptor.kind,
            size_bytes: descriptor.size_bytes,
            compression_ratio: descriptor
                .use_compression
                .then(|| ratio(descriptor.size_bytes, descriptor.stored_bytes)),
            image,
            extent: measured.extent,
            animation,
            attrs: descriptor.attrs.clone(),
            notes: mesh_notes
                .into_iter()
                .chain(contradiction)
                .chain(placement::note(&descriptor.attrs, &arrays))
                .chain(attributes::notes(&descriptor.attrs))
                .chain(stated)
                .chain(measured.notes)
                .collect(),
            arrays,
            other_arrays: others
                .into_iter()
                .take(MAX_OTHER_NAMES)
                .map(|(_, (name, _))| name.clone())
                .collect(),
            payload,
        })
    }

    /// Leaves arrays out, from the last one on, until the JSON has no more than `limit` bytes or no array is left.
    #[must_use]
    pub fn within(mut self, limit: usize) -> Self {
        while serde_json::to_string(&self).is_ok_and(|json| json.len() > limit)
            && let Some(last) = self.arrays.pop()
        {
            self.other_arrays.insert(0, last.name);
            self.other_arrays.truncate(MAX_OTHER_NAMES);
        }
        self
    }
}

/// How far positions reach, if there are any; and those of some frames.
fn measured(
    reader: &DataReader,
    described: &[Array],
    counted: Counted,
    frames: &[f64],
    progress: &dyn Progress,
) -> Result<Measured, LookError> {
    let kind = reader.descriptor().kind;
    match PointsLayout::of(reader.arrays(), kind) {
        // Positions of a screenshot are pixels.
        Ok(Some(points)) if kind != SceneDataKind::Screenshot => {
            extent::measure(reader, &points, described, counted, frames, progress)
        }
        _ => Ok(Measured {
            notes: (!frames.is_empty())
                .then(|| request::unused("frames", "there are no positions to measure"))
                .into_iter()
                .collect(),
            ..Measured::default()
        }),
    }
}

type Named<'a> = (usize, (&'a String, &'a PlacedArray));

fn describe(reader: &DataReader, arrays: Vec<Named<'_>>, progress: &dyn Progress) -> Result<Vec<Array>, LookError> {
    let total = arrays.iter().map(|(_, (_, array))| array.size()).sum();
    let done = Mutex::new(0);
    let piece = if reader.descriptor().use_compression {
        COMPRESSED_PIECE
    } else {
        PIECE
    };
    let describe = |(_, (name, array)): Named<'_>| {
        let read = |at: u64, bytes: &mut [u8]| {
            reader.read_at(array.offset + at, bytes)?;
            // The lock is held until the progress is reported, so that the reported number only increases.
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            *done += bytes.len() as u64;
            progress.step(*done, total)
        };
        let stream = Stream {
            dtype: array.dtype,
            components: array::components(array),
            size: array.size(),
            piece,
            read: &read,
        };
        let rows = Rows::of(array);
        let first_rows = rows.read(reader, 0, (FIRST_NUMBERS / rows.length).clamp(1, FIRST_ROWS))?;
        Ok(Array::new(name, array, stream.summarise()?, first_rows))
    };
    arrays.into_iter().map(describe).collect()
}

/// The first bytes of data without arrays; nothing of data with arrays.
fn start(reader: &DataReader) -> Result<Vec<u8>, LookError> {
    let len = if reader.arrays().is_empty() {
        reader.len().min(START_BYTES)
    } else {
        0
    };
    let mut start = memory::filled(usize::try_from(len).unwrap_or(usize::MAX), 0)?;
    reader.read_at(0, &mut start)?;
    Ok(start)
}

/// The compression ratio, rounded to two decimal places.
#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(size: u64, stored: u64) -> f64 {
    (size as f64 / stored as f64 * 100.0).round() / 100.0
}

impl Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::labelled([("name", self.name.as_deref())]);
        let (id, kind, size) = (self.id, self.kind.as_str(), Bytes(self.size_bytes));
        write!(f, "Buffer {id}{name}: {kind}, {size:#}")?;
        if let Some(ratio) = self.compression_ratio {
            write!(f, ", compressed {ratio}:1")?;
        }
        if !self.attrs.is_empty() {
            write!(
                f,
                "\nAttributes: {}",
                text::attributes(&self.attrs, MAX_ATTRS_LINE_BYTES)
            )?;
        }
        let facts = [
            self.image.as_ref().map(ToString::to_string),
            self.extent.as_ref().map(ToString::to_string),
            self.animation.as_ref().map(ToString::to_string),
            self.payload.as_ref().map(ToString::to_string),
        ];
        for fact in facts.iter().flatten().chain(&self.notes) {
            write!(f, "\n{fact}")?;
        }
        for array in &self.arrays {
            write!(f, "\n- {array}")?;
        }
        if !self.other_arrays.is_empty() {
            let names: Vec<_> = self.other_arrays.iter().map(|name| Quoted(name).to_string()).collect();
            write!(f, "\nNot looked at, to be chosen by `arrays`: {}", names.join(", "))?;
        }
        Ok(())
    }
}
