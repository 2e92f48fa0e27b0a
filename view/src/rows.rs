//! An array as rows of numbers, to be shown.

use dcc_mcp_shm::{DataReader, PlacedArray, Result};
use serde_json::Value;

use crate::elements;
use crate::memory;
use crate::number::Number;

/// Longest last axis that makes a row: a 4 × 4 matrix that was laid out flat.
const LONGEST_ROW: u64 = 16;
/// Bytes of memory for a number on its way to JSON: decoded (16), as a [`Number`], as a value (alone, in the list of a
/// complex element and in the list of a row, and each of the lists is a value itself), and as digits where JSON has no
/// such number (64).
const PER_NUMBER: usize = 16 + size_of::<Number>() + 5 * size_of::<Value>() + 64;

/// An array as rows. A row is what the last axis holds, such as x, y and z of a point; all other axes are counted
/// through in C order. If there is only one axis, or the last one is long, a row is one element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    array: &'a PlacedArray,
    /// Elements in a row.
    pub(crate) length: u64,
    /// Rows in the array.
    pub(crate) count: u64,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(array: &'a PlacedArray) -> Self {
        let length = match array.shape.as_slice() {
            [_, .., last @ 1..=LONGEST_ROW] => *last,
            _ => 1,
        };
        Self {
            array,
            length,
            count: array.size() / array.dtype.size() as u64 / length,
        }
    }

    /// Bytes of one row.
    fn width(&self) -> u64 {
        self.length * self.array.dtype.size() as u64
    }

    /// Up to `count` rows from `start` on as JSON. Each row is a list, or a number if it is one element. A complex
    /// element is the list of its parts.
    pub(crate) fn read(&self, reader: &DataReader, start: u64, count: u64) -> Result<Vec<Value>> {
        let count = count.min(self.count.saturating_sub(start));
        let len = usize::try_from(count * self.width()).unwrap_or(usize::MAX);
        let numbers = len.saturating_div(self.array.dtype.size()).saturating_mul(2);
        memory::expect(numbers.saturating_mul(PER_NUMBER))?;
        let mut bytes = memory::filled(len, 0)?;
        reader.read_at(self.array.offset + start.min(self.count) * self.width(), &mut bytes)?;
        let numbers = elements::numbers(self.array.dtype, &bytes);
        let mut values: Vec<Value> = numbers.into_iter().map(Number::to_json).collect();
        if self.array.dtype.is_complex() {
            values = grouped(&values, 2);
        }
        if self.length > 1 {
            values = grouped(&values, self.length);
        }
        Ok(values)
    }
}

fn grouped(values: &[Value], length: u64) -> Vec<Value> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    values.chunks(length).map(|group| group.to_vec().into()).collect()
}
