//! Rows of an array, as many as fit.

use dcc_mcp_shm::{DataReader, PlacedArray};

use super::{Format, Window, WindowRequest};
use crate::error::LookError;
use crate::rows::Rows;

/// Least bytes of output that a number takes: a digit, and what separates it from the next.
const SHORTEST_NUMBER: u64 = 2;

/// Bytes between two rows.
const SEPARATOR: usize = 2;

impl Window {
    pub(super) fn of_rows(
        reader: &DataReader,
        name: &str,
        array: &PlacedArray,
        wanted: &WindowRequest,
    ) -> Result<Self, LookError> {
        let rows = Rows::of(array);
        let left = wanted.left(rows.count, "rows")?;
        let fit = (wanted.limit as u64 / SHORTEST_NUMBER / rows.length).max(1);
        let mut found = rows.read(reader, wanted.start, wanted.count.min(left).min(fit))?;
        let sizes = found.iter().map(|row| row.to_string().len() + SEPARATOR);
        let ends = sizes.scan(0, |end, size| {
            *end += size;
            Some(*end)
        });
        // At least one row, so that each window leads further.
        let count = ends.take_while(|&end| end <= wanted.limit).count().max(1);
        found.truncate(count);
        let mut window = Self::new(Some(name), Format::Rows, wanted.start, found.len() as u64, rows.count);
        window.rows = Some(found);
        Ok(window)
    }
}
