//! The lock of a buffer's data: one writer or many readers, among processes by byte locks, among the threads that
//! share a handle (and so the byte locks) by a count.

use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::segment::Segment;
use crate::sys::{self, Backoff, Mode};

/// Longest wait for other writers and readers of a buffer.
pub(crate) const DATA_PATIENCE: Duration = Duration::from_secs(5);

/// What this handle has of the data lock.
#[derive(Debug, Default)]
pub(crate) struct DataLock(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// The process that has it; a forked child has nothing.
    process: u64,
    readers: usize,
    writing: bool,
}

impl DataLock {
    /// Takes the lock for reading. It must be given back with [`DataLock::unlock`].
    pub(crate) fn read(&self, segment: &Segment, patience: Duration) -> Result<()> {
        self.take(segment, patience, |held| {
            if held.writing {
                return Ok(false);
            }
            if held.readers == 0 && !lock_bytes(segment, Mode::Shared)? {
                return Ok(false);
            }
            held.readers += 1;
            Ok(true)
        })
    }

    /// Takes the lock for writing. It must be given back with [`DataLock::unlock`].
    pub(crate) fn write(&self, segment: &Segment, patience: Duration) -> Result<()> {
        let mut gate = Gate::new(segment);
        self.take(segment, patience, |held| {
            if held.writing || held.readers > 0 || !gate.try_enter()? {
                return Ok(false);
            }
            held.writing = try_lock(segment, sys::BYTE_DATA, Mode::Exclusive)?;
            Ok(held.writing)
        })
    }

    /// Gives back what this process took, if it is still the same process.
    pub(crate) fn unlock(&self, segment: &Segment, taken_by: u64) -> Result<()> {
        if taken_by != sys::process_generation() {
            return Ok(());
        }
        let mut held = self.held(DATA_PATIENCE)?;
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
            if attempt(&mut *self.held(patience)?)? {
                return Ok(());
            }
            if !backoff.pause() {
                return Err(busy(patience));
            }
        }
    }

    /// Waits with a deadline here too: in a forked child, the thread that had this may not exist.
    fn held(&self, patience: Duration) -> Result<MutexGuard<'_, Held>> {
        let mut backoff = Backoff::new(patience);
        let mut held = loop {
            match self.0.try_lock() {
                Ok(held) => break held,
                Err(TryLockError::Poisoned(held)) => break held.into_inner(),
                Err(TryLockError::WouldBlock) if backoff.pause() => {}
                Err(TryLockError::WouldBlock) => return Err(busy(patience)),
            }
        };
        let current = sys::process_generation();
        if held.process != current {
            *held = Held {
                process: current,
                ..Held::default()
            };
        }
        Ok(held)
    }
}

fn busy(waited: Duration) -> Error {
    Error::Busy {
        what: "the buffer's data",
        waited,
    }
}

/// Readers pass the gate, so that they queue behind a writer that waits.
fn lock_bytes(segment: &Segment, mode: Mode) -> Result<bool> {
    if !try_lock(segment, sys::BYTE_GATE, mode)? {
        return Ok(false);
    }
    let locked = try_lock(segment, sys::BYTE_DATA, mode);
    unlock(segment, sys::BYTE_GATE)?;
    locked
}

fn try_lock(segment: &Segment, byte: i64, mode: Mode) -> Result<bool> {
    sys::lock_byte(segment.file()?.as_fd(), byte, mode, Duration::ZERO)
        .map_err(|error| Error::io("lock", &segment.path(), error))
}

fn unlock(segment: &Segment, byte: i64) -> Result<()> {
    sys::unlock_byte(segment.file()?.as_fd(), byte).map_err(|error| Error::io("unlock", &segment.path(), error))
}

/// A writer's place at the gate, kept from the first attempt to the last.
struct Gate<'a> {
    segment: &'a Segment,
    entered: bool,
}

impl<'a> Gate<'a> {
    fn new(segment: &'a Segment) -> Self {
        Self {
            segment,
            entered: false,
        }
    }

    fn try_enter(&mut self) -> Result<bool> {
        if !self.entered {
            self.entered = try_lock(self.segment, sys::BYTE_GATE, Mode::Exclusive)?;
        }
        Ok(self.entered)
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        if self.entered
            && let Err(error) = unlock(self.segment, sys::BYTE_GATE)
        {
            tracing::warn!(%error, "the gate of a buffer stays closed until it is dropped");
        }
    }
}
