//! How many faces and points of a picture were drawn, and how many were left out.

use crate::error::LookError;
use crate::left_out::LeftOut;
use crate::request::View;

/// How many faces and points were drawn, and how many were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) drawn: u64,
    pub(super) left_out: LeftOut,
    /// Samples that show something.
    pub(super) covered: usize,
    /// Whether small faces are drawn as dots.
    pub(super) are_dots: bool,
}

impl Tally {
    /// A drawing of nothing yet. One face or point in `one_in` will be looked at.
    pub(super) fn of_one_in(one_in: u64) -> Self {
        let left_out = LeftOut {
            one_in,
            broken: 0,
            few: 0,
            many: 0,
            unplaced: 0,
            late: 0,
        };
        Self {
            drawn: 0,
            left_out,
            covered: 0,
            are_dots: false,
        }
    }

    /// Refuses a picture that shows nothing.
    pub(super) fn check(&self, view: View) -> Result<(), LookError> {
        match self {
            Self { covered: 1.., .. } => Ok(()),
            Self { drawn: 1.., .. } => Err(LookError::NothingSeen { view }),
            Self { left_out, .. } => Err(LookError::NoFace { left_out: *left_out }),
        }
    }
}
