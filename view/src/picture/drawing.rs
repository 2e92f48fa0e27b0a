//! What became of the faces and points of a picture.

use crate::error::LookError;
use crate::left_out::LeftOut;
use crate::request::View;

/// What became of faces and points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) drawn: u64,
    pub(super) left_out: LeftOut,
    /// Samples that show something.
    pub(super) covered: usize,
}

impl Drawing {
    /// Nothing yet; of `one_in` faces or points, one will be looked at.
    pub(super) fn of_one_in(one_in: u64) -> Self {
        let left_out = LeftOut {
            one_in,
            broken: 0,
            unplaced: 0,
            late: 0,
        };
        Self {
            drawn: 0,
            left_out,
            covered: 0,
        }
    }

    /// Refuses a picture on which there is nothing.
    pub(super) fn check(&self, view: View) -> Result<(), LookError> {
        match self {
            Self { covered: 1.., .. } => Ok(()),
            Self { drawn: 1.., .. } => Err(LookError::NothingSeen { view }),
            Self { left_out, .. } => Err(LookError::NoFace { left_out: *left_out }),
        }
    }
}
