//! What whole numbers of pixels are: light as bytes are, fewer bits than the type has, a measure, or ids.

use std::collections::HashMap;

use dcc_mcp_shm::{Dtype, Error};

use crate::decode::{Decode, Stored, decode, is_big_endian};
use crate::memory;

/// Most different numbers that are counted one by one: all of 16 bits.
const COUNTED: usize = 1 << 16;
/// Memory that counting one of them takes, at most.
const PER_COUNT: usize = 64;
/// Most pairs of neighbours that are compared.
const COMPARED: usize = 4096;
/// Bytes that are all smaller than this would be seen as black.
const DARK_BYTES: i64 = 64;
/// Least number of different ids. Two make a mask.
const LEAST_IDS: usize = 3;
/// Numbers that fill areas are ids if there are no more than this, and else if neighbours differ by leaps.
const FEW_IDS: usize = 64;

/// What the numbers of an array stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// The largest number of the type is white.
    Usual,
    /// The numbers have fewer bits than the type: these are white, and where alpha is full.
    Bits { white: i64, full: i64 },
    /// A measure, from this number on. Alpha is full at `full`.
    Measure { least: i64, full: i64 },
    /// Each number stands for another thing.
    Ids,
}

/// How to read whole numbers, if a type has them; those beyond 63 bits become the largest.
pub(super) fn integers(dtype: Dtype) -> Option<Decode<i64>> {
    let big = is_big_endian(dtype);
    Some(match Stored::of(dtype) {
        Stored::I8 => decode!(big, i8, i64::from),
        Stored::U8 => decode!(big, u8, i64::from),
        Stored::I16 => decode!(big, i16, i64::from),
        Stored::U16 => decode!(big, u16, i64::from),
        Stored::I32 => decode!(big, i32, i64::from),
        Stored::U32 => decode!(big, u32, i64::from),
        Stored::I64 => decode!(big, i64, std::convert::identity),
        Stored::U64 => decode!(big, u64, |number| i64::try_from(number).unwrap_or(i64::MAX)),
        _ => return None,
    })
}

/// The look at rows that tells what their numbers stand for.
pub(super) struct Survey {
    channels: usize,
    least: i64,
    greatest: i64,
    full: i64,
    /// For each number, how many pixels have it, and how many of these have the same number to the right and below.
    counts: HashMap<i64, [u64; 2]>,
    is_crowded: bool,
    /// Pairs of neighbours that differ, and those that differ by little.
    steps: Vec<u64>,
    before: Vec<i64>,
}

impl Survey {
    pub(super) fn new(channels: usize) -> Result<Self, Error> {
        memory::expect(COUNTED * PER_COUNT)?;
        Ok(Self {
            channels,
            least: i64::MAX,
            greatest: i64::MIN,
            full: 0,
            counts: HashMap::new(),
            is_crowded: false,
            steps: Vec::new(),
            before: Vec::new(),
        })
    }

    /// Adds a row. If `follows`, it is the one below the row that was added before.
    pub(super) fn add(&mut self, row: &[i64], follows: bool) {
        let colors = match self.channels {
            channels @ (2 | 4) => channels - 1,
            channels => channels,
        };
        for pixel in row.chunks_exact(self.channels) {
            for &value in &pixel[..colors] {
                self.least = self.least.min(value);
                self.greatest = self.greatest.max(value);
            }
            if colors < self.channels {
                self.full = self.full.max(pixel[colors]);
            }
        }
        if self.channels == 1 && !self.is_crowded {
            self.count(row, follows);
        }
    }

    fn count(&mut self, row: &[i64], follows: bool) {
        let below = if follows { row } else { &[][..] };
        for (x, &number) in self.before.iter().enumerate() {
            let right = self.before.get(x + 1).copied().unwrap_or(number);
            let is_inner = right == number && below.get(x) == Some(&number);
            let count = self.counts.entry(number).or_default();
            count[0] += 1;
            count[1] += u64::from(is_inner);
            let step = number.abs_diff(right);
            if step > 0 && self.steps.len() < COMPARED {
                self.steps.push(step);
            }
        }
        self.is_crowded = self.counts.len() > COUNTED;
        self.before.clear();
        self.before.extend_from_slice(row);
    }

    pub(super) fn meaning(mut self, dtype: Dtype, is_named_ids: bool) -> Meaning {
        // The last row has none below it.
        self.count(&[], false);
        let (least, greatest) = (self.least.min(self.greatest), self.greatest);
        let most = match Stored::of(dtype) {
            Stored::U8 => Some(i64::from(u8::MAX)),
            Stored::U16 => Some(i64::from(u16::MAX)),
            _ => None,
        };
        let is_byte = Stored::of(dtype) == Stored::U8;
        let is_dark = match most {
            _ if is_byte => greatest < DARK_BYTES,
            Some(most) => self.usual_most() <= most / 4,
            None => false,
        };
        let full = if self.full > 0 { bits(self.full) } else { 1 };
        let may_be_ids = self.channels == 1 && (!is_byte || greatest < DARK_BYTES);
        match most {
            _ if may_be_ids && (is_named_ids || self.are_ids()) => Meaning::Ids,
            Some(_) if is_byte && (self.channels > 1 || !is_dark) => Meaning::Usual,
            Some(_) if self.channels > 1 && greatest > 0 && is_dark => Meaning::Bits {
                white: bits(greatest),
                full,
            },
            Some(_) if !is_dark || greatest <= 0 => Meaning::Usual,
            _ => Meaning::Measure { least, full },
        }
    }

