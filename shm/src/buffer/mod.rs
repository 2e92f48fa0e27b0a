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
mod new;
mod open;
mod rewriting;
mod slot_hold;
mod slot_reading;
mod view;
mod wait;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

pub(crate) use self::bell::{ring, wake, want, was_wanted};
pub use self::edit::BufferEdit;
pub(crate) use self::file::BufferFile;
pub(crate) use self::new::{NewBuffer, check_capacity};
pub(crate) use self::slot_hold::SlotHold;
pub use self::view::BufferView;
use crate::error::{Error, Result};
use crate::format::{AT_GENERATION, AT_SEQUENCE, Descriptor, Role};
use crate::segment::OnClose;

/// A buffer that any process can rewrite at any time. Cloning gives another handle to the same.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
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
    slot: Option<Arc<dyn SlotHold>>,
}

impl SharedBuffer {
    /// A slot that was just acquired, through the handle that its pool keeps.
    pub(crate) fn from_slot(file: Arc<BufferFile>, hold: Arc<dyn SlotHold>) -> Self {
        Self { file, slot: Some(hold) }
    }

    /// The id: a UUID.
    pub fn id(&self) -> Uuid {
        self.file.segment.id()
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.file.segment.path().to_owned()
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

    /// Changes how long the buffer stays after its last holder anywhere let go, up to 584 years; zero is until it is deleted.
    ///
    /// # Errors
    /// [`Error::WrongRole`] for a pool's slot, which goes with its pool; [`Error::NotFound`] when it has been deleted,
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::Busy`], [`Error::Io`].
    pub fn set_ttl(&self, ttl: Duration) -> Result<()> {
        self.file.segment.set_ttl(ttl)
    }

    /// Deletes the buffer. Who has it open keeps it until they drop it.
    ///
    /// # Errors
    /// [`Error::WrongRole`] for a pool's slot, which goes with its pool; [`Error::Io`].
    pub fn unlink(&self) -> Result<()> {
        self.file.segment.snapshot_of(Role::Buffer)?;
        self.file.segment.delete()
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
