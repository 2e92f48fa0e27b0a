//! Buffers that any process can rewrite at any time, and whose readers get one complete write or wait.
//!
//! The sequence word is even while nobody writes. A reader that finds it even and unchanged around its copy has
//! one whole write, without a system call; otherwise it takes the data lock. A word that is odd although the
//! lock could be taken was left by a writer that died.

mod access;
mod bell;
mod data_lock;
mod edit;
mod file;
mod lease;
mod new;
mod open;
mod slot_reading;
mod view;
mod wait;

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use uuid::Uuid;

use self::access::{Reading, Writing};
pub(crate) use self::bell::{ring, wake, want, was_wanted};
pub use self::edit::BufferEdit;
pub(crate) use self::file::BufferFile;
pub(crate) use self::lease::SlotLease;
pub(crate) use self::new::NewBuffer;
pub use self::view::BufferView;
use crate::error::{Error, Result};
use crate::format::{AT_GENERATION, AT_SEQUENCE, Descriptor, Role};
use crate::memory::OpenMemory;
use crate::segment::OnClose;
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
    file: Arc<BufferFile>,
    /// Held last: a slot is given back when everything else has let go of it.
    slot: Option<Arc<dyn SlotLease>>,
}

impl SharedBuffer {
    /// A slot that was just acquired, through the handle that its pool keeps.
    pub(crate) fn from_slot(file: Arc<BufferFile>, lease: Arc<dyn SlotLease>) -> Self {
        Self {
            file,
            slot: Some(lease),
        }
    }

    /// The id: a UUID.
    pub fn id(&self) -> Uuid {
        self.file.segment.id()
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.file.segment.path()
    }

    /// Most bytes that can be stored.
    pub fn capacity(&self) -> u64 {
        self.file.capacity as u64
    }

    /// Bytes that are stored now.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file says more than it can hold; [`Error::NotFound`] in a forked child when it is gone.
    pub fn data_len(&self) -> Result<u64> {
        Ok(self.file.data_len()? as u64)
    }

    /// How often the buffer was written, counted by two for each write; odd while a write is under way.
    ///
    /// # Errors
    /// [`Error::NotFound`] in a forked child when the buffer is gone.
    pub fn sequence(&self) -> Result<u64> {
        Ok(self.file.segment.shared()?.word(AT_SEQUENCE).load(Ordering::Acquire))
    }

    /// The descriptor, as it is now.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::NotFound`] in a forked child when the buffer is gone.
    pub fn descriptor(&self) -> Result<Descriptor> {
        self.file
            .segment
            .directory()
            .describe_snapshot(&self.file.segment.snapshot()?)
    }

    /// Replaces the data: one copy. Returns how many bytes were written.
    ///
    /// # Errors
    /// [`Error::CapacityExceeded`] with nothing changed, [`Error::Busy`] when others read or write for too long, or
    /// when somebody else has this pool slot open.
    pub fn write<'a>(&self, data: impl Into<Source<'a>>) -> Result<u64> {
        let data = data.into();
        let len = self.file.check_len(data.len() as u64)?;
        let writing = Writing::begin(self)?;
        self.file.segment.shared()?.copy_in(self.file.payload, data);
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
        let len = self.file.check_len(len)?;
        // Mapped before the old data is given up: this can fail.
        let mapping = self.file.segment.map(Protection::Shared)?;
        let writing = Writing::begin(self)?;
        Ok(BufferEdit::new(
            OpenMemory::new(mapping, self.file.payload, len),
            writing,
        ))
    }

    /// A copy of the data: one complete write, never parts of two.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the last writer died, [`Error::Busy`] when one takes too long, [`Error::Damaged`].
    pub fn read(&self) -> Result<Vec<u8>> {
        self.read_with(NewVec::with_len, |vec| vec.as_mut().map_or(&mut [], NewVec::memory))??
            .filled(|_| Ok(()))
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
        let file = &self.file;
        let mut copy = |before: Option<(usize, T)>| -> Result<(usize, T)> {
            let len = file.data_len()?;
            let mut target = before
                .filter(|(size, _)| *size == len)
                .unwrap_or_else(|| (len, allocate(len)));
            file.segment.shared()?.copy_out(file.payload, memory(&mut target.1));
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
        let _reading = Reading::begin(file.clone())?;
        let copied = copy(target);
        self.check_current()?;
        copied.map(|(_, copied)| copied)
    }

    /// Refuses a slot that is somebody else's by now: a forked child keeps its parent's handle, but not its lock.
    pub(crate) fn check_current(&self) -> Result<()> {
        let of_lease = self.slot.as_ref().map(|slot| slot.generation());
        let Some(expected) = of_lease.or(self.file.reading.map(|reading| reading.generation)) else {
            return Ok(());
        };
        let found = self.file.segment.shared()?.word(AT_GENERATION).load(Ordering::Acquire);
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
        let reading = Reading::begin(self.file.clone())?;
        let len = self.file.data_len()?;
        self.check_current()?;
        let mapping = self.file.segment.map_without_locks()?;
        Ok(BufferView::new(
            mapping,
            self.file.payload,
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
        self.file.segment.snapshot_of(Role::Buffer)?;
        self.file.segment.directory().remove_file(self.id())
    }

    /// Whether the buffer is deleted when its last handle in this process is dropped.
    pub fn set_unlink_on_close(&self, unlink: bool) {
        // A slot goes with its pool.
        if self.is_slot() {
            return;
        }
        self.file
            .segment
            .set_on_close(if unlink { OnClose::Unlink } else { OnClose::Keep });
    }

    /// Whether this is a slot of a pool.
    pub fn is_slot(&self) -> bool {
        self.slot.is_some() || self.file.reading.is_some()
    }
}
