//! How arrays are read for pictures: which element types are possible, and what numbers they become.

use dcc_mcp_shm::Dtype;

use crate::decode::{Decode, Stored, decode, each, halves, is_big_endian};

/// How to read coordinates; `None` for types that are not floating point.
#[expect(clippy::cast_possible_truncation, reason = "positions are drawn, not measured")]
pub(super) fn reals(dtype: Dtype) -> Option<Decode<f32>> {
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::Half => halves(big),
        Stored::Single => decode!(big, f32, f32::from),
        Stored::Double => decode!(big, f64, |real| real as f32),
        _ => return None,
    })
}

/// How to read the values of pixels, where 1 is the largest integer; `None` for types that pixels do not have.
pub(super) fn intensities(dtype: Dtype) -> Option<Decode<f32>> {
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::Bool => |bytes, into| each(bytes, into, |[byte]| f32::from(u8::from(byte != 0))),
        Stored::U8 => decode!(big, u8, |byte| f32::from(byte) / 255.0),
        Stored::U16 => decode!(big, u16, |number| f32::from(number) / 65535.0),
        _ => return reals(dtype),
    })
}

/// How to read indices and sizes. A number that does not fit into 32 bits becomes `u32::MAX`, which no mesh here has room for.
pub(super) fn indices(dtype: Dtype) -> Option<Decode<u32>> {
    fn index(number: impl TryInto<u32>) -> u32 {
        number.try_into().unwrap_or(u32::MAX)
    }
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::U8 => decode!(big, u8, u32::from),
        Stored::I16 => decode!(big, i16, index),
        Stored::U16 => decode!(big, u16, u32::from),
        Stored::I32 => decode!(big, i32, index),
        Stored::U32 => decode!(big, u32, u32::from),
        Stored::I64 => decode!(big, i64, index),
        Stored::U64 => decode!(big, u64, index),
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
        assert_eq!(read(reals(dtype("<f4")), &real.to_le_bytes(), 1), [real]);
        assert_eq!(read(reals(dtype(">f4")), &real.to_be_bytes(), 1), [real]);
        assert_eq!(read(reals(dtype("<f2")), &[0x00, 0x3e], 1), [real]);
        assert_eq!(read(reals(dtype(">f2")), &[0x3e, 0x00], 1), [real]);
        assert_eq!(read(reals(dtype(">f8")), &1.5_f64.to_be_bytes(), 1), [real]);
        assert_eq!(read(intensities(dtype(">u2")), &[0xff, 0xff, 0, 0], 2), [1.0, 0.0]);
    }

    #[test]
    fn what_is_no_index_is_none_of_a_mesh() {
        assert_eq!(read(indices(dtype("<i4")), &(-1_i32).to_le_bytes(), 1), [u32::MAX]);
        assert_eq!(read(indices(dtype("<u8")), &(1_u64 << 40).to_le_bytes(), 1), [u32::MAX]);
        assert_eq!(read(indices(dtype(">i8")), &7_i64.to_be_bytes(), 1), [7]);
    }

    #[test]
    fn numbers_that_are_none_of_these_are_refused() {
        assert!(intensities(dtype("<c8")).is_none() && intensities(dtype("<i4")).is_none());
        assert!(reals(dtype("|u1")).is_none() && indices(dtype("<f4")).is_none());
    }
}
