//! How far points reach, and how many of them there are.

use crate::coordinates::Reach;

/// The box around points, and how many were looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) reach: Reach,
    pub(super) finite: u64,
    /// Positions with values that are NaN or infinite.
    pub(super) not_finite: u64,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Self {
            reach: Reach {
                low: [f64::INFINITY; 3],
                high: [f64::NEG_INFINITY; 3],
            },
            finite: 0,
            not_finite: 0,
        }
    }

    /// Adds a point. Says whether it is finite.
    #[inline]
    pub(super) fn add(&mut self, point: [f64; 3]) -> bool {
        if !point.iter().all(|value| value.is_finite()) {
            self.not_finite += 1;
            return false;
        }
        self.finite += 1;
        let Reach { low, high } = self.reach;
        self.reach = Reach {
            low: [0, 1, 2].map(|axis| low[axis].min(point[axis])),
            high: [0, 1, 2].map(|axis| high[axis].max(point[axis])),
        };
        true
    }

    /// The box around points, if all of them are finite. Without a branch for each, so that processors do several at once.
    pub(super) fn around(points: &[[f64; 3]]) -> Option<Self> {
        let (mut low, mut high, mut is_finite) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3], [0.0; 3]);
        for point in points {
            for axis in 0..3 {
                let value = point[axis];
                low[axis] = if value < low[axis] { value } else { low[axis] };
                high[axis] = if value > high[axis] { value } else { high[axis] };
                // Of what is NaN or infinite that is NaN.
                is_finite[axis] += value * 0.0;
            }
        }
        is_finite.iter().all(|&sum| sum == 0.0).then_some(Self {
            reach: Reach { low, high },
            finite: points.len() as u64,
            not_finite: 0,
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.reach = self.reach.with(&other.reach);
        self.finite += other.finite;
        self.not_finite += other.not_finite;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_around_points_is_that_of_each_of_them() {
        let points = [[1.0, -2.0, 3.5], [0.0, 4.0, -1e300], [-0.5, 0.25, f64::MAX]];
        let mut added = Bounds::new();
        assert!(points.into_iter().all(|point| added.add(point)));
        let around = Bounds::around(&points).expect("all are finite");
        assert_eq!(
            (around.reach.low, around.reach.high),
            (added.reach.low, added.reach.high)
        );
        assert_eq!((around.finite, around.not_finite), (3, 0));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for axis in 0..3 {
                let mut points = points;
                points[1][axis] = value;
                assert!(Bounds::around(&points).is_none());
            }
        }
    }
}
