//! Least, greatest, sum and count of each column of a stream of numbers, in loops that become vector instructions.

use super::numeric::{Numeric, Total as _};

/// Numbers that are worked on at once. They fit into a first-level cache.
pub(super) const BLOCK: usize = 3072;

/// The statistics of one column, without its NaN and infinite numbers.
#[derive(Clone, Copy)]
pub(super) struct Column<T: Numeric> {
    pub(super) least: T,
    pub(super) greatest: T,
    pub(super) total: T::Total,
    pub(super) count: u64,
}

impl<T: Numeric> Column<T> {
    /// The statistics of several columns, or of parts of one, together.
    pub(super) fn join<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self {
            least: T::GREATEST,
            greatest: T::LEAST,
            total: T::Total::default(),
            count: 0,
        };
        for part in parts {
            whole.least = smaller(whole.least, part.least);
            whole.greatest = larger(whole.greatest, part.greatest);
            whole.total += part.total;
            whole.count += part.count;
        }
        whole
    }
}

/// The columns of a stream, such as x, y and z, whose numbers come in turns. There are eight columns at most.
pub(super) struct Columns<T: Numeric> {
    pub(super) each: Vec<Column<T>>,
    pub(super) nan: u64,
    pub(super) infinite: u64,
}

impl<T: Numeric> Columns<T> {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            each: vec![Column::join([]); columns],
            nan: 0,
            infinite: 0,
        }
    }

    /// The column of the number that comes after `before` others.
    pub(super) fn turn(&self, before: u64) -> usize {
        usize::try_from(before % self.each.len() as u64).unwrap_or_default()
    }

    /// Adds the statistics of another part of the stream.
    pub(super) fn merge(&mut self, other: &Self) {
        for (column, part) in self.each.iter_mut().zip(&other.each) {
            *column = Column::join([column, part]);
        }
        self.nan += other.nan;
        self.infinite += other.infinite;
    }

    /// Adds numbers, the first of which belongs to the column `first`.
    pub(super) fn add(&mut self, numbers: &[T], first: usize) {
        // The number of lanes is a multiple of the number of columns, so that each lane belongs to one column. With twelve
        // lanes, the compiler keeps least, greatest and sum in the sixteen vector registers that every x86-64 has.
        match self.each.len() {
            1 | 2 | 3 | 4 | 6 => self.add_by_lanes::<12>(numbers, first),
            8 => self.add_by_lanes::<8>(numbers, first),
            _ => self.add_each(numbers, first),
        }
    }

    fn add_by_lanes<const N: usize>(&mut self, numbers: &[T], first: usize) {
        let (rows, rest) = numbers.as_chunks::<N>();
        let lanes = Lanes::of(rows);
        if lanes.are_finite() {
            for lane in 0..N {
                let column = (first + lane) % self.each.len();
                let lane = lanes.column(lane, rows.len());
                self.each[column] = Column::join([&self.each[column], &lane]);
            }
        } else {
            self.add_each(rows.as_flattened(), first);
        }
        self.add_each(rest, first);
    }

    /// Adds each number by itself, which is a few times slower than by lanes.
    fn add_each(&mut self, numbers: &[T], first: usize) {
        let mut turn = first;
        for &number in numbers {
            let column = turn;
            turn = if turn + 1 == self.each.len() { 0 } else { turn + 1 };
            if number.is_nan() {
                self.nan += 1;
            } else if number.is_infinite() {
                self.infinite += 1;
            } else {
                let alone = Column {
                    least: number,
                    greatest: number,
                    total: number.widen().into(),
                    count: 1,
                };
                self.each[column] = Column::join([&self.each[column], &alone]);
            }
        }
    }
}

/// The statistics of lanes: every N-th number of a block belongs to the same lane.
struct Lanes<T: Numeric, const N: usize> {
    least: [T; N],
    greatest: [T; N],
    sum: [T::Sum; N],
}

impl<T: Numeric, const N: usize> Lanes<T, N> {
    fn of(rows: &[[T; N]]) -> Self {
        let mut lanes = Self {
            least: [T::GREATEST; N],
            greatest: [T::LEAST; N],
            sum: [T::Sum::default(); N],
        };
        for row in rows {
            for (lane, &number) in row.iter().enumerate() {
                lanes.least[lane] = smaller(number, lanes.least[lane]);
                lanes.greatest[lane] = larger(number, lanes.greatest[lane]);
                lanes.sum[lane] += number.widen();
            }
        }
        lanes
    }

    /// Whether all sums are finite. If so, all numbers are, because a sum with a NaN or infinite number is not finite.
    fn are_finite(&self) -> bool {
        self.sum.iter().all(|&sum| sum.into().is_finite())
    }

    fn column(&self, lane: usize, count: usize) -> Column<T> {
        Column {
            least: self.least[lane],
            greatest: self.greatest[lane],
            total: self.sum[lane].into(),
            count: count as u64,
        }
    }
}

/// The smaller number by one comparison, which is one vector instruction; `b` if one of them is NaN.
fn smaller<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}
