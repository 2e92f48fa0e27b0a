//! Pools: buffers that are made once and given out again and again.
//!
//! A pool is a control file and its slots' files. Among processes only the kernel's locks say which slots are in use, so there is
//! no state to lose: a slot is in use while its slot byte or its data byte is locked. A lock of the whole file alone belongs to a
//! process that looks at the slot, or is just about to take it. Every time a slot is given out its generation is counted up, so
//! that descriptors of earlier times are refused.

mod given;
mod new;
mod open_pool;
mod slot;
mod status;
mod taking;
mod wait;
mod waiting_line;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use self::open_pool::{OpenPool, Taken};
use self::slot::Slot;
pub use self::status::{PoolStatus, SlotStatus};
use crate::buffer::SharedBuffer;
use crate::directory::{Directory, Found};
use crate::error::{Error, Result};
use crate::format::{PoolFacts, Role, Snapshot};
use crate::segment::{OnClose, Segment};
use crate::sys::Backoff;

/// How long a free slot may be locked by processes that look at it: collectors, and openers of old descriptors. They
/// need microseconds, and on a busy machine a turn of the processor.
const LOOKERS_PATIENCE: Duration = Duration::from_millis(250);

/// How many full passes must find no free slot before `Exhausted`: a slot already passed may be released during the pass.
const PASSES: u32 = 2;

/// A set of buffers of one size, to be acquired and given back. Cloning gives another handle to the same.
///
/// The pool goes when the last process that has it open lets go of it, unless it was made to persist.
///
/// Its size never changes. When it is too small, make a larger one that takes over its name
/// ([`BufferOptions::replace`](crate::BufferOptions::replace)): programs that have the old one open keep it and its
/// slots, and programs that open the name from then on get the new one.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
/// use dcc_mcp_shm::{BufferOptions, BufferPool};
///
/// let pool = BufferPool::create(&store, 4, 1024, &BufferOptions::default().name("viewport"))?;
/// let buffer = pool.acquire()?;
/// buffer.write(b"frame 1")?;
/// assert_eq!(pool.available()?, 3);
/// drop(buffer);
/// assert_eq!(pool.available()?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BufferPool(Arc<OpenPool>);

impl BufferPool {
    /// Opens the pool that somebody meant.
    pub(crate) fn open_found(directory: &Directory, Found { id, .. }: Found) -> Result<Self> {
        let (control, snapshot) = Segment::open_rewritable(directory, id, Role::Pool.as_str())?;
        Self::from_segment(control, snapshot)
    }

    fn from_segment(control: Segment, snapshot: Snapshot) -> Result<Self> {
        snapshot.expect(Role::Pool)?;
        let facts = snapshot.header.metadata.pool;
        let facts = facts.ok_or_else(|| Error::damaged(control.path(), "it lacks what a pool must know"))?;
        let slots = Self::open_slots(control.directory(), &facts)?;
        Ok(Self::with_slots(control, &facts, slots))
    }

    fn open_slots(directory: &Directory, facts: &PoolFacts) -> Result<Vec<Slot>> {
        facts.slots.iter().map(|&id| Slot::open(directory, id)).collect()
    }

    fn with_slots(control: Segment, facts: &PoolFacts, slots: Vec<Slot>) -> Self {
        if !facts.persistent {
            control.set_on_close(OnClose::UnlinkIfLast);
        }
        Self(Arc::new(OpenPool::new(control, facts.buffer_size, slots)))
    }

    /// The pool's id: a UUID.
    pub fn id(&self) -> Uuid {
        self.0.control.id()
    }

    /// How many slots there are.
    pub fn capacity(&self) -> usize {
        self.0.slots.len()
    }

    /// Bytes that each slot holds.
    pub fn buffer_size(&self) -> u64 {
        self.0.buffer_size
    }

    /// Bytes of all slots together.
    pub fn total_bytes(&self) -> u64 {
        self.0.buffer_size.saturating_mul(self.0.slots.len() as u64)
    }

    /// How many slots nobody has, in any process.
    ///
    /// # Errors
    /// [`Error::Io`] when the kernel cannot be asked.
    pub fn available(&self) -> Result<usize> {
        self.0.control.file()?;
        self.0.free()
    }

    /// The pool as anybody in the store sees it.
    ///
    /// # Errors
    /// As [`Store::pool`](crate::Store::pool).
    pub fn status(&self) -> Result<PoolStatus> {
        let directory = self.0.control.directory();
        let snapshot = directory.look(self.id())?;
        snapshot.expect(Role::Pool)?;
        PoolStatus::of(directory, &snapshot)
    }

    /// Takes a free slot, emptied. It is given back when the buffer and all views of it are dropped, or when this
    /// process dies. Never waits; see [`BufferPool::acquire_timeout`].
    ///
    /// # Errors
    /// [`Error::Exhausted`] when no slot is free.
    pub fn acquire(&self) -> Result<SharedBuffer> {
        let mut backoff = Backoff::new(LOOKERS_PATIENCE);
        let mut passes = 0;
        loop {
            match self.0.take_unless_others_wait()? {
                Taken::Slot(buffer) => return Ok(buffer),
                Taken::SoonFree if backoff.pause() => {}
                Taken::None if passes < PASSES => passes += 1,
                Taken::SoonFree | Taken::None => return Err(self.0.exhausted(Duration::ZERO)?),
            }
        }
    }

    /// Deletes the pool and its slots. Who has one of them keeps it until they drop it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn unlink(&self) -> Result<()> {
        self.0.control.delete()
    }
}
