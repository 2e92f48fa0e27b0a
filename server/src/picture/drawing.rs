//! What became of the faces and points of a picture, in words.

use std::fmt::Write as _;

use super::camera::View;
use super::size;
use crate::reply::ToolError;
use crate::text;

/// What became of faces and points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawing {
    /// Of how many faces one was looked at.
    pub(super) one_in: u64,
    pub(super) drawn: u64,
    /// Faces whose corners or points are not there.
    pub(super) broken: u64,
    /// Faces with points that are at no place.
    pub(super) unplaced: u64,
    /// Faces that were left out because others took more work than was expected.
    pub(super) late: u64,
    /// Samples that show something.
    pub(super) covered: usize,
}

impl Drawing {
    /// Nothing yet, of something of which one in so many faces will be looked at.
    pub(super) fn of_one_in(one_in: u64) -> Self {
        Self {
            one_in,
            drawn: 0,
            broken: 0,
            unplaced: 0,
            late: 0,
            covered: 0,
        }
    }

    /// Refuses a picture on which there is nothing.
    pub(super) fn check(&self, view: View) -> Result<(), ToolError> {
        if self.covered > 0 {
            return Ok(());
        }
        if self.drawn > 0 {
            let view = view.in_words();
            return Err(ToolError::new(
                format!("Nothing is to be seen {view}: the faces are seen from their edges, or have no area"),
                "Choose another `view`.",
            ));
        }
        let mut facts = match self.one_in {
            1 => "No face can be drawn.".to_owned(),
            one_in => format!("One in {one_in} faces was looked at, and none of them can be drawn."),
        };
        self.describe(&mut facts);
        Err(ToolError::new(
            facts.trim_end_matches('.'),
            "Ask the program that made the mesh to write it again; map it with the code from read_descriptor to look closer.",
        ))
    }

    /// Adds what was left out.
    pub(super) fn describe(&self, facts: &mut String) {
        let counts = [
            (self.broken, "whose corners or points are not there"),
            (self.unplaced, "with points that are NaN or infinite"),
            (self.late, "that would have taken too long to draw"),
        ];
        let label = if self.one_in == 1 {
            "Left out"
        } else {
            "Of these left out"
        };
        for (count, which) in counts.into_iter().filter(|(count, _)| *count > 0) {
            // Writing to a String cannot fail.
            let _ = write!(facts, " {label}: {} {which}.", text::count(size(count), "face"));
        }
    }
}
