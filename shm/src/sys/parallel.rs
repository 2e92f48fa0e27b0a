//! Work on all cores: items that are worked on at the same time, and memory that is moved.

use std::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::run_on_threads;

/// What a thread must have to move, or starting it costs more than it saves.
const WORTH_A_THREAD: usize = 4 << 20;
/// Threads that move memory. More of them would wait for the same memory.
const MOST_MOVERS: usize = 4;

/// How many threads work on this number of jobs.
pub(crate) fn threads(jobs: usize) -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(jobs)
}

/// Works on each item, on `count` threads or as many as there is memory for. Each has something of its own to work with,
/// which `prepare` makes; a thread that fails goes no further.
///
/// What is called here must not allocate but by calls that can fail: see [`run_on_threads`].
///
/// # Errors
/// The first one of `work`; that of `prepare` if it fails for the first thread.
pub(crate) fn for_each<T, S: Send, E: Send>(
    count: usize,
    items: impl Iterator<Item = T> + Send,
    prepare: impl Fn() -> Result<S, E> + Sync,
    work: impl Fn(&mut S, T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let (items, failure) = (Mutex::new(items), Mutex::new(None));
    // Made before there are other threads that could take the last memory: one of them does the work in any case.
    let first = Mutex::new(Some(prepare()?));
    run_on_threads(count, &|| {
        let first = locked(&first).take();
        let Some(mut own) = first.or_else(|| prepare().ok()) else {
            return;
        };
        let done = iter::from_fn(|| locked(&items).next()).try_for_each(|item| work(&mut own, item));
        if let Err(error) = done {
            locked(&failure).get_or_insert(error);
        }
    });
    let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(()), Err)
}

/// Moves `len` bytes piece by piece, on several threads if they are many.
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
    for_each(threads(movers), pieces, || Ok(()), |(), piece| move_one(piece))
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    #[test]
    fn who_has_nothing_to_work_with_leaves_the_work_to_others() {
        for (prepared, expected) in [(0, Err("no memory")), (1, Ok(())), (2, Ok(()))] {
            let (left, worked) = (Mutex::new(0..prepared), Mutex::new(0));
            let prepare = || locked(&left).next().ok_or("no memory");
            let done = for_each(3, 0..100, prepare, |_, _| {
                *locked(&worked) += 1;
                Ok(())
            });
            assert_eq!(done, expected);
            assert_eq!(locked(&worked).clone(), if prepared == 0 { 0 } else { 100 });
        }
    }
}
