//! Formats of image files, recognised by their first bytes.

use image::ImageFormat;

/// Bytes at the start of a file that tell formats apart.
pub(crate) const MAGIC_BYTES: usize = 12;

const KNOWN: [ImageFormat; 4] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::OpenExr,
];

/// The format of the image file that begins with these bytes, if it is one that can be drawn.
pub(crate) fn image_format(start: &[u8]) -> Option<ImageFormat> {
    let format = image::guess_format(start).ok();
    format.filter(|format| KNOWN.contains(format))
}

/// What people call a format.
pub(crate) fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::WebP => "WebP",
        _ => "OpenEXR",
    }
}
