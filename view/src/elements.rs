//! From an array's bytes to numbers: each element type is read as one of five types to calculate with.

use std::convert::identity;

use dcc_mcp_shm::Dtype;

use crate::decode::{Decode, Stored, decode, each, halves, is_big_endian, parts};
use crate::number::Number;

/// How the bytes of an element type become numbers to calculate with, and how these become numbers to show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<T> {
    pub(crate) decode: Decode<T>,
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
        let big = is_big_endian(dtype);
        match Stored::of(dtype) {
            Stored::Bool => Self::Small(Reading {
                decode: |bytes, into| each(bytes, into, |[byte]| i32::from(byte != 0)),
                number: |n| Number::Bool(n != 0),
            }),
            Stored::I8 => small(decode!(big, i8, i32::from)),
            Stored::U8 => small(decode!(big, u8, i32::from)),
            Stored::I16 => small(decode!(big, i16, i32::from)),
            Stored::U16 => small(decode!(big, u16, i32::from)),
            Stored::I32 => small(decode!(big, i32, identity)),
            Stored::U32 => signed(decode!(big, u32, i64::from)),
            Stored::I64 => signed(decode!(big, i64, identity)),
            Stored::U64 => unsigned(decode!(big, u64, identity)),
            Stored::Half => singles(halves(big), Number::Half),
            Stored::Single | Stored::ComplexSingle => singles(decode!(big, f32, identity), Number::Single),
            Stored::Double | Stored::ComplexDouble => doubles(decode!(big, f64, identity)),
        }
    }

    /// Whether the numbers can be NaN or infinite.
    pub(crate) fn are_floats(self) -> bool {
        matches!(self, Self::Singles(_) | Self::Doubles(_))
    }
}

/// The numbers in the bytes of whole elements, to be shown.
pub(crate) fn numbers(dtype: Dtype, bytes: &[u8]) -> Vec<Number> {
    let count = bytes.len() / dtype.size() * parts(dtype);
    match Elements::of(dtype) {
        Elements::Singles(reading) => reading.numbers(bytes, count),
        Elements::Doubles(reading) => reading.numbers(bytes, count),
        Elements::Small(reading) => reading.numbers(bytes, count),
        Elements::Signed(reading) => reading.numbers(bytes, count),
        Elements::Unsigned(reading) => reading.numbers(bytes, count),
    }
}

impl<T: Clone + Default> Reading<T> {
    fn numbers(self, bytes: &[u8], count: usize) -> Vec<Number> {
        let mut values = vec![T::default(); count];
        (self.decode)(bytes, &mut values);
        values.into_iter().map(self.number).collect()
    }
}

fn singles(decode: Decode<f32>, number: fn(f32) -> Number) -> Elements {
    Elements::Singles(Reading { decode, number })
}

fn doubles(decode: Decode<f64>) -> Elements {
    let number = Number::Double;
    Elements::Doubles(Reading { decode, number })
}

fn small(decode: Decode<i32>) -> Elements {
    let number = |n: i32| Number::Integer(n.into());
    Elements::Small(Reading { decode, number })
}

fn signed(decode: Decode<i64>) -> Elements {
    let number = |n: i64| Number::Integer(n.into());
    Elements::Signed(Reading { decode, number })
}

fn unsigned(decode: Decode<u64>) -> Elements {
    let number = |n: u64| Number::Integer(n.into());
    Elements::Unsigned(Reading { decode, number })
}
