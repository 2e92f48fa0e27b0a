//! The lock of a buffer's data: one writer or many readers, among processes by byte locks, among the threads that
//! share a handle (and so the byte locks) by a count.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::segment::Segment;
use crate::sys::{self, Backoff, ForkMutex, LockByte, LockMode};

/// Longest wait of a reader for writers.
pub(super) const READ_PATIENCE: Duration = Duration::from_secs(5);
/// Longest wait of a writer for readers and other writers. A reader that has a view and wants another waits behind a
/// writer that waits for the first view, so the reader must give up first.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What this handle has of the data lock.
#[derive(Debug, Default)]
pub(super) struct DataLock(ForkMutex<HeldLock>);

/// A forked child has nothing.
#[derive(Debug, Default, Clone, Copy)]
struct HeldLock {
    readers: usize,
    writing: bool,
    /// Writers that wait. They hold the gate, so that no reader comes in meanwhile. Without that, readers that take
    /// turns could keep writers out for ever.
    waiting_writers: usize,
    /// Readers that wait. They share the gate, so that the next writer lets them in first.
    waiting_readers: usize,
}

impl DataLock {
    /// Takes the lock for reading. It must be given back with [`DataLock::unlock`].
    pub(super) fn read(&self, segment: &Segment, patience: Duration) -> Result<()> {
        let mut waiting = false;
        let taken = self.take(segment, patience, |held| {
            if !waiting && held.waiting_writers == 0 {
                waiting = enter_gate(segment, &mut held.waiting_readers, LockMode::Shared)?;
            }
            if !waiting || held.writing {
                return Ok(false);
            }
            let locked = held.readers > 0 || try_lock(segment, LockByte::Data, LockMode::Shared)?;
            if locked {
                held.readers += 1;
                waiting = false;
                leave_gate(segment, &mut held.waiting_readers)?;
            }
            Ok(locked)
        });
        if waiting {
            leave_gate(segment, &mut self.0.lock().waiting_readers)?;
        }
        taken
    }

    /// Takes the lock for writing. It must be given back with [`DataLock::unlock`].
    pub(super) fn write(&self, segment: &Segment, patience: Duration) -> Result<()> {
        let take_data = |held: &mut HeldLock| {
            if held.writing || held.readers > 0 {
                return Ok(false);
            }
            held.writing = try_lock(segment, LockByte::Data, LockMode::Exclusive)?;
            Ok(held.writing)
        };
        // The gate only queues callers that wait. A caller with no patience tries the data lock once.
        if patience.is_zero() {
            return self.take(segment, patience, take_data);
        }
        let mut waiting = false;
        let taken = self.take(segment, patience, |held| {
            if !waiting && held.waiting_readers == 0 {
                waiting = enter_gate(segment, &mut held.waiting_writers, LockMode::Exclusive)?;
            }
            if waiting { take_data(held) } else { Ok(false) }
        });
        if waiting {
            leave_gate(segment, &mut self.0.lock().waiting_writers)?;
        }
        taken
    }

    /// Gives back what this process took, if it is still the same process.
    pub(super) fn unlock(&self, segment: &Segment, taken_by: u64) -> Result<()> {
        if taken_by != sys::process_generation() {
            return Ok(());
        }
        let mut held = self.0.lock();
        if held.writing {
            held.writing = false;
        } else {
            held.readers = held.readers.saturating_sub(1);
            if held.readers > 0 {
                return Ok(());
            }
        }
        unlock(segment, LockByte::Data)
    }

    fn take(
        &self,
        segment: &Segment,
        patience: Duration,
        mut attempt: impl FnMut(&mut HeldLock) -> Result<bool>,
    ) -> Result<()> {
        // Opened anew first if this is a forked child, so that the byte locks are its own.
        segment.file()?;
        let mut backoff = Backoff::new(patience);
        loop {
            if attempt(&mut self.0.lock())? {
                return Ok(());
            }
            if !backoff.pause() {
                return Err(busy(segment, patience));
            }
        }
    }
}

/// Adds a waiter of this handle, if the gate can be had. The first one takes the gate for all waiters of this handle.
fn enter_gate(segment: &Segment, waiting: &mut usize, mode: LockMode) -> Result<bool> {
    let entered = *waiting > 0 || try_lock(segment, LockByte::Gate, mode)?;
    *waiting += usize::from(entered);
    Ok(entered)
}

/// Removes a waiter of this handle. The last one opens the gate.
fn leave_gate(segment: &Segment, waiting: &mut usize) -> Result<()> {
    *waiting = waiting.saturating_sub(1);
    if *waiting > 0 {
        return Ok(());
    }
    unlock(segment, LockByte::Gate)
}

fn busy(segment: &Segment, waited: Duration) -> Error {
    // A caller with no patience tries again and again, and looking for the holder each time would cost more than the tries.
    let holder = (!waited.is_zero())
        .then(|| segment.directory().data_holder(segment.file().ok()?))
        .flatten();
    Error::Busy {
        what: "the buffer's data",
        waited,
        holder,
    }
}

fn try_lock(segment: &Segment, byte: LockByte, mode: LockMode) -> Result<bool> {
    segment
        .file()?
        .lock_byte(byte, mode, Duration::ZERO)
        .map_err(|error| Error::io("lock", segment.path(), error))
}

fn unlock(segment: &Segment, byte: LockByte) -> Result<()> {
    segment
        .file()?
        .unlock_byte(byte)
        .map_err(|error| Error::io("unlock", segment.path(), error))
}
