//! From an array's bytes to numbers: each element type is read as one of five types to calculate with.

use dcc_mcp_shm::Dtype;
use half::f16;
use half::slice::HalfFloatSliceExt as _;

use crate::number::Number;

/// How the bytes of an element type become numbers to calculate with, and those numbers to show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<T> {
    /// Appends the numbers of whole elements. A complex element is two: its real and its imaginary part.
    pub(crate) decode: fn(&[u8], &mut Vec<T>),
    pub(crate) number: fn(T) -> Number,
}

/// The reading of an element type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Elements {
    Singles(Reading<f32>),
    Doubles(Reading<f64>),
    /// Integers of up to 32 bits, and booleans.
    Small(Reading<i32>),
    Signed(Reading<i64>),
    Unsigned(Reading<u64>),
}

impl Elements {
    pub(crate) fn of(dtype: Dtype) -> Self {
        match dtype.typestr() {
            // Whatever is not 0 is true, as NumPy has it.
            "|b1" => Self::Small(Reading {
                decode: |from, to| each(from, to, |[byte]| i32::from(byte != 0)),
                number: |n| Number::Bool(n != 0),
            }),
            "|i1" => small(|from, to| each(from, to, |bytes| i8::from_le_bytes(bytes).into())),
            "|u1" => small(|from, to| each(from, to, |[byte]| byte.into())),
            "<i2" => small(|from, to| each(from, to, |bytes| i16::from_le_bytes(bytes).into())),
            ">i2" => small(|from, to| each(from, to, |bytes| i16::from_be_bytes(bytes).into())),
            "<u2" => small(|from, to| each(from, to, |bytes| u16::from_le_bytes(bytes).into())),
            ">u2" => small(|from, to| each(from, to, |bytes| u16::from_be_bytes(bytes).into())),
            "<i4" => small(|from, to| each(from, to, i32::from_le_bytes)),
            ">i4" => small(|from, to| each(from, to, i32::from_be_bytes)),
            "<u4" => signed(|from, to| each(from, to, |bytes| u32::from_le_bytes(bytes).into())),
            ">u4" => signed(|from, to| each(from, to, |bytes| u32::from_be_bytes(bytes).into())),
            "<i8" => signed(|from, to| each(from, to, i64::from_le_bytes)),
            ">i8" => signed(|from, to| each(from, to, i64::from_be_bytes)),
            "<u8" => unsigned(|from, to| each(from, to, u64::from_le_bytes)),
            ">u8" => unsigned(|from, to| each(from, to, u64::from_be_bytes)),
            "<f2" => singles(|from, to| halves(from, to, f16::from_le_bytes), Number::Half),
            ">f2" => singles(|from, to| halves(from, to, f16::from_be_bytes), Number::Half),
            "<f4" | "<c8" => singles(|from, to| each(from, to, f32::from_le_bytes), Number::Single),
            ">f4" | ">c8" => singles(|from, to| each(from, to, f32::from_be_bytes), Number::Single),
            "<f8" | "<c16" => doubles(|from, to| each(from, to, f64::from_le_bytes)),
            ">f8" | ">c16" => doubles(|from, to| each(from, to, f64::from_be_bytes)),
            other => unreachable!("{other} is none of the element types"),
        }
    }

    /// Whether there can be NaN and infinite numbers among them.
    pub(crate) fn are_floats(self) -> bool {
        matches!(self, Self::Singles(_) | Self::Doubles(_))
    }

    /// The numbers of whole elements, to be shown.
    pub(crate) fn numbers(self, bytes: &[u8]) -> Vec<Number> {
        match self {
            Self::Singles(reading) => reading.numbers(bytes),
            Self::Doubles(reading) => reading.numbers(bytes),
            Self::Small(reading) => reading.numbers(bytes),
            Self::Signed(reading) => reading.numbers(bytes),
            Self::Unsigned(reading) => reading.numbers(bytes),
        }
    }
}

impl<T> Reading<T> {
    fn numbers(self, bytes: &[u8]) -> Vec<Number> {
        let mut values = Vec::new();
        (self.decode)(bytes, &mut values);
        values.into_iter().map(self.number).collect()
    }
}

fn singles(decode: fn(&[u8], &mut Vec<f32>), number: fn(f32) -> Number) -> Elements {
    Elements::Singles(Reading { decode, number })
}

fn doubles(decode: fn(&[u8], &mut Vec<f64>)) -> Elements {
    let number = Number::Double;
    Elements::Doubles(Reading { decode, number })
}

fn small(decode: fn(&[u8], &mut Vec<i32>)) -> Elements {
    let number = |n: i32| Number::Integer(n.into());
    Elements::Small(Reading { decode, number })
}

fn signed(decode: fn(&[u8], &mut Vec<i64>)) -> Elements {
    let number = |n: i64| Number::Integer(n.into());
    Elements::Signed(Reading { decode, number })
}

fn unsigned(decode: fn(&[u8], &mut Vec<u64>)) -> Elements {
    let number = |n: u64| Number::Integer(n.into());
    Elements::Unsigned(Reading { decode, number })
}

fn each<T, const N: usize>(bytes: &[u8], numbers: &mut Vec<T>, read: impl Fn([u8; N]) -> T) {
    numbers.extend(bytes.as_chunks().0.iter().map(|&element| read(element)));
}

/// The processor converts many halves at once, if it can.
fn halves(bytes: &[u8], numbers: &mut Vec<f32>, read: impl Fn([u8; 2]) -> f16) {
    let mut halves = Vec::with_capacity(bytes.len() / 2);
    each(bytes, &mut halves, read);
    let start = numbers.len();
    numbers.resize(start + halves.len(), 0.0);
    halves.convert_to_f32_slice(&mut numbers[start..]);
}
