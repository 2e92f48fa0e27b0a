//! Which of an image's values carry what is to be seen: neither a constant background far beyond the rest, nor a few
//! outliers.

use dcc_mcp_shm::Error;

use crate::memory;

/// Most pixels whose values are kept to find that out.
const KEPT: usize = 1 << 14;
/// A background takes up at least one pixel in this many.
const BACKGROUND_SHARE: usize = 200;
/// The outermost parts of the values that are left out if there are outliers: one value in this many on each side.
const OUTERMOST: usize = 100;
/// Values have outliers if all of them reach this many times as far as most of them.
const OUTLYING: f32 = 4.0;

/// The values of some of the pixels that are added, evenly spaced among them.
pub(super) struct Levels {
    kept: Vec<[f32; 3]>,
    /// One pixel in this many is kept.
    step: u64,
    added: u64,
}

/// What is to be seen of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) low: f32,
    pub(super) high: f32,
    pub(super) median: f32,
    /// A value far beyond all others that many pixels have.
    pub(super) background: Option<f32>,
    /// Whether a few of the other values lie outside.
    pub(super) has_outliers: bool,
}

impl Levels {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            kept: memory::with_room(KEPT)?,
            step: 1,
            added: 0,
        })
    }

    /// Adds the finite values of a pixel.
    #[inline]
    pub(super) fn add(&mut self, color: [f32; 3]) {
        if self.added & (self.step - 1) == 0 {
            self.keep(color);
        }
        self.added += 1;
    }

    fn keep(&mut self, color: [f32; 3]) {
        if self.kept.len() == KEPT {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.step *= 2;
        }
        self.kept.push(color);
    }

    /// Whether red, green and blue are the same everywhere.
    pub(super) fn are_grey(&self) -> bool {
        self.kept
            .iter()
            .all(|[r, g, b]| r.to_bits() == g.to_bits() && g.to_bits() == b.to_bits())
    }

    /// The range of what is to be seen, if there is a value. A background lies `beyond` times as far from 0 as the rest.
    pub(super) fn range(&self, beyond: f32) -> Result<Option<Range>, Error> {
        let mut values = memory::with_room(3 * self.kept.len())?;
        values.extend_from_slice(self.kept.as_flattened());
        values.sort_unstable_by(f32::total_cmp);
        let upper = background(&values, beyond);
        let lower = background(&reversed(&values)?, beyond).map(|value| -value);
        let background = upper.or(lower);
        let is_rest = |value: f32| match background {
            Some(background) if background > 0.0 => value < background * 0.999,
            Some(background) => value > background * 0.999,
            None => true,
        };
        values.retain(|value| is_rest(*value));
        let (Some(&least), Some(&greatest)) = (values.first(), values.last()) else {
            return Ok(None);
        };
        let outermost = values.len() / OUTERMOST;
        let (low, high) = (values[outermost], values[values.len() - 1 - outermost]);
        let has_outliers = high > low && (greatest - least) / OUTLYING > high - low;
        let (low, high) = if has_outliers { (low, high) } else { (least, greatest) };
        Ok(Some(Range {
            low,
            high,
            median: values[(values.len() - 1) / 2],
            background,
            has_outliers,
        }))
    }
}

/// The greatest value, if many pixels have it and nearly all others are far below it.
fn background(sorted: &[f32], beyond: f32) -> Option<f32> {
    let greatest = *sorted.last()?;
    if greatest <= 1.0 {
        return None;
    }
    let below = sorted.partition_point(|value| *value < greatest * 0.999);
    let rest = &sorted[..below];
    let most = *rest.get(rest.len().checked_sub(1 + rest.len() / OUTERMOST)?)?;
    let least = rest.first()?;
    let is_far = most.abs().max(least.abs()).max(f32::MIN_POSITIVE) < greatest / beyond;
    let is_common = (sorted.len() - below) * BACKGROUND_SHARE >= sorted.len();
    (is_far && is_common).then_some(greatest)
}

/// Sorted values with the other sign, sorted.
fn reversed(sorted: &[f32]) -> Result<Vec<f32>, Error> {
    let mut values = memory::with_room(sorted.len())?;
    values.extend(sorted.iter().rev().map(|value| -value));
    Ok(values)
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(values: impl IntoIterator<Item = f32>, beyond: f32) -> Option<Range> {
        let mut levels = Levels::new().expect("memory");
        for value in values {
            levels.add([value; 3]);
        }
        levels.range(beyond).expect("memory")
    }

    proptest! {
        #![proptest_config(crate::properties::config(100))]
        #[test]
        fn a_background_is_told_from_what_is_seen(
            near in 0.1_f32..10.0,
            deep in 0.01_f32..100.0,
            background in prop::sample::select(vec![1e10_f32, 65504.0, f32::MAX, 1e4, 1e30, -1e10, -f32::MAX]),
            share in 1_usize..9,
            pixels in 2_000_usize..40_000,
        ) {
            let value = |pixel: usize| {
                let along = pixel as f32 / pixels as f32;
                if pixel % 10 < share { background } else { near + deep * along }
            };
            let found = range((0..pixels).map(value), 8.0).expect("values");
            prop_assert_eq!(found.background, Some(background));
            let slack = deep * 0.03;
            prop_assert!((found.low - near).abs() <= slack && (found.high - near - deep).abs() <= slack, "{:?}", found);
        }
    }

    #[test]
    fn a_few_outliers_are_left_out() {
        let values = (0..1000_u16).map(|value| if value % 500 == 7 { 1e9 } else { f32::from(value) });
        let found = range(values, 8.0).expect("values");
        assert!(
            found.has_outliers && found.background.is_none() && found.high < 1000.0,
            "{found:?}"
        );
        let found = range([-1.0, 0.0, 1.0], 8.0).expect("values");
        assert_eq!((found.low, found.high, found.has_outliers), (-1.0, 1.0, false));
        assert!(range([], 8.0).is_none());
    }
}
