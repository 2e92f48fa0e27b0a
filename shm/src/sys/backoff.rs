//! Attempts that are repeated until they succeed or the time is up.

use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for a lock that is only ever held for microseconds, unless its holder was stopped.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Repeats an attempt, at first at once and then with growing pauses, until a deadline.
pub(crate) struct Backoff {
    started: Instant,
    patience: Duration,
    most_patience: Duration,
    attempts: u32,
}

impl Backoff {
    const SPINS: u32 = 4;
    const LONGEST: Duration = Duration::from_millis(2);
    /// If a sleep takes this much longer than it should, the machine stood still.
    const STANDSTILL: Duration = Duration::from_millis(50);

    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            started: Instant::now(),
            patience,
            most_patience: patience.saturating_mul(2),
            attempts: 0,
        }
    }

    /// Pauses before another attempt, or says that the time is up.
    pub(crate) fn pause(&mut self) -> bool {
        self.attempts += 1;
        if self.attempts <= Self::SPINS {
            thread::yield_now();
            return true;
        }
        let left = self.patience.saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return false;
        }
        let pause = Duration::from_micros(20 << (self.attempts - Self::SPINS).min(7));
        let pause = pause.min(Self::LONGEST).min(left);
        let before = Instant::now();
        super::rest(pause);
        let stopped = before.elapsed().saturating_sub(pause);
        if stopped > Self::STANDSTILL {
            // Whoever is waited for may have stood still as well.
            self.patience = self.patience.saturating_add(stopped).min(self.most_patience);
        }
        true
    }
}
