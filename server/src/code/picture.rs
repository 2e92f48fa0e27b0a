//! Whether a buffer holds a picture, and in which order its pixels lie.

use dcc_mcp_shm::{Descriptor, Dtype, SceneDataKind};
use dcc_mcp_shm_view::PixelOrder;
use serde_json::Value;

/// Whether the data is that of a picture that Blender takes, as far as a descriptor tells.
pub(super) fn is_picture(descriptor: &Descriptor) -> bool {
    let Some(pixels) = descriptor.arrays.get("pixels") else {
        // Its bytes are pixels, if it says their size.
        return descriptor.kind == SceneDataKind::Screenshot
            && descriptor.arrays.is_empty()
            && ["width", "height"]
                .iter()
                .all(|edge| descriptor.attrs.contains_key(*edge));
    };
    let is_number = pixels.dtype == Dtype::BYTE || pixels.dtype.typestr().as_bytes()[1] == b'f';
    is_number && !pixels.shape.contains(&0) && matches!(pixels.shape[..], [_, _] | [_, _, 1 | 3 | 4])
}

/// The array that holds a picture, `data` for a picture without arrays, and in which order its pixels lie: which row is
/// first, and whether colours are multiplied by alpha. `None` if the data is no picture, as far as a descriptor tells.
pub(super) fn pixels(descriptor: &Descriptor) -> Option<(&str, String)> {
    let attrs = &descriptor.attrs;
    let (name, dtype, channels) = match descriptor.arrays.get_key_value("pixels") {
        Some((name, array)) if matches!(array.shape.len(), 2 | 3) => {
            (name.as_str(), array.dtype, array.shape.get(2).copied().unwrap_or(1))
        }
        None if is_picture(descriptor) => {
            let dtype = attrs
                .get("dtype")
                .and_then(Value::as_str)
                .and_then(|dtype| Dtype::named(dtype).ok());
            // As the format has it: RGBA bytes unless something else is said.
            let channels = attrs.get("channels").and_then(Value::as_u64).unwrap_or(4);
            ("data", dtype.unwrap_or(Dtype::BYTE), channels)
        }
        _ => return None,
    };
    let order = PixelOrder::of(attrs, dtype);
    Some((name, order.in_words(channels)))
}
