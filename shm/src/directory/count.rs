//! The count of publications in the record of a store.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::record_file::{AT_CONFIRMED, AT_ERA, AT_LAST, StoreRecord};
use crate::error::Error;
use crate::format::LAST_NUMBER;

/// Most numbers that can have been taken and not confirmed, by processes that are stopped or were killed in between.
const MOST_UNCONFIRMED: u64 = 1 << 16;

/// A count that is made anew goes on behind the greatest number of a file below this one. What is greater was never taken.
pub(super) const GREATEST_BELIEVED: u64 = LAST_NUMBER >> 1;
/// How far a count goes on from there. One that says more is damaged, because what was published by it would not be believed.
const COUNTED_ON: u64 = 1 << 32;

/// The count of publications of a store at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PublicationCount {
    /// Which count it is, because a record that was damaged is made anew.
    pub(crate) era: u64,
    /// The last number that was taken.
    pub(crate) last: u64,
}

/// Why a file with this number is not listed: it would stand before all that comes until the count has passed it.
pub(crate) fn ahead_of_count(number: u64, count: Option<PublicationCount>, path: &Path) -> Option<Error> {
    let last = count?.last;
    (number > last).then(|| {
        let problem = format!("it claims to be published later than anything, as number {number} of {last}");
        Error::damaged(path, problem)
    })
}

impl StoreRecord {
    /// The count of publications, if it holds together.
    pub(super) fn publication_count(&self) -> Option<PublicationCount> {
        let read = || {
            // In this order, because the count is raised before it is confirmed.
            let confirmed = self.word(AT_CONFIRMED).load(Ordering::SeqCst);
            let last = self.word(AT_LAST).load(Ordering::SeqCst);
            let era = self.word(AT_ERA).load(Ordering::Relaxed);
            is_sound(last, confirmed).then_some(PublicationCount { era, last })
        };
        // This thread may have stood still between the two.
        (0..3).find_map(|_| read())
    }

    /// Takes the next number.
    pub(super) fn take_number(&self) -> Option<u64> {
        self.publication_count()?;
        let number = self.word(AT_LAST).fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        let confirmed = self.word(AT_CONFIRMED).load(Ordering::SeqCst);
        // Others may have taken greater ones and confirmed them by now.
        is_sound(number.max(confirmed), confirmed).then_some(number)
    }

    pub(super) fn confirm_number(&self, number: u64) {
        self.word(AT_CONFIRMED).fetch_max(number, Ordering::SeqCst);
    }
}

fn is_sound(last: u64, confirmed: u64) -> bool {
    last < GREATEST_BELIEVED + COUNTED_ON
        && last
            .checked_sub(confirmed)
            .is_some_and(|unconfirmed| unconfirmed <= MOST_UNCONFIRMED)
}
