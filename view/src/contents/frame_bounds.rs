//! How far the positions of single frames of a cache reach. Few frames are told, however many there are.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::coordinates::{Reach, Short};
use crate::frames::{Frames, in_digits};
use crate::number::json_numbers;

/// The box around the finite positions of a frame.
#[derive(Debug, Serialize)]
pub(crate) struct FrameBounds {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_code: Option<f64>,
    min: [f64; 3],
    max: [f64; 3],
    #[serde(skip)]
    reach: Reach,
    /// Why it is told.
    #[serde(skip)]
    why: Vec<&'static str>,
}

/// The frames that are told of those that were looked at.
#[derive(Default)]
pub(super) struct Told {
    first: Option<(u64, Reach)>,
    last: Option<(u64, Reach)>,
    largest: Option<(u64, Reach)>,
    smallest: Option<(u64, Reach)>,
    asked: Vec<(u64, Reach)>,
}

impl Told {
    /// Adds the next frame, and keeps it if it is one of those that are `asked` for.
    pub(super) fn add(&mut self, frame: u64, reach: Reach, asked: &[u64]) {
        let this = Some((frame, reach));
        let diagonal = |other: Option<(u64, Reach)>| other.map(|(_, reach)| reach.diagonal());
        self.first = self.first.or(this);
        self.last = this;
        if diagonal(self.largest).is_none_or(|largest| reach.diagonal() > largest) {
            self.largest = this;
        }
        if diagonal(self.smallest).is_none_or(|smallest| reach.diagonal() < smallest) {
            self.smallest = this;
        }
        if asked.contains(&frame) {
            self.asked.push((frame, reach));
        }
    }

    /// Whether a frame that was asked for has finite positions.
    pub(super) fn has(&self, frame: u64) -> bool {
        self.asked.iter().any(|(found, _)| *found == frame)
    }

    /// The frames in order, each once.
    pub(super) fn into_bounds(self, frames: &Frames, is_single: bool) -> Vec<FrameBounds> {
        let sizes = [self.largest, self.smallest].map(|found| found.map(|(_, reach)| reach.diagonal()));
        let differ = sizes[0] != sizes[1];
        let asked = self.asked.into_iter().map(|found| (found, "asked for"));
        let named = [
            (self.first, "first"),
            (self.last, "last"),
            (self.largest.filter(|_| differ), "largest"),
            (self.smallest.filter(|_| differ), "smallest"),
        ];
        let named = named.into_iter().filter_map(|(found, why)| Some((found?, why)));
        let mut told: Vec<FrameBounds> = Vec::new();
        for ((frame, reach), why) in asked.chain(named) {
            if let Some(known) = told.iter_mut().find(|known| known.frame == frame) {
                known.why.push(why);
                continue;
            }
            told.push(FrameBounds {
                frame,
                time_code: frames.time_code(frame),
                min: json_numbers(reach.low, is_single),
                max: json_numbers(reach.high, is_single),
                reach,
                why: vec![why],
            });
        }
        told.sort_by_key(|bounds| bounds.frame);
        told
    }
}

impl Display for FrameBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame {}", self.frame)?;
        if let Some(code) = self.time_code {
            write!(f, " (time code {})", in_digits(code))?;
        }
        let [x, y, z] = self.reach.size().map(Short);
        write!(f, ", {}: {x} × {y} × {z}, from {}", self.why.join(", "), self.reach)
    }
}
