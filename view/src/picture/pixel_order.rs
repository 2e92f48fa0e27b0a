//! In which order the pixels of a raw picture lie, and whether their colours are multiplied by alpha.

use dcc_mcp_shm::{Attrs, Dtype};

use super::color::Transfer;
use crate::attributes;

/// What the attributes and the element type of a raw picture say of its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelOrder {
    /// Whether the first row is the one at the bottom.
    pub bottom_first: bool,
    /// Whether colours are multiplied by alpha.
    pub premultiplied: bool,
    /// Whether an attribute says so.
    is_alpha_stated: bool,
}

impl PixelOrder {
    /// The order of pixels of this element type. Without attributes the first row is the top one, and linear colours are
    /// multiplied by alpha.
    pub fn of(attrs: &Attrs, dtype: Dtype) -> Self {
        let is_float = dtype.typestr().as_bytes()[1] == b'f';
        let is_linear = Transfer::of(attributes::string(attrs, "colorSpace"), is_float) == Transfer::Linear;
        let stated = attributes::is_premultiplied(attrs);
        Self {
            bottom_first: attributes::is_bottom_first(attrs),
            premultiplied: stated.unwrap_or(is_linear),
            is_alpha_stated: stated.is_some(),
        }
    }

    /// The order of pixels in an image file.
    pub(crate) fn of_file(premultiplied: bool) -> Self {
        Self {
            bottom_first: false,
            premultiplied,
            is_alpha_stated: false,
        }
    }

    /// The order in words, of pixels that have this many channels.
    pub fn in_words(self, channels: u64) -> String {
        let row = if self.bottom_first { "bottom" } else { "top" };
        let alpha = match (channels, self.premultiplied) {
            (2 | 4, true) if self.is_alpha_stated => ", alpha premultiplied",
            // Without a word of it, linear colours are taken for premultiplied, as most programs write them.
            (2 | 4, true) => ", alpha taken for premultiplied",
            (2 | 4, false) => ", alpha straight",
            _ => "",
        };
        format!("the {row} row first{alpha}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_say_the_order_and_the_type_says_it_without_them() {
        for (attrs, dtype, expected) in [
            (json!({}), "<f4", "the top row first, alpha taken for premultiplied"),
            (
                json!({"premultipliedAlpha": true}),
                "<f4",
                "the top row first, alpha premultiplied",
            ),
            (json!({}), "|u1", "the top row first, alpha straight"),
            (
                json!({"firstRow": "bottom", "premultipliedAlpha": false}),
                "<f4",
                "the bottom row first, alpha straight",
            ),
            (
                json!({"firstRow": "Bottom-Left", "premultipliedAlpha": true}),
                "|u1",
                "the bottom row first, alpha premultiplied",
            ),
            (
                json!({"firstRow": "top", "colorSpace": "sRGB"}),
                "<f2",
                "the top row first, alpha straight",
            ),
            (
                json!({"colorSpace": "scene_linear"}),
                "<u2",
                "the top row first, alpha taken for premultiplied",
            ),
        ] {
            let order = PixelOrder::of(attrs.as_object().expect("an object"), dtype.parse().expect("a type"));
            assert_eq!(order.in_words(4), expected, "{attrs} {dtype}");
        }
        let order = PixelOrder::of(&Attrs::new(), Dtype::BYTE);
        assert_eq!(
            [1, 3].map(|channels| order.in_words(channels)),
            ["the top row first"; 2]
        );
    }
}
