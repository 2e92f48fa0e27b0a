//! A picture as bytes that fit into a result.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::{self, FilterType as Resampling};
use image::{ExtendedColorType, ImageEncoder as _, ImageResult, RgbImage};

/// Most bytes of an encoded picture. In base64 they are 342 KiB: a third of what hosts take as one result (1 MB).
const MAX_PICTURE_BYTES: usize = 256 << 10;
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
pub(crate) fn encode(mut picture: RgbImage) -> ImageResult<Encoded> {
    let (mut bytes, mut mime_type) = (png(&picture)?, "image/png");
    let mut qualities = QUALITIES.into_iter();
    while bytes.len() > MAX_PICTURE_BYTES {
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

fn png(picture: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    encoder.write_image(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

fn jpeg(picture: &RgbImage, quality: u8) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
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
        let encoded = encode(picture.clone()).expect("a picture");
        assert_eq!((encoded.mime_type, encoded.size), ("image/png", [768, 768]));
        assert_eq!(image::load_from_memory(&encoded.bytes).expect("PNG").to_rgb8(), picture);
    }

    #[test]
    fn what_does_not_fit_loses_quality_and_then_size() {
        let encoded = encode(noise(400)).expect("a picture");
        assert_eq!((encoded.mime_type, encoded.size), ("image/jpeg", [400, 400]));
        let encoded = encode(noise(900)).expect("a picture");
        assert!(
            encoded.bytes.len() <= MAX_PICTURE_BYTES && encoded.size[0] < 900,
            "{:?}",
            encoded.size
        );
        let decoded = image::load_from_memory(&encoded.bytes).expect("JPEG");
        assert_eq!([decoded.width(), decoded.height()], encoded.size);
    }
}
