//! Encodes a picture as a file that fits into a result.

use std::fmt::Write as _;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::{self, FilterType as Resampling};
use image::{ExtendedColorType, ImageEncoder as _, ImageError, RgbImage};

use super::output::Picture;
use crate::error::LookError;
use crate::memory;
use crate::progress::Progress;

/// Most bytes of an encoded picture. In base64 they are 267 kB: a quarter of what hosts take as one result (1 MB).
const MAX_PICTURE_BYTES: usize = 200_000;
/// Memory that encoding takes: `TIMES` the size of the picture, and `MARGIN` bytes.
const TIMES: usize = 5;
const MARGIN: usize = 4 << 20;
/// Types of image files.
const PNG: &str = "image/png";
const JPEG: &str = "image/jpeg";
/// JPEG qualities that are tried before a picture is made smaller.
const QUALITIES: [u8; 4] = [92, 82, 70, 55];

/// A picture as an image file.
#[derive(Debug)]
pub struct Encoded {
    /// The file: 200 kB at most.
    pub bytes: Vec<u8>,
    /// `image/png` or `image/jpeg`.
    pub mime_type: &'static str,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Sentences: what is seen, and how it was made.
    pub text: String,
}

impl Picture {
    /// Encodes the picture as PNG if that fits, else as JPEG of the best quality that fits, made smaller if none does.
    ///
    /// # Errors
    /// [`LookError::Cancelled`], about which `progress` is asked between attempts; there is no memory; the encoder fails.
    pub fn encode(self, progress: &dyn Progress) -> Result<Encoded, LookError> {
        let Self { image, text } = self;
        let before = [image.width(), image.height()];
        let (bytes, mime_type, size) = encode(image, || progress.go_on())?;
        let [width, height] = size;
        let mut text = format!("{text} The picture has {width} × {height} pixels.");
        // Writing to a String cannot fail.
        if mime_type == JPEG {
            text.push_str(" It is a JPEG, as a PNG would have more than 200 kB.");
        }
        if size != before {
            let [width, height] = before;
            let _ = write!(
                text,
                " It was made smaller than {width} × {height} pixels, which would have more than 200 kB."
            );
        }
        Ok(Encoded {
            bytes,
            mime_type,
            size,
            text,
        })
    }
}

/// The bytes of the file, its type, and its width and height.
type ImageFile = (Vec<u8>, &'static str, [u32; 2]);

fn encode(mut picture: RgbImage, go_on: impl Fn() -> Result<(), LookError>) -> Result<ImageFile, LookError> {
    // Encoding and shrinking take a few times the picture's size and end the process if they get no memory, so it is
    // looked for first.
    memory::expect(TIMES * picture.as_raw().len() + MARGIN)?;
    let (mut bytes, mut mime_type) = (png(&picture)?, PNG);
    let mut qualities = QUALITIES.into_iter();
    while bytes.len() > MAX_PICTURE_BYTES {
        go_on()?;
        let Some(quality) = qualities.next() else {
            let [width, height] = [picture.width(), picture.height()].map(|edge| (edge * 3 / 4).max(1));
            picture = imageops::resize(&picture, width, height, Resampling::Triangle);
            qualities = QUALITIES.into_iter();
            continue;
        };
        (bytes, mime_type) = (jpeg(&picture, quality)?, JPEG);
    }
    let size = [picture.width(), picture.height()];
    Ok((bytes, mime_type, size))
}

fn png(picture: &RgbImage) -> Result<Vec<u8>, LookError> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    let (width, height) = picture.dimensions();
    let written = encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8);
    written.map_err(failed)?;
    Ok(bytes)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, LookError> {
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture);
    written.map_err(failed)?;
    Ok(bytes)
}

fn failed(error: ImageError) -> LookError {
    LookError::Unencodable { problem: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, which nothing compresses.
    fn noise(edge: u32) -> RgbImage {
        let mut state = 1_u32;
        RgbImage::from_fn(edge, edge, |_, _| {
            image::Rgb([0; 3].map(|_: u8| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_le_bytes()[3]
            }))
        })
    }

    #[test]
    fn plain_pictures_are_exact() {
        let picture = RgbImage::from_fn(768, 768, |x, y| {
            image::Rgb([x, y, x + y].map(|n| (n / 8).to_le_bytes()[0]))
        });
        let (bytes, mime_type, size) = encode(picture.clone(), || Ok(())).expect("a picture");
        assert_eq!((mime_type, size), ("image/png", [768, 768]));
        assert_eq!(image::load_from_memory(&bytes).expect("PNG").to_rgb8(), picture);
    }

    #[test]
    fn what_does_not_fit_loses_quality_and_then_size() {
        let (_, mime_type, size) = encode(noise(400), || Ok(())).expect("a picture");
        assert_eq!((mime_type, size), ("image/jpeg", [400, 400]));
        let (bytes, _, size) = encode(noise(900), || Ok(())).expect("a picture");
        assert!(bytes.len() <= MAX_PICTURE_BYTES && size[0] < 900, "{size:?}");
        let decoded = image::load_from_memory(&bytes).expect("JPEG");
        assert_eq!([decoded.width(), decoded.height()], size);
    }

    #[test]
    fn nobody_is_served_who_does_not_want_it_any_more() {
        let error = encode(noise(900), || Err(LookError::Cancelled)).expect_err("cancelled");
        assert!(matches!(error, LookError::Cancelled), "{error}");
    }
}
