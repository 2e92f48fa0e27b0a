//! Draws image files: finds out their format, and decodes PNG, JPEG and WebP.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use dcc_mcp_shm::{Attrs, Dtype};
use image::error::LimitErrorKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::color::Transfer;
use super::frame::{Alpha, Frame, MAX_EDGE, PixelFormat, least_step};
use super::output::Picture;
use super::pixel_order::PixelOrder;
use super::primaries::Primaries;
use super::sheet;
use super::size::size;
use super::source::{Part, Source};
use super::{element, openexr};
use crate::attributes;
use crate::error::{LookError, TooLarge};
use crate::frames::Frames;
use crate::image_format::{MAGIC_BYTES, image_format, name};
use crate::memory;
use crate::request::PictureRequest;

/// Most memory that a decoder may use: an 8K frame of 16-bit RGBA. EXR needs none of it, because it is decoded piece by piece.
const MAX_DECODED_BYTES: u64 = 256 << 20;
/// Longest file that decoders get: some read it as a whole.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Files that take more memory than this are decoded one after the other, however many pictures are drawn at once.
const MODEST_BYTES: usize = 16 << 20;
/// How often a picture looks whether its turn has come.
const TURN: Duration = Duration::from_millis(5);
/// What it costs to look at a pixel.
const PIXEL: u64 = 16;
/// Bytes that a decoder needs beside the file and the image.
const MARGIN: usize = 4 << 20;

/// The format of the image file that the data is, if it begins like one.
pub(super) fn format(source: &Source<'_>) -> Result<Option<ImageFormat>, LookError> {
    let mut bytes = source.everything();
    let mut start = vec![0; MAGIC_BYTES.min(size(bytes.len()))];
    bytes.read(0, &mut start)?;
    Ok(image_format(&start))
}

/// Draws the image file that the data is.
pub(super) fn draw(
    source: &Source<'_>,
    format: ImageFormat,
    attrs: &Attrs,
    request: &PictureRequest,
) -> Result<Picture, LookError> {
    sheet::shown_frames(&Frames::of(attrs, 1), &request.frames, 1)?;
    let bytes = source.everything();
    source.plan(bytes.len());
    let mut failure = None;
    let file = DataFile {
        bytes,
        position: 0,
        failure: &mut failure,
    };
    let color_space = attributes::string(attrs, "colorSpace");
    let drawn = match (format, &request.array) {
        (ImageFormat::OpenExr, wanted) => openexr::draw(
            source,
            BufReader::new(file),
            color_space,
            wanted.as_deref(),
            request.max_edge,
        ),
        (_, Some(wanted)) => Err(LookError::no_layer(wanted, Vec::new())),
        (_, None) => draw_decoded(source, file, format, color_space, request.max_edge),
    };
    // The error that ended the reading says more than what the decoder makes of it.
    let mut picture = drawn.map_err(|error| failure.unwrap_or(error))?;
    for note in attributes::notes(attrs) {
        picture.text = format!("{} {note}.", picture.text);
    }
    Ok(picture)
}

/// The decoder of a file. Neither the file nor its image may be too large.
fn decoder<'a>(file: DataFile<'a, 'a>, format: ImageFormat) -> Result<impl ImageDecoder + 'a, LookError> {
    if file.bytes.len() > MAX_FILE_BYTES {
        return Err(too_large(format, TooLarge::File(MAX_FILE_BYTES)));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    limits.max_image_width = u32::try_from(MAX_EDGE).ok();
    limits.max_image_height = limits.max_image_width;
    let mut reader = ImageReader::with_format(BufReader::new(file), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| failed(format, error))?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(too_much_memory(format));
    }
    Ok(decoder)
}

fn failed(format: ImageFormat, error: ImageError) -> LookError {
    match error {
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::InsufficientMemory => too_much_memory(format),
        ImageError::Limits(_) => too_large(format, TooLarge::Edge(MAX_EDGE)),
        error => LookError::Undecodable {
            format: name(format),
            problem: error.into(),
        },
    }
}

