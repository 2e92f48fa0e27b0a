//! What a buffer holds: its elements as numbers and as JSON without loss, windows of them, statistics over all of them.

pub(crate) mod contents;
mod elements;
pub(crate) mod look;
pub(crate) mod number;
pub(crate) mod placement;
pub(crate) mod rows;
mod statistics;
pub(crate) mod window;
