//! Work on all cores: parts that are worked on at the same time, and their results in order.

use std::iter;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many threads work on so many jobs.
pub(crate) fn threads(jobs: usize) -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(jobs)
}

/// A part for each thread.
pub(crate) fn split_owned<T>(mut items: Vec<T>) -> Vec<Vec<T>> {
    let size = items.len().div_ceil(threads(items.len()).max(1)).max(1);
    let mut parts = Vec::new();
    while !items.is_empty() {
        let rest = items.split_off(size.min(items.len()));
        parts.push(std::mem::replace(&mut items, rest));
    }
    parts
}

/// Works on parts at the same time, and gives the results in their order. Threads end before this returns, so that there
/// are none when a DCC forks. Where the system gives none, this one does it all.
pub(crate) fn in_parallel<T: Send, R: Send>(parts: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let others = parts.len().saturating_sub(1);
    let left = Mutex::new(parts.into_iter().enumerate());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || iter::from_fn(next).map(|(i, part)| (i, work(part))).collect::<Vec<_>>();
    let mut done = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, run).ok();
        let others: Vec<_> = (0..others).filter_map(spawn).collect();
        let mut done = run();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}