fn too_much_memory(format: ImageFormat) -> LookError {
    too_large(format, TooLarge::Memory(MAX_DECODED_BYTES))
}

/// Waits until no other picture needs much memory for a decoder.
fn turn(source: &Source<'_>) -> Result<MutexGuard<'static, ()>, LookError> {
    static DECODING: Mutex<()> = Mutex::new(());
    loop {
        match DECODING.try_lock() {
            Ok(turn) => return Ok(turn),
            Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => {
                source.look()?;
                thread::sleep(TURN);
            }
        }
    }
}

fn draw_decoded(
    source: &Source<'_>,
    file: DataFile<'_, '_>,
    format: ImageFormat,
    color_space: Option<&str>,
    max_edge: usize,
) -> Result<Picture, LookError> {
    let file_bytes = size(file.bytes.len());
    // Some decoders hold all of the file.
    memory::expect(file_bytes + MARGIN)?;
    let decoder = decoder(file, format)?;
    let image_bytes = size(decoder.total_bytes());
    let _turn = if image_bytes + file_bytes > MODEST_BYTES {
        Some(turn(source)?)
    } else {
        None
    };
    // A decoder holds one copy more of the image at most. It ends the process if it gets no memory, so the memory is
    // looked for first.
    memory::expect(2 * image_bytes + file_bytes + MARGIN)?;
    let image = DynamicImage::from_decoder(decoder).map_err(|error| failed(format, error))?;
    let channels = usize::from(image.color().channel_count());
    let bits = 8 * usize::from(image.color().bytes_per_pixel()) / channels;
    // Decoders give 8 bits, or 16 in the machine's order.
    let dtype = match bits {
        8 => Dtype::BYTE,
        _ if cfg!(target_endian = "big") => ">u2".parse()?,
        _ => "<u2".parse()?,
    };
    let dimensions = [size(image.width()), size(image.height())];
    let pixels = PixelFormat {
        size: dimensions,
        channels,
        transfer: Transfer::of(color_space, false),
        alpha: Alpha::Straight,
        step: least_step(dimensions),
        offset: 0.0,
        primaries: color_space.and_then(Primaries::named),
    };
    let frame = shrunken(source, dtype, pixels, max_edge, image.as_bytes())?;
    let (picture, words) = frame.develop()?;
    let [width, height] = pixels.size;
    Ok(Picture {
        image: picture,
        text: format!(
            "{} of {width} × {height} pixels, {bits}-bit {}, {}. {words}",
            name(format),
            pixels.pixels(),
            PixelOrder::of_file(false).in_words(channels as u64)
        ),
    })
}

/// A frame of decoded pixels.
fn shrunken(
    source: &Source<'_>,
    dtype: Dtype,
    format: PixelFormat,
    max_edge: usize,
    pixels: &[u8],
) -> Result<Frame, LookError> {
    let mut frame = Frame::new(format, max_edge)?;
    let mut values = memory::filled(format.size[0] * format.channels, 0.0)?;
    let Some(intensities) = element::intensities(dtype) else {
        return Ok(frame);
    };
    let rows = pixels.chunks_exact(values.len() * dtype.size()).enumerate();
    for (y, row) in rows.step_by(format.step) {
        intensities(row, &mut values);
        frame.add(0, y, &values);
        source.spend(format.size[0] as u64 * PIXEL)?;
    }
    Ok(frame)
}

fn too_large(format: ImageFormat, problem: TooLarge) -> LookError {
    LookError::TooLarge {
        format: name(format),
        problem,
    }
}

/// The data as a file for decoders. It keeps the error that ended the reading.
struct DataFile<'a, 'f> {
    bytes: Part<'a>,
    position: u64,
    failure: &'f mut Option<LookError>,
}

impl Read for DataFile<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = size(self.bytes.len().saturating_sub(self.position));
        let count = left.min(into.len());
        if let Err(failure) = self.bytes.read(self.position, &mut into[..count]) {
            *self.failure = Some(failure);
            return Err(io::Error::other("the data cannot be read"));
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for DataFile<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.bytes.len().checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
