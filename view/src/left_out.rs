//! The faces that a picture does not show, and why.

use std::fmt::{self, Display};

use crate::text;

/// How many faces were left out of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// One face in this many was looked at.
    pub one_in: u64,
    /// Faces whose corners or points do not exist.
    pub broken: u64,
    /// Faces that have fewer than three corners.
    pub few: u64,
    /// Faces that have more corners than can be drawn.
    pub many: u64,
    /// Faces with points that are NaN or infinite.
    pub unplaced: u64,
    /// Faces that were left out because other faces took more work than was expected.
    pub late: u64,
}

impl Display for LeftOut {
    /// Writes a sentence for each reason, with a space in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.broken, "whose corners or points are not there"),
            (self.few, "with fewer than three corners"),
            (self.many, "with more than 1048576 corners"),
            (self.unplaced, "with points that are NaN or infinite"),
            (self.late, "that would have taken too long to draw"),
        ];
        let label = if self.one_in == 1 {
            "Left out"
        } else {
            "Of these left out"
        };
        for (count, which) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            write!(f, " {label}: {} {which}.", text::count(count, "face"))?;
        }
        Ok(())
    }
}
