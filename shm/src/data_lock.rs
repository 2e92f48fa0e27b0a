//! The lock of a buffer's data: one writer or many readers, among processes by byte locks, among the threads that
//! share a handle (and so the byte locks) by a count.

use std::os::fd::AsFd;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::segment::Segment;
use crate::sys::{self, Backoff, ForkMutex, ForkMutexGuard, Mode};

/// Longest wait of a reader for writers.
pub(crate) const READ_PATIENCE: Duration = Duration::from_secs(5);
/// Longest wait of a writer for readers and other writers. A reader that has a view and wants another waits behind the
/// writer, who waits for the first view: the reader must be the one to give up.
pub(crate) const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What this handle has of the data lock.
#[derive(Debug, Default)]
pub(crate) struct DataLock(ForkMutex<Held>);

/// A forked child has nothing.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    readers: usize,
    writing: bool,
    /// Writers that wait. While there are any, no reader comes in, so that readers who take turns cannot keep them
    /// out for ever; they hold the gate, which does the same to readers elsewhere.
    waiting: usize,
}

impl DataLock {
    /// Takes the lock for reading. It must be given back with [`DataLock::unlock`].
    pub(crate) fn read(&self, segment: &Segment, patience: Duration) -> Result<()> {
        self.take(segment, patience, |held| {
            if held.writing || held.waiting > 0 || !try_lock(segment, sys::BYTE_GATE, Mode::Shared)? {
                return Ok(false);
            }
            let locked = held.readers > 0 || try_lock(segment, sys::BYTE_DATA, Mode::Shared)?;
            unlock(segment, sys::BYTE_GATE)?;
            held.readers += usize::from(locked);
            Ok(locked)
        })
    }

    /// Takes the lock for writing. It must be given back with [`DataLock::unlock`].
    pub(crate) fn write(&self, segment: &Segment, patience: Duration) -> Result<()> {
        let mut waiting = false;
        let taken = self.take(segment, patience, |held| {
            if !waiting {
                waiting = try_lock(segment, sys::BYTE_GATE, Mode::Exclusive)?;
                held.waiting += usize::from(waiting);
            }
            if !waiting || held.writing || held.readers > 0 {
                return Ok(false);
            }
            held.writing = try_lock(segment, sys::BYTE_DATA, Mode::Exclusive)?;
            Ok(held.writing)
        });
        if waiting {
            let mut held = self.held()?;
            held.waiting = held.waiting.saturating_sub(1);
            if held.waiting == 0 {
                unlock(segment, sys::BYTE_GATE)?;
            }
        }
        taken
    }

    /// Gives back what this process took, if it is still the same process.
    pub(crate) fn unlock(&self, segment: &Segment, taken_by: u64) -> Result<()> {
        if taken_by != sys::process_generation() {
            return Ok(());
        }
        let mut held = self.held()?;
        if held.writing {
            held.writing = false;
        } else {
            held.readers = held.readers.saturating_sub(1);
            if held.readers > 0 {
                return Ok(());
            }
        }
        unlock(segment, sys::BYTE_DATA)
    }

    fn take(
        &self,
        segment: &Segment,
        patience: Duration,
        mut attempt: impl FnMut(&mut Held) -> Result<bool>,
    ) -> Result<()> {
        // Opened anew first if this is a forked child, so that the byte locks are its own.
        segment.file()?;
        let mut backoff = Backoff::new(patience);
        loop {
            if attempt(&mut *self.held()?)? {
                return Ok(());
            }
            if !backoff.pause() {
                return Err(busy(patience));
            }
        }
    }

    fn held(&self) -> Result<ForkMutexGuard<'_, Held>> {
        self.0.lock("the buffer's handle")
    }
}

fn busy(waited: Duration) -> Error {
    Error::Busy {
        what: "the buffer's data",
        waited,
    }
}

fn try_lock(segment: &Segment, byte: i64, mode: Mode) -> Result<bool> {
    sys::lock_byte(segment.file()?.as_fd(), byte, mode, Duration::ZERO)
        .map_err(|error| Error::io("lock", &segment.path(), error))
}

fn unlock(segment: &Segment, byte: i64) -> Result<()> {
    sys::unlock_byte(segment.file()?.as_fd(), byte).map_err(|error| Error::io("unlock", &segment.path(), error))
}
