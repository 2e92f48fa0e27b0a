//! The waiter that has waited longest for a slot: one word in a pool's control file, which lets nobody be overtaken for ever.
//!
//! It holds since when the oldest waiter waits, and when it last said so, in milliseconds. Others take no slot meanwhile.
//! Who waits longer puts itself in its place, and one that has not been heard of for a while (it was killed, or
//! stopped) counts no more. So the word needs no owner, and the worst that any bytes in it can do is a short delay.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

/// How long a waiter keeps its turn without a word, in milliseconds: longer than its sleeps.
const EXPIRY: u32 = 60;
const _: () = assert!(EXPIRY as u128 > 2 * sys::LONGEST_SLEEP.as_millis());

/// The word. Zero says that nobody waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingLine<'a>(&'a AtomicU64);

/// A point in time, in milliseconds; it comes round in 49 days, which no waiter sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u32);

impl Moment {
    /// On the host's clock, as the word is shared with processes of other time namespaces. Where that cannot be told it is of
    /// this namespace's: others may take the waiter for one that is gone, and not keep its turn for it.
    pub(super) fn now() -> Self {
        let now = sys::boot_time().unwrap_or_else(|_| sys::namespace_boot_time());
        #[expect(clippy::cast_possible_truncation, reason = "it comes round")]
        Self(now.as_millis() as u32)
    }

    /// Whether it is not later than another.
    fn is_by(self, other: Self) -> bool {
        other.0.wrapping_sub(self.0) <= u32::MAX / 2
    }
}

impl<'a> WaitingLine<'a> {
    pub(super) fn new(word: &'a AtomicU64) -> Self {
        Self(word)
    }

    /// Whether a caller that does not wait may take a slot, because nobody waits.
    pub(super) fn is_empty(self) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        word == 0 || is_expired(word, Moment::now())
    }

    /// Whether a waiter since `since` may take a slot, because nobody waits longer. If so, the word tells all others.
    pub(super) fn step_up(self, since: Moment, now: Moment) -> bool {
        let step = |word: u64| {
            let mine = word == 0 || is_expired(word, now) || since.is_by(since_of(word));
            mine.then_some(u64::from(since.0) << 32 | u64::from(now.0))
        };
        let stepped = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        stepped.is_ok()
    }

    /// Gives up the turn, so that the next one can have it. Says whether it had it.
    pub(super) fn leave(self, since: Moment) -> bool {
        let step = |word: u64| (word != 0 && since_of(word) == since).then_some(0);
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        left.is_ok()
    }
}

fn since_of(word: u64) -> Moment {
    Moment((word >> 32) as u32)
}

/// Whether the last word of a waiter is too old. One from the future, which nobody wrote, is too.
#[expect(clippy::cast_possible_truncation, reason = "the lower half of a word")]
fn is_expired(word: u64, now: Moment) -> bool {
    let seen = word as u32;
    // Another may have read the clock a moment after us.
    now.0.wrapping_sub(seen) > EXPIRY && seen.wrapping_sub(now.0) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Moment = Moment(1000);
    const YOUNG: Moment = Moment(1010);

    #[test]
    fn the_oldest_has_its_turn_and_the_next_one_after_it() {
        let word = AtomicU64::new(0);
        let line = WaitingLine::new(&word);
        let now = Moment(1020);
        assert!(line.step_up(YOUNG, now), "nobody else waits");
        assert!(line.step_up(OLD, now), "it waits longer");
        assert!(!line.step_up(YOUNG, now));
        assert!(!line.leave(YOUNG), "it is not its turn");
        assert!(!line.step_up(YOUNG, now));
        assert!(line.leave(OLD));
        assert_eq!(word.load(Ordering::Relaxed), 0);
        assert!(line.step_up(YOUNG, now));
    }

    #[test]
    fn one_that_is_not_heard_of_loses_its_turn() {
        let word = AtomicU64::new(0);
        let line = WaitingLine::new(&word);
        assert!(line.step_up(OLD, OLD));
        assert!(!line.step_up(YOUNG, Moment(OLD.0 + EXPIRY)));
        assert!(line.step_up(YOUNG, Moment(OLD.0 + EXPIRY + 1)));
        assert!(line.step_up(OLD, Moment(OLD.0 + EXPIRY + 2)), "it is back");
    }

    #[test]
    fn time_may_come_round() {
        let word = AtomicU64::new(0);
        let line = WaitingLine::new(&word);
        let (before, after) = (Moment(u32::MAX - 5), Moment(3));
        assert!(line.step_up(before, before));
        assert!(!line.step_up(after, after));
        assert!(line.leave(before));
        assert!(line.step_up(after, after));
        assert!(line.step_up(before, after));
    }

    #[test]
    fn any_bytes_delay_nobody_for_longer_than_the_expiry() {
        let now = Moment(5_000_000);
        let mut bytes = 1u64;
        for _ in 0..10_000 {
            bytes = bytes
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Everywhere, and close to now.
            for word in [bytes, (bytes & !0xFFFF_FFFF) | (u64::from(now.0) - 100 + bytes % 200)] {
                let word = AtomicU64::new(word);
                let later = Moment(now.0 + EXPIRY + 101);
                assert!(WaitingLine::new(&word).step_up(later, later), "{word:?}");
            }
        }
    }
}
