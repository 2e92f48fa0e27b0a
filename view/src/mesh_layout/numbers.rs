//! How the numbers of a mesh are read: coordinates as doubles, indices and sizes as `u32`.

use std::convert::identity;

use dcc_mcp_shm::Dtype;
use half::f16;

use crate::decode::{Decode, Stored, decode, is_big_endian};

/// How to read coordinates; `None` for types that no coordinates have.
#[expect(
    clippy::cast_precision_loss,
    reason = "coordinates beyond 2^53 are drawn, not counted"
)]
pub(super) fn coordinates(dtype: Dtype) -> Option<Decode<f64>> {
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::Half => decode!(big, u16, |bits| f64::from(f16::from_bits(bits))),
        Stored::Single => decode!(big, f32, f64::from),
        Stored::Double => decode!(big, f64, identity),
        Stored::I8 => decode!(big, i8, f64::from),
        Stored::U8 => decode!(big, u8, f64::from),
        Stored::I16 => decode!(big, i16, f64::from),
        Stored::U16 => decode!(big, u16, f64::from),
        Stored::I32 => decode!(big, i32, f64::from),
        Stored::U32 => decode!(big, u32, f64::from),
        Stored::I64 => decode!(big, i64, |number| number as f64),
        Stored::U64 => decode!(big, u64, |number| number as f64),
        Stored::Bool | Stored::ComplexSingle | Stored::ComplexDouble => return None,
    })
}

/// How to read indices and sizes; `None` for types that they do not have. A number that does not fit into 32 bits or is
/// not whole becomes `u32::MAX`, which no mesh here has room for.
pub(super) fn indices(dtype: Dtype) -> Option<Decode<u32>> {
    fn index(number: impl TryInto<u32>) -> u32 {
        number.try_into().unwrap_or(u32::MAX)
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number that fits"
    )]
    fn whole(number: f64) -> u32 {
        let fits = number.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&number);
        if fits { number as u32 } else { u32::MAX }
    }
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::I8 => decode!(big, i8, index),
        Stored::U8 => decode!(big, u8, u32::from),
        Stored::I16 => decode!(big, i16, index),
        Stored::U16 => decode!(big, u16, u32::from),
        Stored::I32 => decode!(big, i32, index),
        Stored::U32 => decode!(big, u32, u32::from),
        Stored::I64 => decode!(big, i64, index),
        Stored::U64 => decode!(big, u64, index),
        Stored::Half => decode!(big, u16, |bits| whole(f16::from_bits(bits).into())),
        Stored::Single => decode!(big, f32, |number: f32| whole(number.into())),
        Stored::Double => decode!(big, f64, whole),
        Stored::Bool | Stored::ComplexSingle | Stored::ComplexDouble => return None,
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
    fn every_type_and_byte_order_of_a_number_says_the_same() {
        let cases: [(&str, Vec<u8>); 20] = [
            ("|i1", vec![7]),
            ("|u1", vec![7]),
            ("<i2", 7_i16.to_le_bytes().into()),
            (">i2", 7_i16.to_be_bytes().into()),
            ("<u2", 7_u16.to_le_bytes().into()),
            (">u2", 7_u16.to_be_bytes().into()),
            ("<i4", 7_i32.to_le_bytes().into()),
            (">i4", 7_i32.to_be_bytes().into()),
            ("<u4", 7_u32.to_le_bytes().into()),
            (">u4", 7_u32.to_be_bytes().into()),
            ("<i8", 7_i64.to_le_bytes().into()),
            (">i8", 7_i64.to_be_bytes().into()),
            ("<u8", 7_u64.to_le_bytes().into()),
            (">u8", 7_u64.to_be_bytes().into()),
            ("<f2", f16::from_f32(7.0).to_le_bytes().into()),
            (">f2", f16::from_f32(7.0).to_be_bytes().into()),
            ("<f4", 7_f32.to_le_bytes().into()),
            (">f4", 7_f32.to_be_bytes().into()),
            ("<f8", 7_f64.to_le_bytes().into()),
            (">f8", 7_f64.to_be_bytes().into()),
        ];
        for (name, bytes) in cases {
            assert_eq!(read(indices(dtype(name)), &bytes, 1), [7], "{name}");
            assert_eq!(read(coordinates(dtype(name)), &bytes, 1), [7.0], "{name}");
        }
    }

    #[test]
    fn what_is_no_index_is_none_of_a_mesh() {
        assert_eq!(read(indices(dtype("<i4")), &(-1_i32).to_le_bytes(), 1), [u32::MAX]);
        assert_eq!(read(indices(dtype("|i1")), &(-1_i8).to_le_bytes(), 1), [u32::MAX]);
        assert_eq!(read(indices(dtype("<u8")), &(1_u64 << 40).to_le_bytes(), 1), [u32::MAX]);
        for number in [-1.0, 0.5, f64::NAN, f64::INFINITY, 4e9 * 4.0] {
            assert_eq!(
                read(indices(dtype("<f8")), &number.to_le_bytes(), 1),
                [u32::MAX],
                "{number}"
            );
        }
    }

    #[test]
    fn numbers_that_are_none_of_these_are_refused() {
        for name in ["|b1", "<c8", "<c16"] {
            assert!(
                indices(dtype(name)).is_none() && coordinates(dtype(name)).is_none(),
                "{name}"
            );
        }
    }
}
