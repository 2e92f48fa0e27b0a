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

    pub(super) fn merge(&mut self, other: &Self) {
        self.reach = self.reach.with(&other.reach);
        self.finite += other.finite;
        self.not_finite += other.not_finite;
    }
}
