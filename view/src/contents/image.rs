//! Size and format of a picture: raw pixels, or an encoded file recognised by its first bytes.

use std::fmt::{self, Display};

use dcc_mcp_shm::{DataReader, PlacedArray, SceneDataKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::attributes;
use crate::image_format::{image_format, name};
use crate::picture::{described_frame, frame_in};

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Image {
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<u64>,
    /// Of an image file, whose pixels are not looked at.
    #[serde(skip)]
    header_only: bool,
}

impl Image {
    /// The picture in the array that `view_image` draws.
    pub(super) fn of_arrays(reader: &DataReader) -> Option<Self> {
        Self::of_array(frame_in(reader)?.1)
    }

    /// Takes an array of two or three axes for rows of pixels.
    pub(super) fn of_array(array: &PlacedArray) -> Option<Self> {
        let (height, width, channels) = match *array.shape.as_slice() {
            [height, width] => (height, width, 1),
            [height, width, channels] => (height, width, channels),
            _ => return None,
        };
        Some(Self {
            format: "raw",
            width: Some(width),
            height: Some(height),
            channels: Some(channels),
            header_only: false,
        })
    }

    /// The image file that the data begins with, if it is one.
    pub(super) fn of_bytes(start: &[u8]) -> Option<Self> {
        let format = name(image_format(start)?);
        // A damaged header has no size.
        let size = imagesize::blob_size(start).ok();
        Some(Self {
            format,
            width: size.map(|size| size.width as u64),
            height: size.map(|size| size.height as u64),
            channels: None,
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
        if self.header_only {
            f.write_str(" (by its header alone: view_image says whether the rest is whole)")?;
        }
        self.channels
            .map_or(Ok(()), |channels| write!(f, ", channels: {channels}"))
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
        assert_eq!(image.to_string(), "raw image, 5 × 3 pixels, channels: 4");
        Ok(())
    }

    #[test]
    fn headers_that_lie_are_no_reason_to_fail() {
        let png = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x07\x80\0\0\x04\x38\x08\x06\0\0\0";
        let image = Image::of_bytes(&png).expect("a picture");
        assert_eq!(
            image.to_string(),
            "PNG image, 1920 × 1080 pixels (by its header alone: view_image says whether the rest is whole)"
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
