//! The elements of an array as numbers: how the bytes of each type are read.

use dcc_mcp_shm::Dtype;
use half::f16;

/// Reads as many elements as `into` has room for from the bytes in front of them.
pub(super) type Read<T> = fn(bytes: &[u8], into: &mut [T]);

/// An element type in native code: `$size` bytes, made into a `$to` by `$make`.
macro_rules! read {
    ($number:ty, $from:ident, $size:literal, $make:expr) => {
        |bytes, into| {
            for (bytes, into) in bytes.as_chunks::<$size>().0.iter().zip(into) {
                *into = $make(<$number>::$from(*bytes));
            }
        }
    };
}

/// How to read coordinates.
#[expect(clippy::cast_possible_truncation, reason = "positions are drawn, not measured")]
pub(super) fn reals(dtype: Dtype) -> Option<Read<f32>> {
    Some(match dtype.typestr() {
        "<f2" => read!(f16, from_le_bytes, 2, f16::to_f32),
        ">f2" => read!(f16, from_be_bytes, 2, f16::to_f32),
        "<f4" => read!(f32, from_le_bytes, 4, f32::from),
        ">f4" => read!(f32, from_be_bytes, 4, f32::from),
        "<f8" => read!(f64, from_le_bytes, 8, |real| real as f32),
        ">f8" => read!(f64, from_be_bytes, 8, |real| real as f32),
        _ => return None,
    })
}

/// How to read the values of pixels, where 1 is the largest integer.
pub(super) fn intensities(dtype: Dtype) -> Option<Read<f32>> {
    Some(match dtype.typestr() {
        "|b1" => read!(u8, from_le_bytes, 1, |byte| f32::from(u8::from(byte != 0))),
        "|u1" => read!(u8, from_le_bytes, 1, |byte| f32::from(byte) / 255.0),
        "<u2" => read!(u16, from_le_bytes, 2, |number| f32::from(number) / 65535.0),
        ">u2" => read!(u16, from_be_bytes, 2, |number| f32::from(number) / 65535.0),
        _ => return reals(dtype),
    })
}

/// How to read indices and sizes. What does not fit into 32 bits is `u32::MAX`, which no mesh here has room for.
pub(super) fn indices(dtype: Dtype) -> Option<Read<u32>> {
    fn index(number: impl TryInto<u32>) -> u32 {
        number.try_into().unwrap_or(u32::MAX)
    }
    Some(match dtype.typestr() {
        "|u1" => read!(u8, from_le_bytes, 1, u32::from),
        "<i2" => read!(i16, from_le_bytes, 2, index),
        ">i2" => read!(i16, from_be_bytes, 2, index),
        "<u2" => read!(u16, from_le_bytes, 2, u32::from),
        ">u2" => read!(u16, from_be_bytes, 2, u32::from),
        "<i4" => read!(i32, from_le_bytes, 4, index),
        ">i4" => read!(i32, from_be_bytes, 4, index),
        "<u4" => read!(u32, from_le_bytes, 4, u32::from),
        ">u4" => read!(u32, from_be_bytes, 4, u32::from),
        "<i8" => read!(i64, from_le_bytes, 8, index),
        ">i8" => read!(i64, from_be_bytes, 8, index),
        "<u8" => read!(u64, from_le_bytes, 8, index),
        ">u8" => read!(u64, from_be_bytes, 8, index),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Clone + Default>(read: Option<Read<T>>, bytes: &[u8], count: usize) -> Vec<T> {
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
