//! Statistics of an array's numbers, from one pass over its bytes in bounded memory, on all cores.

mod columns;
mod numeric;
#[cfg(test)]
mod tests;

use dcc_mcp_shm::{Dtype, cores, share_out};

use self::columns::{BLOCK, Column, Columns};
use self::numeric::{Numeric, Total as _};
use crate::decode::parts;
use crate::elements::{Elements, Reading};
use crate::error::LookError;
use crate::memory;
use crate::number::{Number, rounded};

/// Fills bytes from an offset of the array on.
pub(crate) type Read<'a> = dyn Fn(u64, &mut [u8]) -> Result<(), LookError> + Sync + 'a;

/// The bytes of an array, and how to read them.
pub(crate) struct Stream<'a> {
    pub(crate) dtype: Dtype,
    /// How many elements belong together, such as x, y and z: four at most.
    pub(crate) components: usize,
    pub(crate) size: u64,
    /// How many bytes each thread reads at once; a multiple of 16.
    pub(crate) piece: u64,
    pub(crate) read: &'a Read<'a>,
}

/// The statistics of an array's numbers.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Each component by itself. A complex component counts as two: its real and its imaginary part.
    pub(crate) components: Vec<Component>,
    pub(crate) nan: u64,
    pub(crate) infinite: u64,
}

/// The finite numbers of a component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    /// Least and greatest number; `None` if there are no numbers.
    pub(crate) bounds: Option<(Number, Number)>,
    /// `None` if there are no numbers, or if their sum exceeds what a double can be.
    pub(crate) mean: Option<f64>,
    /// The sum, exact for integers; `None` if it exceeds what a double can be.
    pub(crate) sum: Option<Number>,
}

impl Stream<'_> {
    /// Looks at all numbers.
    pub(crate) fn summarise(&self) -> Result<Summary, LookError> {
        match Elements::of(self.dtype) {
            Elements::Singles(reading) => self.summarise_as(reading),
            Elements::Doubles(reading) => self.summarise_as(reading),
            Elements::Small(reading) => self.summarise_as(reading),
            Elements::Signed(reading) => self.summarise_as(reading),
            Elements::Unsigned(reading) => self.summarise_as(reading),
        }
    }

    fn summarise_as<T: Numeric>(&self, reading: Reading<T>) -> Result<Summary, LookError> {
        let pieces = self.size.div_ceil(self.piece);
        let share = pieces.div_ceil(cores() as u64).max(1) * self.piece;
        let shares = usize::try_from(self.size.div_ceil(share)).unwrap_or(usize::MAX);
        let parts = share_out(shares, |n| {
            let start = n as u64 * share;
            self.add(reading, start, self.size.min(start + share))
        })?;
        // Parts are joined in the order of the data, so that the same data has the same mean to the last digit.
        let columns = parts.into_iter().reduce(|mut whole, part| {
            whole.merge(&part);
            whole
        });
        let columns = columns.expect("this thread has a share");
        let component = |column| Component::of(column, reading.number);
        Ok(Summary {
            components: columns.each.iter().map(component).collect(),
            nan: columns.nan,
            infinite: columns.infinite,
        })
    }

    /// The statistics of the numbers from byte `start` to before byte `end`. A number must begin at `start`.
    fn add<T: Numeric>(&self, reading: Reading<T>, start: u64, end: u64) -> Result<Columns<T>, LookError> {
        let parts = parts(self.dtype);
        let width = self.dtype.size() / parts;
        let mut columns = Columns::new(self.components * parts);
        let mut numbers = [T::LEAST; BLOCK];
        let piece = self.piece.min(end.saturating_sub(start));
        let mut bytes = memory::filled(usize::try_from(piece).unwrap_or(usize::MAX), 0)?;
        let mut at = start;
        while at < end {
            let len = self.piece.min(end - at);
            let bytes = &mut bytes[..usize::try_from(len).unwrap_or(usize::MAX)];
            (self.read)(at, bytes)?;
            let mut first = columns.turn(at / width as u64);
            for block in bytes.chunks(BLOCK * width) {
                let numbers = &mut numbers[..block.len() / width];
                (reading.decode)(block, numbers);
                columns.add(numbers, first);
                first = columns.turn((first + numbers.len()) as u64);
            }
            at += len;
        }
        Ok(columns)
    }
}

impl Component {
    #[expect(clippy::cast_precision_loss, reason = "a mean is rounded anyway")]
    fn of<T: Numeric>(column: &Column<T>, number: fn(T) -> Number) -> Self {
        let found = column.count > 0;
        let mean = column.total.as_float() / column.count as f64;
        Self {
            bounds: found.then(|| (number(column.least), number(column.greatest))),
            mean: Some(rounded(mean)).filter(|_| found && column.total.is_finite()),
            sum: match column.total.exact() {
                Some(sum) => Some(Number::Integer(sum)),
                None => Some(Number::Double(column.total.as_float())).filter(|_| column.total.is_finite()),
            },
        }
    }
}
