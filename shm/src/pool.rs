//! Pools: buffers that are made once and given out again and again.
//!
//! A pool is a control file and its slots' files. The kernel's locks are the whole truth about who has what, so
//! there is no state to lose: a slot is free exactly when nobody, in any process, has its file locked. Every time
//! it is given out its generation is counted up, by which descriptors of earlier times are refused.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::buffer::{Inner as Slot, SharedBuffer, create_file};
use crate::error::{Error, Result};
use crate::header::{AT_DATA_LEN, AT_GENERATION, AT_SEQUENCE, Header, Role, State, Words};
use crate::metadata::{Metadata, PoolFacts};
use crate::options::BufferOptions;
use crate::segment::{OnClose, Segment, Snapshot};
use crate::store::{Content, Draft, PoolStatus, Reference, Store};
use crate::sys::{self, Access, Backoff, Mode, Source};

/// How long a slot that nobody has may be locked by those who look at it: collectors, and openers of old descriptors.
const LOOKERS_PATIENCE: Duration = Duration::from_millis(50);

/// Most slots of a pool.
pub const MAX_SLOTS: usize = 4096;

/// A set of buffers of one size, to be acquired and given back. Cloning gives another handle to the same.
///
/// The pool goes when the last process that has it open lets go of it, unless it was made to persist.
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
pub struct BufferPool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    control: Segment,
    slots: Vec<Arc<Slot>>,
    buffer_size: u64,
    /// One for each slot.
    given: Vec<Given>,
    /// Where to look first: the slot given out longest ago.
    next: AtomicUsize,
}

/// Whether this handle has a slot, which its own locks do not keep from itself: 0, or the process generation twice
/// and one more while it is tried, two more when it is had. What a forked child finds of its parent's means free.
#[derive(Debug, Default)]
struct Given(AtomicU64);

impl Given {
    fn trying() -> u64 {
        sys::process_generation() * 2 + 1
    }

    /// Claims the slot for a try; or says whether it may be free in a moment.
    fn claim(&self) -> std::result::Result<(), bool> {
        let found = self.0.load(Ordering::Relaxed);
        if found == Self::trying() || found == Self::trying() + 1 {
            return Err(found == Self::trying());
        }
        let claimed = self
            .0
            .compare_exchange(found, Self::trying(), Ordering::Acquire, Ordering::Relaxed);
        claimed.map(drop).map_err(|_| true)
    }

    fn keep(&self) {
        self.0.store(Self::trying() + 1, Ordering::Relaxed);
    }

    fn free(&self) {
        self.0.store(0, Ordering::Release);
    }

    fn is_kept(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::trying() + 1
    }
}

