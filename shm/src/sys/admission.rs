//! Taking memory of new files without taking the last of it.
//!
//! Where the machine or a cgroup has no memory left, the kernel ends a process instead of refusing. So memory is taken in steps, and
//! before each step there is enough for it, whatever others take meanwhile: what was left at the last look, less what all processors
//! together could have taken since, and until the step is done. So far from every limit hardly anybody has to look. Near one, the
//! room is looked at before each step, and the threads of a process take turns. Only a process that is stopped in the middle of a
//! step, and goes on when others have taken the rest, is not kept from the limit by this.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::fork_mutex::{ForkMutex, ForkMutexGuard};
use super::pieces::HUGE_PAGE;
use super::system::{memory_left, no_memory, processors};

/// The most that one processor takes of new memory in a nanosecond, in bytes: it has to make zeros of it. Several times what was
/// measured.
const FASTEST: u64 = 8;
/// The most that all processors take together: no machine's memory is faster.
const FASTEST_OF_ALL: u64 = 200;
/// The least that it takes in a nanosecond.
const SLOWEST: u64 = 1;
/// Steps where there is more than enough, which several threads take. Between two of them the threads wait for each other.
const LARGE_STEPS: [usize; 2] = [256 << 20, 64 << 20];
/// How long a look says anything: a limit may be lowered, and a process be moved to another cgroup.
const LATELY: Duration = Duration::from_millis(100);

/// What there was of memory, less what this process has taken of it since.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    left: u64,
}

impl Look {
    /// Whether `len` bytes are certainly still there when they have been taken.
    fn is_certain_of(&self, len: u64) -> bool {
        let age = self.at.elapsed();
        age < LATELY && self.left >= len.saturating_add(most_taken_in(age + time_to_take(len)))
    }
}

static LAST: ForkMutex<Option<Look>> = ForkMutex::new(None);

/// The right to take memory now. Near a limit no other thread of this process has it until this is dropped.
pub(crate) struct Turn(Option<ForkMutexGuard<'static, Option<Look>>>);

impl Turn {
    /// Whether there is enough whatever others take meanwhile.
    pub(crate) fn is_plenty(&self) -> bool {
        self.0.is_none()
    }
}

/// Asks for the right to take `len` bytes.
///
/// # Errors
/// There is not that much left, or the system does not say how much there is.
pub(crate) fn admit(len: u64) -> io::Result<Turn> {
    let mut last = LAST.lock();
    if let Some(look) = last.as_mut().filter(|look| look.is_certain_of(len)) {
        look.left -= len;
        return Ok(Turn(None));
    }
    let at = Instant::now();
    let left = memory_left(len.saturating_add(most_taken_in(time_to_take(len))))?;
    let look = Look { at, left };
    let is_certain = look.is_certain_of(len);
    let left = left.checked_sub(len).ok_or_else(no_memory)?;
    *last = Some(Look { at, left });
    Ok(Turn((!is_certain).then_some(last)))
}

/// Takes the memory of a range in steps: large ones where there is plenty, else huge page by huge page.
pub(crate) fn take_in_steps(mut range: Range<usize>, take: impl Fn(Range<usize>) -> io::Result<()>) -> io::Result<()> {
    let mut large = LARGE_STEPS.into_iter().peekable();
    while !range.is_empty() {
        let longest = large.peek().copied().unwrap_or(HUGE_PAGE);
        let stop = (range.start + 1).next_multiple_of(longest).min(range.end);
        let turn = admit((stop - range.start) as u64);
        if large.peek().is_some() && !turn.as_ref().is_ok_and(Turn::is_plenty) {
            large.next();
            continue;
        }
        let _turn = turn?;
        take(range.start..stop)?;
        range.start = stop;
    }
    Ok(())
}

/// Whether there lately was twice as much as this. It saves most looks at what limits memory, and takes nothing.
pub(crate) fn was_plenty_lately(len: u64) -> bool {
    let last = *LAST.lock();
    last.is_some_and(|look| look.at.elapsed() < LATELY && look.left / 2 >= len)
}

fn time_to_take(len: u64) -> Duration {
    Duration::from_nanos(len / SLOWEST)
}

/// The most memory that anybody takes in this time.
fn most_taken_in(time: Duration) -> u64 {
    // 0 until it was asked for. Threads that ask at once find the same, so nobody waits for one that a forked child has not.
    static PROCESSORS: AtomicU64 = AtomicU64::new(0);
    let mut known = PROCESSORS.load(Ordering::Relaxed);
    if known == 0 {
        known = processors().max(1);
        PROCESSORS.store(known, Ordering::Relaxed);
    }
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    nanos.saturating_mul(FASTEST.saturating_mul(known).min(FASTEST_OF_ALL))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::sys::Refusal;

    #[test]
    fn a_range_is_taken_once_from_its_start_to_its_end() {
        for range in [
            0..0,
            0..1,
            4096..HUGE_PAGE,
            4096..(5 << 30) + 17,
            HUGE_PAGE - 1..HUGE_PAGE + 1,
        ] {
            let steps = RefCell::new(Vec::new());
            take_in_steps(range.clone(), |step| {
                steps.borrow_mut().push(step);
                Ok(())
            })
            .expect("there is memory");
            let mut at = range.start;
            for step in steps.into_inner() {
                assert!(
                    step.start == at && step.end > at && step.len() <= LARGE_STEPS[0],
                    "{step:?}"
                );
                at = step.end;
            }
            assert_eq!(at, range.end);
        }
    }

    #[test]
    fn what_nobody_has_is_refused_and_says_why() {
        let error = admit(1 << 55).map(drop).expect_err("no machine has so much");
        assert_eq!(Refusal::of(&error), Refusal::Full);
        assert!(!was_plenty_lately(1 << 55));
        // And the next one is not refused for it.
        admit(4096).expect("there is memory");
    }
}
