//! Size and format of a picture: raw pixels, or an encoded file recognised by its first bytes.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Attrs, DataReader, PlacedArray, SceneDataKind};
use image::ImageFormat;
use schemars::JsonSchema;
use serde::Serialize;

use crate::attributes;
use crate::image_format::{image_format, name};
use crate::picture::{ImageLayout, PixelOrder, described_frame, frame_in};

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Image {
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u64>,
    layout: String,
    /// Of an image file, whose pixels are not looked at.
    #[serde(skip)]
    header_only: bool,
}

impl Image {
    /// The picture in the array that `view_image` draws.
    pub(super) fn of_arrays(reader: &DataReader) -> Option<Self> {
        Self::of_array(frame_in(reader)?.1, &reader.descriptor().attrs)
    }

    /// The images that are drawn of an array.
    pub(super) fn of_array(array: &PlacedArray, attrs: &Attrs) -> Option<Self> {
        let layout = ImageLayout::of(array)?;
        let order = PixelOrder::of(attrs, array.dtype).in_words(layout.channels);
        Some(Self {
            format: "raw",
            width: Some(layout.width),
            height: Some(layout.height),
            channels: Some(layout.channels),
            images: Some(layout.images).filter(|&images| images > 1),
            layout: if layout.is_planar {
                format!("channels first, {order}")
            } else {
                order
            },
            header_only: false,
        })
    }

    /// The image file that the data begins with, if it is one.
    pub(super) fn of_bytes(start: &[u8]) -> Option<Self> {
        let format = image_format(start)?;
        // A damaged header has no size.
        let size = imagesize::blob_size(start).ok();
        Some(Self {
            format: name(format),
            width: size.map(|size| size.width as u64),
            height: size.map(|size| size.height as u64),
            channels: None,
            images: None,
            // Whether the file has alpha is not known here.
            layout: match format {
                ImageFormat::OpenExr => "the top row first, alpha taken for premultiplied if there is any".to_owned(),
                ImageFormat::Jpeg => PixelOrder::of_file(false).in_words(3),
                _ => "the top row first, alpha straight if there is any".to_owned(),
            },
            header_only: true,
        })
    }
}

/// Says that the attributes describe a frame of another size than there is, if they do.
pub(super) fn contradiction(reader: &DataReader, image: Option<&Image>) -> Option<String> {
    if reader.descriptor().kind != SceneDataKind::Screenshot {
        return None;
    }
    let Some(image) = image else {
        let frame = described_frame(reader).filter(|frame| frame.size() != reader.len())?;
        let (dtype, shape, size, bytes) = (frame.dtype, &frame.shape, frame.size(), reader.len());
        return Some(format!(
            "Its attributes describe {dtype} {shape:?}, which takes {size} bytes, and there are {bytes}"
        ));
    };
    let (_, shape) = attributes::frame(&reader.descriptor().attrs)?;
    let [height, width, ..] = shape[..] else {
        return None;
    };
    let (stored_width, stored_height) = (image.width?, image.height?);
    ((width, height) != (stored_width, stored_height)).then(|| {
        format!("Its attributes say {width} × {height} pixels, and there are {stored_width} × {stored_height}")
    })
}

impl Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} image", self.format)?;
        match (self.width, self.height) {
            (Some(width), Some(height)) => write!(f, ", {width} × {height} pixels")?,
            _ => f.write_str(" with a damaged header")?,
        }
        if let Some(channels) = self.channels {
            write!(f, ", channels: {channels}")?;
        }
        if let Some(images) = self.images {
            write!(f, ", {images} images")?;
        }
        write!(f, ", {}", self.layout)?;
        if self.header_only {
            f.write_str(" (by its header alone: view_image says whether the rest is whole)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm::{ArraySpec, BufferOptions, Layout, SceneWriter, Store, StoreOptions};

    use super::*;

    #[test]
    fn the_frame_that_is_described_is_the_one_that_is_drawn() -> Result<(), dcc_mcp_shm::Error> {
        let parent = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store")))?;
        let layout = Layout::new([
            ("ids", ArraySpec::new("i4".parse()?, [4, 4])),
            ("rgba", ArraySpec::new("u1".parse()?, [3, 5, 4])),
        ])?;
        let options = BufferOptions::default().kind(SceneDataKind::Screenshot);
        let id = SceneWriter::new(&store, layout, options)?.finish()?.id();
        let image = Image::of_arrays(&store.reader(&id.into())?).expect("a frame");
        assert_eq!(
            image.to_string(),
            "raw image, 5 × 3 pixels, channels: 4, the top row first, alpha straight"
        );
        Ok(())
    }

    #[test]
    fn headers_that_lie_are_no_reason_to_fail() {
        let png = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x07\x80\0\0\x04\x38\x08\x06\0\0\0";
        let image = Image::of_bytes(&png).expect("a picture");
        assert_eq!(
            image.to_string(),
            "PNG image, 1920 × 1080 pixels, the top row first, alpha straight if there is any (by its header alone: view_image says \
             whether the rest is whole)"
        );
        let starts: [(&str, &[u8]); 4] = [
            ("PNG", &png),
            ("JPEG", b"\xff\xd8\xff\xe0\xff\xff"),
            ("WebP", b"RIFF\0\0\0\0WEBPVP8X"),
            ("OpenEXR", b"\x76\x2f\x31\x01"),
        ];
        for (format, start) in starts {
            for len in 0..start.len() {
                let mut damaged = start[..len].to_vec();
                damaged.resize(400, 0xff);
                // Another format, or a width without a height, would be a guess.
                for image in [&damaged[..], &start[..len]].into_iter().filter_map(Image::of_bytes) {
                    assert_eq!((image.format, image.width.is_some()), (format, image.height.is_some()));
                }
            }
            let mut damaged = start.to_vec();
            damaged.resize(400, 0xff);
            let image = Image::of_bytes(&damaged).expect("its first bytes are whole");
            assert_eq!(image.format, format);
        }
    }
}
