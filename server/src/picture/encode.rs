//! A picture as bytes that fit into a result.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::{self, FilterType as Resampling};
use image::{ExtendedColorType, ImageEncoder as _, ImageError, RgbImage};

use crate::memory;
use crate::reply::ToolError;

/// Most bytes of an encoded picture. In base64 they are 342 KiB: a third of what hosts take as one result (1 MB).
const MAX_PICTURE_BYTES: usize = 256 << 10;
/// Memory that encoding takes, in sizes of the picture, and beside that in bytes.
const TIMES: usize = 5;
const MARGIN: usize = 4 << 20;
/// JPEG qualities that are tried before a picture is made smaller.
const QUALITIES: [u8; 4] = [92, 82, 70, 55];

/// An encoded picture.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mime_type: &'static str,
    /// Width and height in pixels.
    pub(crate) size: [u32; 2],
}

/// Encodes a picture as PNG if that fits, else as JPEG of the best quality that fits, made smaller if none does.
///
/// # Errors
/// That of `go_on`, which is asked between attempts, or there is no memory.
pub(crate) fn encode(mut picture: RgbImage, go_on: impl Fn() -> Result<(), ToolError>) -> Result<Encoded, ToolError> {
    // Encoders, and making a picture smaller, take a few times its size. They end the process if they get no memory, so look first.
    memory::expect(TIMES * picture.as_raw().len() + MARGIN)?;
    let (mut bytes, mut mime_type) = (png(&picture)?, "image/png");
    let mut qualities = QUALITIES.into_iter();
    while bytes.len() > MAX_PICTURE_BYTES {
        go_on()?;
        let Some(quality) = qualities.next() else {
            let [width, height] = [picture.width(), picture.height()].map(|edge| (edge * 3 / 4).max(1));
            picture = imageops::resize(&picture, width, height, Resampling::Triangle);
            qualities = QUALITIES.into_iter();
            continue;
        };
        (bytes, mime_type) = (jpeg(&picture, quality)?, "image/jpeg");
    }
    let size = [picture.width(), picture.height()];
    Ok(Encoded { bytes, mime_type, size })
}

fn png(picture: &RgbImage) -> Result<Vec<u8>, ToolError> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    let (width, height) = picture.dimensions();
    let written = encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8);
    written.map_err(|error| failed(&error))?;
    Ok(bytes)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ToolError> {
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture);
    written.map_err(|error| failed(&error))?;
    Ok(bytes)
}

fn failed(error: &ImageError) -> ToolError {
    ToolError::new(
        format!("The picture cannot be encoded: {error}"),
        "Ask for a smaller `max_edge`.",
    )
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
        let encoded = encode(picture.clone(), || Ok(())).expect("a picture");
        assert_eq!((encoded.mime_type, encoded.size), ("image/png", [768, 768]));
        assert_eq!(image::load_from_memory(&encoded.bytes).expect("PNG").to_rgb8(), picture);
    }

    #[test]
    fn what_does_not_fit_loses_quality_and_then_size() {
        let encoded = encode(noise(400), || Ok(())).expect("a picture");
        assert_eq!((encoded.mime_type, encoded.size), ("image/jpeg", [400, 400]));
        let encoded = encode(noise(900), || Ok(())).expect("a picture");
        assert!(
            encoded.bytes.len() <= MAX_PICTURE_BYTES && encoded.size[0] < 900,
            "{:?}",
            encoded.size
        );
        let decoded = image::load_from_memory(&encoded.bytes).expect("JPEG");
        assert_eq!([decoded.width(), decoded.height()], encoded.size);
    }

    #[test]
    fn nobody_is_served_who_does_not_want_it_any_more() {
        let error = encode(noise(900), || Err(ToolError::cancelled())).expect_err("cancelled");
        assert!(error.to_string().contains("cancelled"), "{error}");
    }
}
