//! Buffers that any process can rewrite at any time, and whose readers get one complete write or wait.
//!
//! The sequence word is even while nobody writes. A reader that finds it even and unchanged around its copy has
//! one whole write, without a system call; otherwise it takes the data lock. A word that is odd although the
//! lock could be taken was left by a writer that died.

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use uuid::Uuid;

use crate::buffer_access::{BufferEdit, Reading, Writing, unlock};
use crate::data_lock::DataLock;
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::header::{AT_DATA_LEN, AT_GENERATION, AT_SEQUENCE, Role};
use crate::memory::{BufferView, OpenMemory};
use crate::pool::SlotLease;
use crate::segment::{OnClose, Segment, Snapshot};
use crate::sys::{NewVec, Protection, Source};

/// How often a reader tries without a lock. A writer that is between two writes is met, one that never pauses not.
const OPTIMISTIC_READS: usize = 2;

/// A buffer that any process can rewrite at any time. Cloning gives another handle to the same.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
/// use dcc_mcp_shm::{BufferOptions, SharedBuffer};
///
/// let buffer = SharedBuffer::create(&store, 1024, &BufferOptions::default())?;
/// buffer.write(b"frame 1")?;
/// let elsewhere = SharedBuffer::open_path(&buffer.path(), buffer.id())?;
/// assert_eq!(elsewhere.read()?, b"frame 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedBuffer {
    pub(crate) inner: Arc<Inner>,
    /// Held last: a slot is given back when everything else has let go of it.
    pub(crate) slot: Option<Arc<SlotLease>>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) segment: Segment,
    pub(crate) lock: DataLock,
    payload: usize,
    capacity: usize,
    /// Who opened somebody else's slot holds the data lock for reading as long as this exists.
    pub(crate) reading: Option<SlotReading>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotReading {
    pub(crate) pool: Option<Uuid>,
    pub(crate) generation: u64,
    pub(crate) process: u64,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(reading) = self.reading {
            unlock(self, reading.process);
            self.segment.release();
            self.wake_waiters(reading);
        }
    }
}

impl SharedBuffer {
    /// A slot that was just acquired, through the handle that its pool keeps.
    pub(crate) fn from_slot(inner: Arc<Inner>, slot: SlotLease) -> Self {
        Self {
            inner,
            slot: Some(Arc::new(slot)),
        }
    }

    /// The id: a UUID.
    pub fn id(&self) -> Uuid {
        self.inner.segment.id()
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.inner.segment.path()
    }

    /// Most bytes that can be stored.
    pub fn capacity(&self) -> u64 {
        self.inner.capacity as u64
    }

    /// Bytes that are stored now.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file says more than it can hold; [`Error::NotFound`] in a forked child when it is gone.
    pub fn data_len(&self) -> Result<u64> {
        Ok(self.inner.data_len()? as u64)
    }

    /// How often the buffer was written, counted by two for each write; odd while a write is under way.
    ///
    /// # Errors
    /// [`Error::NotFound`] in a forked child when the buffer is gone.
    pub fn sequence(&self) -> Result<u64> {
        Ok(self.inner.segment.shared()?.word(AT_SEQUENCE).load(Ordering::Acquire))
    }

    /// The descriptor, as it is now.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::NotFound`] in a forked child when the buffer is gone.
    pub fn descriptor(&self) -> Result<Descriptor> {
        self.inner
            .segment
            .store()
            .describe_snapshot(&self.inner.segment.snapshot()?)
    }

