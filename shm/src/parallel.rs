//! Work on all cores: parts that are worked on at the same time, and their results in order; and memory that is moved.

use std::iter;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What a thread must have to move, or starting it costs more than it saves.
const WORTH_A_THREAD: usize = 4 << 20;
/// Threads that move memory. More of them would wait for the same memory.
const MOST_MOVERS: usize = 4;
/// That of the standard library's threads.
const STACK: usize = 2 << 20;

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

/// Works on parts at the same time, and gives the results in their order.
pub(crate) fn in_parallel<T: Send, R: Send>(parts: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let count = parts.len();
    let left = Mutex::new(parts.into_iter().enumerate());
    let run = || {
        iter::from_fn(|| next(&left))
            .map(|(i, part)| (i, work(part)))
            .collect::<Vec<_>>()
    };
    let mut done: Vec<_> = on_threads(count, run).into_iter().flatten().collect();
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Moves `len` bytes piece by piece, on several threads if they are many; a thread that fails goes no further.
pub(crate) fn move_pieces<T, E: Send>(
    len: usize,
    mut pieces: impl Iterator<Item = T> + Send,
    move_one: impl Fn(T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let movers = (len / WORTH_A_THREAD).min(MOST_MOVERS);
    // Looking how many there may be takes as long as copying some hundred KiB.
    if movers <= 1 {
        return pieces.try_for_each(move_one);
    }
    let left = Mutex::new(pieces);
    on_threads(threads(movers), || {
        iter::from_fn(|| next(&left)).try_for_each(&move_one)
    })
    .into_iter()
    .collect()
}

fn next<I: Iterator>(left: &Mutex<I>) -> Option<I::Item> {
    left.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Runs the same on so many threads, this one among them. They end before this returns, so that there are none when a DCC
/// forks. Where the system gives fewer, those do it all.
fn on_threads<R: Send>(count: usize, run: impl Fn() -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        // With a size, as else the standard library looks for one in the environment, which other threads of a host may be
        // changing.
        let builder = || thread::Builder::new().stack_size(STACK);
        let spawn = |_| builder().spawn_scoped(scope, &run).ok();
        let others: Vec<_> = (1..count).filter_map(spawn).collect();
        let mut done = vec![run()];
        for other in others {
            done.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_moved_once_and_a_failure_is_not_lost() {
        for len in [1, 2 * WORTH_A_THREAD, 100 * WORTH_A_THREAD] {
            let mut moved = vec![0; 1000];
            let done = move_pieces(len, moved.iter_mut(), |piece| {
                *piece += 1;
                Ok::<_, ()>(())
            });
            assert_eq!((done, moved), (Ok(()), vec![1; 1000]));
            let done = move_pieces(len, 0..1000, |i| if i == 500 { Err(i) } else { Ok(()) });
            assert_eq!(done, Err(500));
        }
    }
}
