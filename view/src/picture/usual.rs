//! Where most of the points are. A few stray ones must not make the rest too small to be seen.

use dcc_mcp_shm::Error;

use crate::coordinates::Reach;
use crate::memory;

/// Most points that are kept to find out where most of them are.
const KEPT: usize = 1 << 14;
/// Points are stray if they are this many times as far from the middle as usual.
const STRAY: f64 = 32.0;
/// If more than one place in this many is stray, then the points simply lie far apart.
const FEW: usize = 3;

/// Some of the points that are added, evenly spaced among them.
pub(super) struct Kept {
    points: Vec<[f64; 3]>,
    /// One point in this many is kept.
    step: u64,
    added: u64,
}

impl Kept {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            points: memory::with_room(KEPT)?,
            step: 1,
            added: 0,
        })
    }

    #[inline]
    pub(super) fn add(&mut self, point: [f64; 3]) {
        if self.added & (self.step - 1) == 0 {
            self.keep(point);
        }
        self.added += 1;
    }

    /// The same as adding each of them.
    pub(super) fn add_all(&mut self, points: &[[f64; 3]]) {
        let mut rest = points;
        while !rest.is_empty() {
            let before_next = usize::try_from(self.added.wrapping_neg() & (self.step - 1)).unwrap_or(usize::MAX);
            let (passed, others) = rest.split_at(before_next.min(rest.len()));
            self.added += passed.len() as u64;
            rest = others;
            if let Some((&point, others)) = rest.split_first() {
                self.add(point);
                rest = others;
            }
        }
    }

    fn keep(&mut self, point: [f64; 3]) {
        if self.points.len() == KEPT {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.step *= 2;
        }
        // A step is a power of two, and the number of points that are kept before it doubles is even.
        self.points.push(point);
    }

    /// Where most of the points are, if points beyond it are stray: few, and far away. `all` is the box around all points.
    pub(super) fn usual(mut self, all: &Reach) -> Result<Option<Usual>, Error> {
        // Each place counts once, however many points are there: unused points often all lie at the origin.
        self.points.sort_unstable_by(|a, b| {
            let by_axis = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
            by_axis.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        self.points.dedup();
        let places = self.points;
        if places.is_empty() {
            return Ok(None);
        }
        let mut values = memory::with_room(places.len())?;
        let middle = [0, 1, 2].map(|axis| {
            values.clear();
            values.extend(places.iter().map(|place| place[axis]));
            median(&mut values)
        });
        values.clear();
        let distances = places.iter().map(|&place| distance(place, middle));
        values.extend(distances.filter(|&distance| distance > 0.0));
        if values.is_empty() {
            return Ok(None);
        }
        let usual = Usual {
            middle,
            limit: median(&mut values) * STRAY,
        };
        let stray = places.iter().filter(|&&place| !usual.has(place)).count();
        let is_all = usual.has(all.low) && usual.has(all.high);
        Ok(Some(usual).filter(|_| !is_all && stray * FEW <= places.len()))
    }
}

/// Where most of the points are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    pub(super) middle: [f64; 3],
    limit: f64,
}

impl Usual {
    #[inline]
    pub(super) fn has(&self, point: [f64; 3]) -> bool {
        distance(point, self.middle) <= self.limit
    }
}

/// The largest distance of two places along an axis.
#[inline]
pub(super) fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    let along = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    along.fold(0.0, f64::max)
}

/// The lower median of some numbers.
fn median(values: &mut [f64]) -> f64 {
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bounds::Bounds;
    use super::*;

    fn usual(points: &[[f64; 3]]) -> Option<Usual> {
        let (mut kept, mut bounds) = (Kept::new().expect("memory"), Bounds::new());
        for &point in points {
            kept.add(point);
            bounds.add(point);
        }
        kept.usual(&bounds.reach).expect("memory")
    }

    fn tetrahedron(at: [f64; 3], size: f64) -> Vec<[f64; 3]> {
        let corners = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let place = |corner: [f64; 3]| [0, 1, 2].map(|axis| at[axis] + corner[axis] * size);
        corners.map(place).into()
    }

    proptest! {
        #![proptest_config(crate::properties::config(64))]
        #[test]
        fn strays_are_told_from_the_rest(
            at in [-1e6..1e6, -1e6..1e6, -1e6..1e6],
            size in 1e-3..1e3,
            far in 200.0..1e9,
            strays in 1_usize..3,
            zeros in 0_usize..50,
        ) {
            let mut points = tetrahedron(at, size);
            let count = points.len();
            for stray in 0..strays {
                let sign = if stray == 0 { 1.0 } else { -1.0 };
                points.push([at[0] + sign * far * size, at[1], at[2] + far * size]);
            }
            let usual = usual(&points).expect("strays");
            for (index, &point) in points.iter().enumerate() {
                prop_assert_eq!(usual.has(point), index < count);
            }
            // Many points at one place are one place.
            let stray = points[count];
            points.extend(std::iter::repeat_n(stray, zeros));
            prop_assert!(self::usual(&points).is_some_and(|usual| usual.has(points[0])));
        }

        #[test]
        fn what_lies_together_has_no_strays(points in prop::collection::vec([-1.0..1.0, -1.0..1.0, -1.0..1.0], 20..100)) {
            // Among many points, only some are kept.
            for many in [1, 300] {
                prop_assert!(usual(&points.repeat(many)).is_none());
            }
        }
    }

    #[test]
    fn points_are_kept_alike_however_many_come_together() {
        let points: Vec<_> = (0..100_000).map(|number| [f64::from(number), 0.0, 0.0]).collect();
        let (mut one_by_one, mut together) = (Kept::new().expect("memory"), Kept::new().expect("memory"));
        for &point in &points {
            one_by_one.add(point);
        }
        let (mut rest, mut len) = (&points[..], 0);
        while !rest.is_empty() {
            let (some, others) = rest.split_at(len.min(rest.len()));
            together.add_all(some);
            (rest, len) = (others, (len + 1) % 700);
        }
        assert_eq!((one_by_one.step, one_by_one.added), (together.step, together.added));
        assert_eq!(one_by_one.points, together.points);
    }

    #[test]
    fn two_things_far_apart_are_both_seen() {
        let mut points = tetrahedron([0.0; 3], 1.0);
        points.extend(tetrahedron([1e5, 0.0, 0.0], 1.0));
        assert!(usual(&points).is_none());
        assert!(usual(&[]).is_none() && usual(&[[1.0; 3]; 9]).is_none());
    }
}
