//! The end of a wait, and of each sleep in it.

use std::time::{Duration, Instant};

/// Longest sleep before another look: nobody wakes for a process that was killed, and a signal that comes just before a
/// sleep does not end it.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// When a wait has to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    timeout: Duration,
}

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self {
            started: Instant::now(),
            timeout,
        }
    }

    pub(crate) fn waited(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time that is left to wait; zero when it is up.
    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.waited())
    }
}
