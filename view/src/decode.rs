//! The bytes of an array as numbers: which types there are, and how each is read in both byte orders.

use dcc_mcp_shm::Dtype;
use half::f16;
use half::slice::HalfFloatSliceExt as _;

/// Fills a slice with the numbers that bytes stand for, until either of them ends.
pub(crate) type Decode<T> = fn(&[u8], &mut [T]);

/// How one number is stored. An element of a complex type is two numbers: its real and its imaginary part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Every byte but 0 is true, as in NumPy.
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    Half,
    Single,
    Double,
    /// Single precision, as a part of a complex number.
    ComplexSingle,
    /// Double precision, as a part of a complex number.
    ComplexDouble,
}

impl Stored {
    pub(crate) fn of(dtype: Dtype) -> Self {
        match &dtype.typestr()[1..] {
            "b1" => Self::Bool,
            "i1" => Self::I8,
            "u1" => Self::U8,
            "i2" => Self::I16,
            "u2" => Self::U16,
            "i4" => Self::I32,
            "u4" => Self::U32,
            "i8" => Self::I64,
            "u8" => Self::U64,
            "f2" => Self::Half,
            "f4" => Self::Single,
            "f8" => Self::Double,
            "c8" => Self::ComplexSingle,
            "c16" => Self::ComplexDouble,
            other => unreachable!("{other} is none of the element types"),
        }
    }
}

/// Whether the first byte of a number is the most significant one.
pub(crate) fn is_big_endian(dtype: Dtype) -> bool {
    dtype.typestr().starts_with('>')
}

/// How many numbers an element consists of.
pub(crate) fn parts(dtype: Dtype) -> usize {
    if dtype.is_complex() { 2 } else { 1 }
}

/// A [`Decode`] that reads numbers of a native type and converts each of them with `$make`.
macro_rules! decode {
    ($is_big_endian:expr, $native:ty, $make:expr) => {
        if $is_big_endian {
            |bytes, into| crate::decode::each(bytes, into, |number| $make(<$native>::from_be_bytes(number)))
        } else {
            |bytes, into| crate::decode::each(bytes, into, |number| $make(<$native>::from_le_bytes(number)))
        }
    };
}
pub(crate) use decode;

/// Calls `read` for each number; inlined, so that a loop over a native type becomes vector instructions.
#[inline]
pub(crate) fn each<T, const N: usize>(bytes: &[u8], into: &mut [T], read: impl Fn([u8; N]) -> T) {
    for (bytes, into) in bytes.as_chunks().0.iter().zip(into) {
        *into = read(*bytes);
    }
}

/// Half precision as single precision. The processor converts many at once, if it can.
pub(crate) fn halves(is_big_endian: bool) -> Decode<f32> {
    fn convert(bytes: &[u8], into: &mut [f32], read: fn(&[u8], &mut [f16])) {
        const TOGETHER: usize = 1024;
        let mut halves = [f16::ZERO; TOGETHER];
        for (bytes, into) in bytes.chunks(2 * TOGETHER).zip(into.chunks_mut(TOGETHER)) {
            let halves = &mut halves[..into.len()];
            read(bytes, halves);
            halves.convert_to_f32_slice(into);
        }
    }
    if is_big_endian {
        |bytes, into| convert(bytes, into, |bytes, into| each(bytes, into, f16::from_be_bytes))
    } else {
        |bytes, into| convert(bytes, into, |bytes, into| each(bytes, into, f16::from_le_bytes))
    }
}