    /// Replaces the data: one copy. Returns how many bytes were written.
    ///
    /// # Errors
    /// [`Error::CapacityExceeded`] with nothing changed, [`Error::Busy`] when others read or write for too long, or
    /// when somebody else has this pool slot open.
    pub fn write<'a>(&self, data: impl Into<Source<'a>>) -> Result<u64> {
        let data = data.into();
        let len = self.inner.check_len(data.len() as u64)?;
        let writing = Writing::begin(self)?;
        self.inner.segment.shared()?.copy_in(self.inner.payload, data);
        writing.finish(len)?;
        Ok(len as u64)
    }

    /// Empties the buffer; its capacity stays.
    ///
    /// # Errors
    /// As [`SharedBuffer::write`].
    pub fn clear(&self) -> Result<()> {
        self.write(b"").map(drop)
    }

    /// Memory of `len` bytes to be filled in place: what is stored now, where there is any. Nobody else reads or
    /// writes until [`BufferEdit::finish`]; if that is never called, readers get [`Error::Interrupted`].
    ///
    /// # Errors
    /// As [`SharedBuffer::write`].
    pub fn edit(&self, len: u64) -> Result<BufferEdit> {
        let len = self.inner.check_len(len)?;
        // Mapped before the old data is given up: this can fail.
        let mapping = self.inner.segment.map(Protection::Shared)?;
        let writing = Writing::begin(self)?;
        Ok(BufferEdit::new(
            OpenMemory::new(mapping, self.inner.payload, len),
            writing,
        ))
    }

    /// A copy of the data: one complete write, never parts of two.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the last writer died, [`Error::Busy`] when one takes too long, [`Error::Damaged`].
    pub fn read(&self) -> Result<Vec<u8>> {
        self.read_with(NewVec::with_len, |vec| vec.as_mut().map_or(&mut [], NewVec::memory))?
            .and_then(|vec| vec.filled(|_| Ok(())))
    }

    /// The same into memory that is allocated once the length is known, and again if that changes meanwhile.
    ///
    /// # Errors
    /// As [`SharedBuffer::read`].
    pub fn read_with<T>(
        &self,
        mut allocate: impl FnMut(usize) -> T,
        memory: impl Fn(&mut T) -> &mut [MaybeUninit<u8>],
    ) -> Result<T> {
        let inner = &self.inner;
        let mut copy = |before: Option<(usize, T)>| -> Result<(usize, T)> {
            let len = inner.data_len()?;
            let mut target = before
                .filter(|(size, _)| *size == len)
                .unwrap_or_else(|| (len, allocate(len)));
            inner.segment.shared()?.copy_out(inner.payload, memory(&mut target.1));
            Ok(target)
        };
        let mut target = None;
        for _ in 0..OPTIMISTIC_READS {
            let before = self.sequence()?;
            if before % 2 == 1 {
                break;
            }
            let copied = copy(target.take());
            fence(Ordering::Acquire);
            if self.sequence()? == before {
                self.check_current()?;
                return copied.map(|(_, copied)| copied);
            }
            target = copied.ok();
        }
        let _reading = Reading::begin(inner.clone())?;
        let copied = copy(target);
        self.check_current()?;
        copied.map(|(_, copied)| copied)
    }

    /// Refuses a slot that is somebody else's by now: a forked child keeps its parent's handle, but not its lock.
    pub(crate) fn check_current(&self) -> Result<()> {
        let of_lease = self.slot.as_ref().map(|slot| slot.generation());
        let Some(expected) = of_lease.or(self.inner.reading.map(|reading| reading.generation)) else {
            return Ok(());
        };
        let found = self.inner.segment.shared()?.word(AT_GENERATION).load(Ordering::Acquire);
        if found == expected {
            return Ok(());
        }
        Err(Error::Stale {
            id: self.id(),
            expected,
            found,
        })
    }

    /// The data without a copy. While it exists nobody can write; they get [`Error::Busy`].
    ///
    /// # Errors
    /// As [`SharedBuffer::read`].
    pub fn view(&self) -> Result<BufferView> {
        let reading = Reading::begin(self.inner.clone())?;
        let len = self.inner.data_len()?;
        self.check_current()?;
        let mapping = self.inner.segment.map_without_locks()?;
        Ok(BufferView::new(
            mapping,
            self.inner.payload,
            len,
            reading,
            self.slot.clone(),
        ))
    }

    /// Deletes the buffer. Who has it open keeps it until they drop it.
    ///
    /// # Errors
    /// [`Error::WrongRole`] for a pool's slot, which goes with its pool; [`Error::Io`].
    pub fn unlink(&self) -> Result<()> {
        self.inner.segment.snapshot_of(Role::Buffer)?;
        self.inner.segment.store().remove_file(self.id())
    }

    /// Whether the buffer is deleted when its last handle in this process is dropped.
    pub fn set_unlink_on_close(&self, unlink: bool) {
        // A slot goes with its pool.
        if self.is_slot() {
            return;
        }
        self.inner
            .segment
            .set_on_close(if unlink { OnClose::Unlink } else { OnClose::Keep });
    }

    /// Whether this is a slot of a pool.
    pub fn is_slot(&self) -> bool {
        self.slot.is_some() || self.inner.reading.is_some()
    }
}

impl Inner {
    pub(crate) fn new(segment: Segment, payload: usize, capacity: usize) -> Self {
        Self {
            segment,
            lock: DataLock::default(),
            payload,
            capacity,
            reading: None,
        }
    }

    /// An open file, as its header says.
    pub(crate) fn of(segment: Segment, snapshot: &Snapshot) -> Result<Self> {
        let path = segment.path();
        let size =
            |len: u64| usize::try_from(len).map_err(|_| Error::damaged(&path, "it is longer than memory can be"));
        let (payload, capacity) = (size(snapshot.payload)?, size(snapshot.header.capacity)?);
        Ok(Self::new(segment, payload, capacity))
    }

    fn data_len(&self) -> Result<usize> {
        let len = self.segment.shared()?.word(AT_DATA_LEN).load(Ordering::Relaxed);
        usize::try_from(len)
            .ok()
            .filter(|&len| len <= self.capacity)
            .ok_or_else(|| Error::damaged(&self.segment.path(), "its data is longer than its capacity"))
    }

    fn check_len(&self, needed: u64) -> Result<usize> {
        usize::try_from(needed)
            .ok()
            .filter(|&len| len <= self.capacity)
            .ok_or(Error::CapacityExceeded {
                needed,
                capacity: self.capacity as u64,
            })
    }
}
