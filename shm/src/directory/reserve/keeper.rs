//! The thread that gives memory back which nobody has used for a while. It is there as long as something is kept that this
//! process has put there, and when the process ends, that goes too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError, Weak};
use std::time::Duration;

use super::clock::{self, KEPT_FOR};
use super::table::Table;
use crate::directory::{Directory, Opened};
use crate::sys::{self, Background};

/// Directories that have a thread, or had one. Tried and never waited for: a forked child may find it locked by a thread that it
/// does not have, and keeps nothing then.
static WATCHED: Mutex<Vec<Weak<Opened>>> = Mutex::new(Vec::new());

/// Whether the system was told what to do at the end of the process.
static AT_EXIT: AtomicBool = AtomicBool::new(false);

impl Directory {
    /// Sees to it that what was put there just now is given back, and says whether that is certain.
    pub(super) fn keeps_watch(&self, now: u64) -> bool {
        let keeper = &self.0.reserve.keeper;
        // Another thread may have put something there since this one looked at the clock.
        keeper.last_put.fetch_max(now, Ordering::SeqCst);
        keeper.news.fetch_add(1, Ordering::SeqCst);
        if !keeper.is_to_start() {
            return keeper.runs();
        }
        let started = self.goes_at_exit() && sys::run_in_background(self.0.clone());
        if !started {
            keeper.running.store(0, Ordering::SeqCst);
        }
        started
    }

    /// Lets the thread end, as nothing is kept.
    pub(super) fn end_watch(&self) {
        let keeper = &self.0.reserve.keeper;
        if keeper.runs() {
            keeper.tell();
        }
    }

    /// Remembers this directory for the end of the process, and says whether that was possible.
    fn goes_at_exit(&self) -> bool {
        let mut watched = match WATCHED.try_lock() {
            Ok(watched) => watched,
            Err(TryLockError::Poisoned(watched)) => watched.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let is_this = |known: &Weak<Opened>| known.as_ptr() == Arc::as_ptr(&self.0);
        watched.retain(|known| known.strong_count() > 0);
        if !watched.iter().any(is_this) {
            if watched.try_reserve(1).is_err() {
                return false;
            }
            watched.push(Arc::downgrade(&self.0));
        }
        // Forked children have it too.
        AT_EXIT.load(Ordering::Relaxed) || {
            let registered = sys::at_exit(give_back_at_exit);
            AT_EXIT.store(registered, Ordering::Relaxed);
            registered
        }
    }

    /// Gives back what is old, and says for how long nothing will be; nothing when there is no more for the thread to do.
    fn look_after_reserve(&self) -> Option<Duration> {
        let now = clock::now()?;
        let table = Table(self.existing_record().ok().flatten()?);
        self.give_back(table, KEPT_FOR, now);
        let since = now.saturating_sub(self.0.reserve.keeper.last_put.load(Ordering::SeqCst));
        let oldest = table.oldest(now)?;
        // What is left was put there by other processes, which look after it.
        (since < KEPT_FOR).then(|| Duration::from_millis(KEPT_FOR.saturating_sub(oldest).max(1)))
    }
}

impl Background for Opened {
    fn run(self: Arc<Self>) {
        let directory = Directory(self);
        let keeper = &directory.0.reserve.keeper;
        loop {
            let seen = keeper.news.load(Ordering::SeqCst);
            if let Some(pause) = directory.look_after_reserve() {
                sys::sleep_on(&keeper.news, seen, pause);
                continue;
            }
            keeper.running.store(0, Ordering::SeqCst);
            // Something may have been put there meanwhile, by a thread that found this one running.
            if keeper.news.load(Ordering::SeqCst) == seen || !keeper.is_to_start() {
                return;
            }
        }
    }
}

/// Gives back what this process keeps, when it ends: nobody looks after it then.
extern "C" fn give_back_at_exit() {
    let Ok(watched) = WATCHED.try_lock() else { return };
    for directory in watched.iter().filter_map(Weak::upgrade).map(Directory) {
        if directory.0.reserve.keeper.runs() {
            directory.give_reserve_back();
        }
        // What else ends with it is left to the system.
        std::mem::forget(directory);
    }
}