impl BufferPool {
    /// Makes a pool of `capacity` slots of `buffer_size` bytes, all of which are reserved at once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn create(store: &Store, capacity: usize, buffer_size: u64, options: &BufferOptions) -> Result<Self> {
        if capacity == 0 || capacity > MAX_SLOTS {
            return Err(Error::invalid(
                "capacity",
                format!("{capacity} slots; 1 to {MAX_SLOTS} are possible"),
            ));
        }
        let mut metadata = options.metadata(0)?;
        let mut control = Header::new(Role::Pool, 0, options.wanted_ttl(), Metadata::default());
        // Slots are held while they are made: one whose pool is not there yet looks like a dead pool's.
        let slots = (0..capacity)
            .map(|_| create_slot(store, buffer_size, control.id, &metadata))
            .collect::<Result<Vec<_>>>()?;
        metadata.pool = Some(PoolFacts {
            buffer_size,
            slots: slots.iter().map(Segment::id).collect(),
            persistent: options.is_persistent(),
        });
        control.metadata = metadata;
        let bytes = control.encode(Words::new(State::Open, 0))?;
        let draft = Draft::new(store, control.id, Content::Rewritable, bytes.len() as u64)?;
        draft.write(0, Source::from(&bytes))?;
        let (name, replace) = options.wants_name();
        let segment = draft.publish(name, replace)?;
        for slot in &slots {
            slot.set_on_close(OnClose::Keep);
        }
        let snapshot = segment.snapshot()?;
        Self::from_segment(segment, snapshot)
    }

    /// Opens a pool by id, name or descriptor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongRole`], [`Error::Damaged`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn open(store: &Store, reference: &Reference) -> Result<Self> {
        let (control, snapshot) = Segment::open(store, store.resolve(reference)?, Access::Read)?;
        Self::from_segment(control, snapshot)
    }

    fn from_segment(control: Segment, snapshot: Snapshot) -> Result<Self> {
        snapshot.expect(Role::Pool)?;
        let facts = snapshot.header.metadata.pool;
        let facts = facts.ok_or_else(|| Error::damaged(&control.path(), "it lacks what a pool must know"))?;
        let store = control.store();
        let slots = facts
            .slots
            .iter()
            .map(|&id| Slot::open_slot(store, id).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        if !facts.persistent {
            control.set_on_close(OnClose::UnlinkIfLast);
        }
        Ok(Self(Arc::new(Inner {
            given: slots.iter().map(|_| Given::default()).collect(),
            next: AtomicUsize::new(0),
            buffer_size: facts.buffer_size,
            control,
            slots,
        })))
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
        let mut free = 0;
        for (slot, given) in self.0.slots.iter().zip(&self.0.given) {
            free += usize::from(!given.is_kept() && !slot.is_taken_elsewhere()?);
        }
        Ok(free)
    }

    /// The pool as anybody in the store sees it.
    ///
    /// # Errors
    /// As [`Store::pool`].
    pub fn status(&self) -> Result<PoolStatus> {
        self.0.control.store().pool(&self.id().into())
    }

    /// Takes a free slot, emptied. It is given back when the buffer and all views of it are dropped, or when this
    /// process dies. Never waits.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when there is none.
    pub fn acquire(&self) -> Result<SharedBuffer> {
        self.0.control.file()?;
        let mut backoff = Backoff::new(LOOKERS_PATIENCE);
        loop {
            match self.0.take_any()? {
                Taken::Slot { index, generation } => {
                    let lease = SlotLease {
                        pool: self.0.clone(),
                        index,
                        generation,
                        process: sys::process_generation(),
                    };
                    return Ok(SharedBuffer::from_slot(self.0.slots[index].clone(), lease));
                }
                // Somebody only looks at it: they lock it for a moment.
                Taken::SoonFree if backoff.pause() => {}
                Taken::SoonFree | Taken::None => {
                    return Err(Error::Exhausted {
                        pool: self.id(),
                        slots: self.0.slots.len(),
                    });
                }
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
enum Taken {
    Slot {
        index: usize,
        generation: u64,
    },
    /// All are locked, but nobody has at least one of them.
    SoonFree,
    None,
}

impl Inner {
    fn take_any(&self) -> Result<Taken> {
        let count = self.slots.len();
        let first = self.next.load(Ordering::Relaxed);
        let mut taken = Taken::None;
        for index in (0..count).map(|i| (first + i) % count) {
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
                return Ok(Taken::Slot { index, generation });
            }
            given.free();
            tried?;
            if !slot.is_taken_elsewhere()? {
                taken = Taken::SoonFree;
            }
        }
        Ok(taken)
    }
}

impl Slot {
    /// Takes this slot if nobody has it: alone for a moment, to count its generation up, then for good. Gives the
    /// generation.
    fn try_take(&self) -> Result<Option<u64>> {
        let segment = &self.segment;
        let failed = |error| Error::io("take", &segment.path(), error);
        let mapping = segment.shared()?;
        let file = segment.file()?.as_fd();
        if !sys::try_lock_file(file, Mode::Exclusive).map_err(failed)? {
            return Ok(None);
        }
        let generation = mapping.word(AT_GENERATION);
        let mine = generation.load(Ordering::Relaxed).wrapping_add(1);
        generation.store(mine, Ordering::Relaxed);
        mapping.word(AT_DATA_LEN).store(0, Ordering::Relaxed);
        // Even, also if its last holder died while it wrote.
        let sequence = mapping.word(AT_SEQUENCE);
        let last = sequence.load(Ordering::Relaxed);
        sequence.store(last.wrapping_add(last & 1), Ordering::Release);
        // The kernel gives up the exclusive lock before it grants the shared one; whoever came in between has
        // counted the generation up.
        let shared = sys::try_lock_file(file, Mode::Shared).map_err(failed)?;
        if !shared || generation.load(Ordering::Acquire) != mine {
            self.give_back()?;
            return Ok(None);
        }
        // Only those who have the whole-file lock take this one.
        sys::lock_byte(file, sys::BYTE_SLOT, Mode::Exclusive, Duration::ZERO).map_err(failed)?;
        Ok(Some(mine))
    }

    fn give_back(&self) -> Result<()> {
        let segment = &self.segment;
        let file = segment.file()?.as_fd();
        sys::unlock_byte(file, sys::BYTE_SLOT)
            .and_then(|()| sys::unlock_file(file))
            .map_err(|error| Error::io("give back", &segment.path(), error))
    }

    /// Whether another handle, in this process or elsewhere, has the slot to write or to read.
    fn is_taken_elsewhere(&self) -> Result<bool> {
        let segment = &self.segment;
        let file = segment.file()?.as_fd();
        let locked = |byte| sys::is_locked_against(file, byte, Mode::Exclusive);
        locked(sys::BYTE_SLOT)
            .and_then(|given| Ok(given || locked(sys::BYTE_DATA)?))
            .map_err(|error| Error::io("look at the locks of", &segment.path(), error))
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
        if let Err(error) = self.pool.slots[self.index].give_back() {
            tracing::warn!(%error, "a slot is free when its pool is closed");
            return;
        }
        self.pool.given[self.index].free();
    }
}

/// A slot's file, deleted again with its handle until its pool is complete.
fn create_slot(store: &Store, buffer_size: u64, pool: Uuid, of_pool: &Metadata) -> Result<Segment> {
    let metadata = Metadata {
        kind: of_pool.kind,
        source_dcc: of_pool.source_dcc.clone(),
        group: of_pool.group.clone(),
        slot_of: Some(pool),
        ..Metadata::default()
    };
    let slot = create_file(store, Role::Slot, buffer_size, metadata, &BufferOptions::default())?;
    slot.set_on_close(OnClose::Unlink);
    Ok(slot)
}