    /// The number that hardly any pixel exceeds, except for those of a background.
    fn usual_most(&self) -> i64 {
        if self.channels > 1 || self.is_crowded || self.counts.len() < 2 {
            return self.greatest;
        }
        let mut numbers: Vec<(i64, u64)> = self.counts.iter().map(|(number, count)| (*number, count[0])).collect();
        numbers.sort_unstable();
        let rest = &numbers[..numbers.len() - 1];
        let all: u64 = rest.iter().map(|(_, count)| count).sum();
        let mut seen = 0;
        let most = rest.iter().find(|(_, count)| {
            seen += count;
            seen * 100 >= all * 99
        });
        most.map_or(self.greatest, |(number, _)| *number)
    }

    /// Whether numbers fill areas and change by leaps, as ids do.
    fn are_ids(&self) -> bool {
        if self.is_crowded || self.counts.len() < LEAST_IDS {
            return false;
        }
        // The most common number may be a background, which says nothing.
        let usual = self
            .counts
            .iter()
            .max_by_key(|(_, count)| count[0])
            .map(|(number, _)| *number);
        let others = self.counts.iter().filter(|(number, _)| Some(**number) != usual);
        let [all, inner] = others.fold([0, 0], |[all, inner], (_, count)| [all + count[0], inner + count[1]]);
        let small = self.greatest.abs_diff(self.least) / 100;
        let leaps = self.steps.iter().filter(|&&step| step > small).count();
        let are_few = self.counts.len() <= FEW_IDS;
        all > 0 && inner * 2 >= all && (are_few || leaps * 2 >= self.steps.len())
    }
}

/// The largest number that has as many bits.
fn bits(number: i64) -> i64 {
    match u64::try_from(number) {
        Ok(number) => i64::try_from((number.saturating_add(1)).next_power_of_two() - 1).unwrap_or(i64::MAX),
        Err(_) => 1,
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_wrap, reason = "small numbers")]
mod tests {
    use super::*;

    fn meaning(dtype: &str, width: usize, channels: usize, value: impl Fn(usize, usize) -> i64) -> Meaning {
        let mut survey = Survey::new(channels).expect("memory");
        for y in 0..40 {
            let row: Vec<i64> = (0..width * channels).map(|x| value(x, y)).collect();
            survey.add(&row, y > 0);
        }
        survey.meaning(dtype.parse().expect("a type"), false)
    }

    #[test]
    fn ids_are_told_from_measures_and_light() {
        // Areas, with numbers small and large.
        for factor in [1, 1_000, 1_234_567_891] {
            for dtype in ["<u4", "<i8", "<i4"] {
                let area = |x: usize, y: usize| (x / 10 * 3 + y / 10 * 5) as i64 % 7 * factor;
                assert_eq!(meaning(dtype, 40, 1, area), Meaning::Ids, "{dtype} {factor}");
            }
        }
        let area = |x: usize, y: usize| (x / 10 * 3 + y / 10 * 5) as i64 % 7;
        assert_eq!(meaning("<u2", 40, 1, area), Meaning::Ids);
        assert_eq!(meaning("|u1", 40, 1, area), Meaning::Ids);
        let ramp = |x: usize, y: usize| (x + y) as i64 * 20;
        assert_eq!(meaning("<u2", 40, 1, ramp), Meaning::Measure { least: 0, full: 1 });
        // A flat wall, and a background.
        let wall = |x: usize, y: usize| if x < 4 { 65_535 } else { 800 + y as i64 / 8 + x as i64 };
        assert_eq!(meaning("<u2", 40, 1, wall), Meaning::Measure { least: 804, full: 1 });
        assert_eq!(meaning("<u2", 40, 1, |x, _| x as i64 * 1600), Meaning::Usual);
        assert_eq!(meaning("|u1", 40, 1, |x, _| x as i64 * 6), Meaning::Usual);
        assert_eq!(meaning("|u1", 40, 3, |_, _| 5), Meaning::Usual);
        let bits = Meaning::Bits {
            white: 4095,
            full: 4095,
        };
        assert_eq!(
            meaning("<u2", 40, 4, |x, _| if x % 4 == 3 { 4095 } else { x as i64 * 18 }),
            bits
        );
        assert_eq!(
            meaning("<i2", 40, 1, |x, y| (x * y) as i64 - 500),
            Meaning::Measure { least: -500, full: 1 }
        );
    }
}
