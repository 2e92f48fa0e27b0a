//! How pixels are read for pictures: which element types are possible, and what numbers they become.

use dcc_mcp_shm::Dtype;

use crate::decode::{Decode, Stored, decode, each, halves, is_big_endian};

/// How to read the values of pixels that are light, where 1 is the largest integer; `None` for other types.
#[expect(clippy::cast_possible_truncation, reason = "pixels are shown, not measured")]
pub(super) fn intensities(dtype: Dtype) -> Option<Decode<f32>> {
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::Bool => |bytes, into| each(bytes, into, |[byte]| f32::from(u8::from(byte != 0))),
        Stored::U8 => decode!(big, u8, |byte| f32::from(byte) / 255.0),
        Stored::U16 => decode!(big, u16, |number| f32::from(number) / 65535.0),
        Stored::Half => halves(big),
        Stored::Single => decode!(big, f32, f32::from),
        // Doubles beyond what a single can be are no less finite for that.
        Stored::Double => decode!(big, f64, |real: f64| {
            let largest = f64::from(f32::MAX);
            if real.is_finite() {
                real.clamp(-largest, largest) as f32
            } else {
                real as f32
            }
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Clone + Default>(read: Option<Decode<T>>, bytes: &[u8], count: usize) -> Vec<T> {
        let mut into = vec![T::default(); count];
        read.expect("a type that is read")(bytes, &mut into);
        into
    }

    fn dtype(text: &str) -> Dtype {
        text.parse().expect("a type")
    }

    #[test]
    fn both_byte_orders_say_the_same() {
        let real = 1.5_f32;
        assert_eq!(read(intensities(dtype("<f4")), &real.to_le_bytes(), 1), [real]);
        assert_eq!(read(intensities(dtype(">f4")), &real.to_be_bytes(), 1), [real]);
        assert_eq!(read(intensities(dtype("<f2")), &[0x00, 0x3e], 1), [real]);
        assert_eq!(read(intensities(dtype(">f2")), &[0x3e, 0x00], 1), [real]);
        assert_eq!(read(intensities(dtype(">f8")), &1.5_f64.to_be_bytes(), 1), [real]);
        assert_eq!(read(intensities(dtype(">u2")), &[0xff, 0xff, 0, 0], 2), [1.0, 0.0]);
    }

    #[test]
    fn numbers_that_are_none_of_these_are_refused() {
        assert!(intensities(dtype("<c8")).is_none() && intensities(dtype("<i4")).is_none());
    }
}
