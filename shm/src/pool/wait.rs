//! Waiting for a slot, without polling and in turn.
//!
//! A waiter marks the slots as wanted, tries them, and sleeps on a word of the pool's file. A process that lets go of a
//! slot with the mark counts that word up and wakes all sleepers, of which the oldest tries ([`WaitingLine`]). A holder
//! that was killed wakes nobody, so every sleep is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use super::waiting_line::{Moment, WaitingLine};
use super::{BufferPool, OpenPool, Taken};
use crate::buffer::{SharedBuffer, wake};
use crate::error::Result;
use crate::format::AT_SEQUENCE;
use crate::sys::{self, Deadline, LONGEST_SLEEP};

/// Sleep where a slot is free but locked by a process that looks at it, because that process does not say when it is done.
const LOOKERS_SLEEP: Duration = Duration::from_millis(1);
/// How many slots are tried after a sleep that nobody ended: of a large pool not all, as each costs system calls.
const AT_A_TIME: usize = 16;

impl BufferPool {
    /// Takes a free slot as [`BufferPool::acquire`] does, and waits for one if none is free. Callers that wait longest
    /// are first.
    ///
    /// # Errors
    /// [`Error::Exhausted`](crate::Error::Exhausted) when there was none in time; its holders are named.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<SharedBuffer> {
        self.acquire_timeout_while(timeout, || true)
    }

    /// The same for programs that have to look after something else meanwhile: `go_on` is asked every few milliseconds,
    /// and the wait ends when it says no.
    ///
    /// # Errors
    /// As [`BufferPool::acquire_timeout`].
    pub fn acquire_timeout_while(&self, timeout: Duration, mut go_on: impl FnMut() -> bool) -> Result<SharedBuffer> {
        if let Taken::Slot(buffer) = self.0.take_unless_others_wait()? {
            return Ok(buffer);
        }
        let deadline = Deadline::after(timeout);
        let mut waiter = QueuedWaiter::new(&self.0)?;
        loop {
            let seen = waiter.releases.load(Ordering::Acquire);
            let sleep = match waiter.take(seen)? {
                Taken::Slot(buffer) => return Ok(buffer),
                Taken::SoonFree => LOOKERS_SLEEP,
                Taken::None => LONGEST_SLEEP,
            };
            let left = deadline.left();
            if left.is_zero() || !go_on() {
                return Err(self.0.exhausted(deadline.waited())?);
            }
            sys::sleep_on(waiter.releases, seen, sleep.min(left));
        }
    }
}

/// A waiter for a slot of a pool. Dropping it lets the next one have its turn.
struct QueuedWaiter<'a> {
    pool: &'a Arc<OpenPool>,
    releases: &'a AtomicU64,
    line: WaitingLine<'a>,
    since: Moment,
    /// How often slots had been given back when all were tried in vain.
    tried: Option<u64>,
    /// Which are tried next when none has been given back since.
    next: usize,
}

impl<'a> QueuedWaiter<'a> {
    fn new(pool: &'a Arc<OpenPool>) -> Result<Self> {
        Ok(Self {
            pool,
            releases: pool.control.shared()?.word(AT_SEQUENCE),
            line: pool.line()?,
            since: Moment::now(),
            tried: None,
            next: 0,
        })
    }

    fn take(&mut self, releases: u64) -> Result<Taken> {
        if !self.line.step_up(self.since, Moment::now()) {
            self.tried = None;
            return Ok(Taken::None);
        }
        let slots = &self.pool.slots;
        if self.tried == Some(releases) {
            // Only a holder that was killed can have left one.
            let first = self.next;
            self.next = (first + AT_A_TIME) % slots.len();
            return self.pool.take_among(first, AT_A_TIME.min(slots.len()));
        }
        for slot in slots {
            slot.want()?;
        }
        // Whoever lets go looks for the marks afterwards: so they are there before this looks for a slot that is free.
        fence(Ordering::SeqCst);
        let taken = self.pool.take_any()?;
        self.tried = matches!(taken, Taken::None).then_some(releases);
        Ok(taken)
    }
}

impl Drop for QueuedWaiter<'_> {
    fn drop(&mut self) {
        if self.line.leave(self.since) {
            wake(self.releases);
        }
    }
}
