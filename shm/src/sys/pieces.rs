//! Large memory cut where its huge pages start.

use std::{iter, ops};

/// Huge pages can back a mapping only where address and file offset agree modulo this.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// A range of a file cut where its huge pages start.
pub(crate) fn pieces(mut range: ops::Range<usize>) -> impl Iterator<Item = ops::Range<usize>> + Send {
    iter::from_fn(move || {
        let start = range.start;
        range.start = (start + 1).next_multiple_of(HUGE_PAGE).min(range.end);
        (start < range.start).then_some(start..range.start)
    })
}
