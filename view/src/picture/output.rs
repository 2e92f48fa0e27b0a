//! The result of drawing.

use dcc_mcp_shm::Error;
use image::RgbImage;

use super::size::size;
use crate::memory;

/// A picture and a text about it.
#[derive(Debug)]
pub struct Picture {
    pub(super) image: RgbImage,
    /// Sentences: what is seen, and how it was made.
    pub(super) text: String,
}

/// A white picture.
pub(super) fn blank(width: u32, height: u32) -> Result<RgbImage, Error> {
    let bytes = memory::filled(size(width) * size(height) * 3, 255)?;
    Ok(RgbImage::from_raw(width, height, bytes).expect("a byte for each colour of each pixel"))
}
