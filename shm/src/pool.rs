//! Pools: buffers that are made once and given out again and again.
//!
//! A pool is a control file and its slots' files. The kernel's locks are the whole truth about who has what, so
//! there is no state to lose: a slot is free exactly when nobody, in any process, has its file locked. Every time
//! it is given out its generation is counted up, by which descriptors of earlier times are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::buffer::{Inner as Slot, SharedBuffer};
use crate::error::{Error, Result};
use crate::header::Role;
use crate::metadata::PoolFacts;
use crate::segment::{OnClose, Segment, Snapshot};
use crate::slot::Given;
use crate::store::{PoolStatus, Reference, Store};
use crate::sys::{self, Backoff};

/// How long a slot that nobody has may be locked by those who look at it: collectors, and openers of old descriptors.
/// They need microseconds, and on a busy machine a turn of the processor.
const LOOKERS_PATIENCE: Duration = Duration::from_millis(250);

/// How often all slots are found in use before that is an error: one may come back behind the back of who looks.
const PASSES: u32 = 2;

/// Most slots of a pool.
pub const MAX_SLOTS: usize = 4096;

/// A set of buffers of one size, to be acquired and given back. Cloning gives another handle to the same.
///
/// The pool goes when the last process that has it open lets go of it, unless it was made to persist.
///
/// Its size never changes. When it is too small, make a larger one that takes over its name
/// ([`BufferOptions::replace`](crate::BufferOptions::replace)): who has the old one open keeps it and its slots, and who
/// opens the name from then on gets the new one.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
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
pub struct BufferPool(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) control: Segment,
    pub(crate) slots: Vec<Arc<Slot>>,
    buffer_size: u64,
    /// One for each slot.
    given: Vec<Given>,
    /// Where to look first: the slot given out longest ago.
    next: AtomicUsize,
}

impl BufferPool {
    /// Opens a pool by id, name or descriptor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongRole`], [`Error::Damaged`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn open(store: &Store, reference: &Reference) -> Result<Self> {
        store.at_place(reference, |place| {
            let (control, snapshot) = Segment::open_rewritable(store, place.id, Role::Pool.as_str())?;
            Self::from_segment(control, snapshot)
        })
    }

    fn from_segment(control: Segment, snapshot: Snapshot) -> Result<Self> {
        snapshot.expect(Role::Pool)?;
        let facts = snapshot.header.metadata.pool;
        let facts = facts.ok_or_else(|| Error::damaged(&control.path(), "it lacks what a pool must know"))?;
        let slots = Self::open_slots(control.store(), &facts)?;
        Ok(Self::with_slots(control, &facts, slots))
    }

    pub(crate) fn open_slots(store: &Store, facts: &PoolFacts) -> Result<Vec<Arc<Slot>>> {
        let open = |&id| Slot::open_slot(store, id).map(Arc::new);
        facts.slots.iter().map(open).collect()
    }

    pub(crate) fn with_slots(control: Segment, facts: &PoolFacts, slots: Vec<Arc<Slot>>) -> Self {
        if !facts.persistent {
            control.set_on_close(OnClose::UnlinkIfLast);
        }
        Self(Arc::new(Inner {
            given: slots.iter().map(|_| Given::default()).collect(),
            next: AtomicUsize::new(0),
            buffer_size: facts.buffer_size,
            control,
            slots,
        }))
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
    /// As [`Store::pool`].
    pub fn status(&self) -> Result<PoolStatus> {
        self.0.control.store().pool(&self.id().into())
    }

    /// Takes a free slot, emptied. It is given back when the buffer and all views of it are dropped, or when this
    /// process dies. Never waits; see [`BufferPool::acquire_timeout`].
    ///
    /// # Errors
    /// [`Error::Exhausted`] when there is none.
    pub fn acquire(&self) -> Result<SharedBuffer> {
        let mut backoff = Backoff::new(LOOKERS_PATIENCE);
        let mut passes = 0;
        loop {
            match self.0.take_out_of_line()? {
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
        self.0.control.store().remove(self.id())
    }
}

/// What came of looking for a free slot.
pub(crate) enum Taken {
    Slot(SharedBuffer),
    /// Nobody has at least one of them, but somebody looks at it, or waits for it longer.
    SoonFree,
    None,
}

impl Inner {
    /// Takes a slot without waiting, unless others wait for one.
    pub(crate) fn take_out_of_line(self: &Arc<Self>) -> Result<Taken> {
        self.control.file()?;
        if self.line()?.is_empty() {
            return self.take_any();
        }
        Ok(if self.free()? > 0 { Taken::SoonFree } else { Taken::None })
    }

    pub(crate) fn take_any(self: &Arc<Self>) -> Result<Taken> {
        self.take_among(self.next.load(Ordering::Relaxed), self.slots.len())
    }

    /// Takes one of so many slots, beginning with the first of these.
    pub(crate) fn take_among(self: &Arc<Self>, first: usize, among: usize) -> Result<Taken> {
        let count = self.slots.len();
        let mut taken = Taken::None;
        for index in (0..among).map(|i| (first + i) % count) {
            let (slot, given) = (&self.slots[index], &self.given[index]);
            match given.claim() {
                Ok(()) => {}
                Err(false) => continue,
                Err(true) => {
                    taken = Taken::SoonFree;
                    continue;
                }
            }
            let tried = slot.try_take();
            if let Ok(Some(generation)) = tried {
                given.keep();
                self.next.store((index + 1) % count, Ordering::Relaxed);
                let lease = SlotLease {
                    pool: self.clone(),
                    index,
                    generation,
                    process: sys::process_generation(),
                };
                return Ok(Taken::Slot(SharedBuffer::from_slot(slot.clone(), lease)));
            }
            given.free();
            tried?;
            if !slot.is_taken_elsewhere()? {
                taken = Taken::SoonFree;
            }
        }
        Ok(taken)
    }

    fn free(&self) -> Result<usize> {
        let mut free = 0;
        for (slot, given) in self.slots.iter().zip(&self.given) {
            free += usize::from(!given.is_kept() && !slot.is_taken_elsewhere()?);
        }
        Ok(free)
    }

    /// The error that says who has the slots.
    pub(crate) fn exhausted(&self, waited: Duration) -> Result<Error> {
        let mut holders = Vec::new();
        for (slot, given) in self.slots.iter().zip(&self.given) {
            if given.is_kept() || slot.is_given_elsewhere()? {
                holders.extend(slot.holder()?);
            }
        }
        Ok(Error::Exhausted {
            pool: self.control.id(),
            slots: self.slots.len(),
            holders,
            waited,
        })
    }
}

/// The right to use a slot, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct SlotLease {
    pool: Arc<Inner>,
    index: usize,
    generation: u64,
    process: u64,
}

impl SlotLease {
    /// The generation that the slot has while this lease lasts.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it was given to this process and not to the one that forked it.
    pub(crate) fn is_own(&self) -> bool {
        self.process == sys::process_generation()
    }
}

impl Drop for SlotLease {
    fn drop(&mut self) {
        if !self.is_own() {
            return;
        }
        let slot = &self.pool.slots[self.index];
        if let Err(error) = slot.give_back() {
            tracing::warn!(%error, "a slot is free when its pool is closed");
            return;
        }
        self.pool.given[self.index].free();
        let wanted = slot.was_wanted().unwrap_or(true);
        if wanted && let Err(error) = self.pool.wake_waiters() {
            tracing::debug!(%error, "who waits for a slot looks again by itself");
        }
    }
}
