//! One input to begin with, and gathering those of a target.

use crate::Seen;

/// Errors that an input must reach.
pub type Reaches = &'static [&'static str];

/// One input.
pub struct Seed {
    pub target: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
    /// The target's function.
    pub run: fn(&[u8]) -> Seen,
    /// Errors that it must reach.
    pub reaches: Reaches,
}

/// Gathers the seeds of one target.
pub(crate) struct Of {
    target: &'static str,
    run: fn(&[u8]) -> Seen,
    pub(crate) seeds: Vec<Seed>,
}

impl Of {
    pub(crate) fn new(target: &'static str, run: fn(&[u8]) -> Seen) -> Self {
        Self {
            target,
            run,
            seeds: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, name: &str, bytes: Vec<u8>, reaches: Reaches) {
        self.seeds.push(Seed {
            target: self.target,
            name: name.to_owned(),
            bytes,
            run: self.run,
            reaches,
        });
    }
}
