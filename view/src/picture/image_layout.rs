//! How images lie in an array: one or many, with their channels side by side or one plane after the other.

use dcc_mcp_shm::PlacedArray;

/// The images in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageLayout {
    pub(crate) images: u64,
    pub(crate) height: u64,
    pub(crate) width: u64,
    /// 1 to 4.
    pub(crate) channels: u64,
    /// Whether each channel is a plane of its own.
    pub(crate) is_planar: bool,
}

impl ImageLayout {
    /// The images that the shape of an array says: (height, width), with 1 to 4 channels behind or in front, and many
    /// of them if there is one axis more in front.
    pub(crate) fn of(array: &PlacedArray) -> Option<Self> {
        let is_channels = |axis: u64| (1..=4).contains(&axis);
        let (images, height, width, channels, is_planar) = match array.shape[..] {
            [height, width] if width > 1 => (1, height, width, 1, false),
            [height, width, channels] if is_channels(channels) => (1, height, width, channels, false),
            [channels, height, width] if is_channels(channels) => (1, height, width, channels, true),
            [images, height, width] => (images, height, width, 1, false),
            [images, height, width, channels] if is_channels(channels) => (images, height, width, channels, false),
            [images, channels, height, width] if is_channels(channels) => (images, height, width, channels, true),
            _ => return None,
        };
        (images > 0 && height > 0 && width > 0).then_some(Self {
            images,
            height,
            width,
            channels,
            is_planar: is_planar && channels > 1,
        })
    }

    /// What the text says before the size: ` 5 images of`.
    pub(super) fn in_words(self) -> String {
        let planes = if self.is_planar { "channels first, " } else { "" };
        match self.images {
            1 => planes.to_owned(),
            images => format!("{planes}{images} images of "),
        }
    }
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm::{Dtype, Shuffle};

    use super::*;

    #[test]
    fn shapes_say_what_images_there_are() {
        let of = |shape: &[u64]| {
            let layout = ImageLayout::of(&PlacedArray {
                dtype: Dtype::BYTE,
                shape: shape.to_vec(),
                domain: None,
                offset: 0,
                shuffled: Shuffle::None,
            });
            layout.map(|it| ([it.images, it.height, it.width, it.channels], it.is_planar))
        };
        for (shape, expected) in [
            (&[20, 30][..], Some(([1, 20, 30, 1], false))),
            (&[20, 30, 4], Some(([1, 20, 30, 4], false))),
            (&[3, 20, 30], Some(([1, 20, 30, 3], true))),
            (&[1, 20, 30], Some(([1, 20, 30, 1], false))),
            (&[3, 4, 4], Some(([1, 3, 4, 4], false))),
            (&[7, 20, 30], Some(([7, 20, 30, 1], false))),
            (&[7, 20, 30, 3], Some(([7, 20, 30, 3], false))),
            (&[7, 3, 20, 30], Some(([7, 20, 30, 3], true))),
            (&[7, 1, 20, 30], Some(([7, 20, 30, 1], false))),
            (&[20, 1], None),
            (&[20], None),
            (&[7, 5, 20, 30], None),
            (&[0, 20, 30, 3], None),
            (&[20, 0, 3], None),
            (&[2, 7, 3, 20, 30], None),
        ] {
            assert_eq!(of(shape), expected, "{shape:?}");
        }
    }
}
