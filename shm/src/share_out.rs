//! Work on all cores that may allocate. Where memory may run short, `sys::parallel` is what to use: a thread of the standard
//! library ends the process if there is none for it.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// How many threads this process can keep busy.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Calls `work` with each number below `shares`, each on a thread of its own, and gives the results in that order. This
/// thread does share 0, even if `shares` is 0.
///
/// # Errors
/// The error of the first share, in that order, that fails.
pub fn share_out<T: Send, E: Send>(shares: usize, work: impl Fn(usize) -> Result<T, E> + Sync) -> Result<Vec<T>, E> {
    let work = &work;
    thread::scope(|scope| {
        let begin = |share| (share, thread::Builder::new().spawn_scoped(scope, move || work(share)));
        let others: Vec<_> = (1..shares).map(begin).collect();
        let mut made = vec![work(0)?];
        for (share, other) in others {
            made.push(match other {
                Ok(other) => other.join().unwrap_or_else(|panic| resume_unwind(panic))?,
                // The system gives no more threads, so this one does that share as well.
                Err(_) => work(share)?,
            });
        }
        Ok(made)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_in_order_and_the_first_failure_is_told() {
        for shares in [0, 1, 2, 100] {
            let made = share_out(shares, |share| Ok::<_, ()>(share * share)).expect("nothing fails");
            assert_eq!(made, (0..shares.max(1)).map(|share| share * share).collect::<Vec<_>>());
        }
        let failed = share_out(100, |share| if share % 30 == 29 { Err(share) } else { Ok(()) });
        assert_eq!(failed, Err(29));
    }
}
