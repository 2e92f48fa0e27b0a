//! Making a buffer, and opening a buffer or somebody else's slot, by whatever it is known by.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::buffer::{Inner, SharedBuffer, SlotReading};
use crate::data_lock::READ_PATIENCE;
use crate::error::{Error, Result};
use crate::header::{Header, Role, State, Words};
use crate::metadata::Metadata;
use crate::options::BufferOptions;
use crate::segment::{Segment, Snapshot};
use crate::store::{Content, Draft, Place, Reference, Store};
use crate::sys::{self, Source};
use crate::target::{Target, in_store_of};

impl SharedBuffer {
    /// Makes a buffer for up to `capacity` bytes, which are reserved at once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::Io`].
    pub fn create(store: &Store, capacity: u64, options: &BufferOptions) -> Result<Self> {
        let metadata = options.metadata(0)?;
        store.make(|| {
            options.check_name(store)?;
            let mut new = NewFile::create(store, Role::Buffer, capacity, options.wanted_ttl(), metadata.clone())?;
            // What cannot be mapped here must not come to be, nor take the place of another.
            let mapping = new.draft.map()?;
            let (name, replace) = options.wants_name();
            let (payload, capacity) = (new.payload, new.capacity);
            let segment = new.draft.publish(name, replace)?;
            segment.keep_mapped(mapping);
            // From here on nothing may fail: others see the buffer.
            Ok(Self {
                inner: Arc::new(Inner::new(segment, payload, capacity)),
                slot: None,
            })
        })
    }

    /// Opens a buffer or a pool slot by id, name or descriptor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::WrongRole`], [`Error::InvalidDescriptor`],
    /// [`Error::Damaged`], [`Error::Busy`], [`Error::Io`].
    pub fn open(store: &Store, reference: &Reference) -> Result<Self> {
        store.at_place(reference, |Place { id, generation }| {
            Self::open_id(store, id, generation)
        })
    }

    /// Opens a buffer by the path and id that another process passed on.
    ///
    /// # Errors
    /// As [`SharedBuffer::open`]; [`Error::InvalidDescriptor`] when path and id do not match.
    pub fn open_path(path: &Path, id: Uuid) -> Result<Self> {
        in_store_of(path, id, |store| Self::open_id(store, id, None))
    }

    /// Opens the buffer that a descriptor means, in whatever store it lies.
    ///
    /// # Errors
    /// As [`SharedBuffer::open`]; [`Error::UnsafeStore`].
    pub fn from_descriptor(json: &str) -> Result<Self> {
        let target = Target::parse(json)?;
        target.in_store(|store| Self::open_id(store, target.id, Some(target.generation)))
    }

    fn open_id(store: &Store, id: Uuid, generation: Option<u64>) -> Result<Self> {
        let (segment, snapshot) = Segment::open_rewritable(store, id, "buffer")?;
        Self::from_segment(segment, &snapshot, generation)
    }

    fn from_segment(segment: Segment, snapshot: &Snapshot, generation: Option<u64>) -> Result<Self> {
        snapshot.expect_generation(generation)?;
        let role = snapshot.header.role;
        if !matches!(role, Role::Buffer | Role::Slot) {
            return Err(Error::WrongRole {
                id: segment.id(),
                expected: "buffer",
                found: role.as_str(),
            });
        }
        let mut inner = Inner::of(segment, snapshot)?;
        inner.segment.shared()?;
        if role == Role::Slot {
            // Its holder may not rewrite it while somebody else has it open.
            inner.lock.read(&inner.segment, READ_PATIENCE)?;
            let generation = generation.unwrap_or(snapshot.words.generation);
            inner.reading = Some(SlotReading {
                pool: snapshot.header.metadata.slot_of,
                generation,
                process: sys::process_generation(),
            });
            inner.segment.snapshot()?.expect_generation(Some(generation))?;
        }
        Ok(Self {
            inner: Arc::new(inner),
            slot: None,
        })
    }
}

impl Inner {
    /// A slot's file as its pool keeps it open, without a lock.
    pub(crate) fn open_slot(store: &Store, id: Uuid) -> Result<Self> {
        let (segment, snapshot) = Segment::open_unlocked(store, id)?;
        snapshot.expect(Role::Slot)?;
        segment.shared()?;
        Self::of(segment, &snapshot)
    }
}

/// A file for data that can be rewritten, with its memory reserved; not yet visible.
pub(crate) struct NewFile {
    pub(crate) draft: Draft,
    payload: usize,
    capacity: usize,
}

impl NewFile {
    pub(crate) fn create(store: &Store, role: Role, capacity: u64, ttl: Duration, metadata: Metadata) -> Result<Self> {
        if capacity == 0 || i64::try_from(capacity).is_err() {
            return Err(Error::invalid(
                "capacity",
                format!("{capacity} bytes; 1 to 2^63 - 1 are possible"),
            ));
        }
        let size = |len: u64| usize::try_from(len).map_err(|_| Error::invalid("capacity", "more than memory can be"));
        let mut header = Header::new(role, capacity, ttl, metadata)?;
        let payload = header.encode(Words::new(State::Open, 0))?.len() as u64;
        let draft = Draft::new(store, header.id, Content::Rewritable, payload.saturating_add(capacity))?;
        draft.reserve(payload)?;
        // Taking much memory takes seconds, and who waits for what is new goes by this time.
        header.stamp();
        draft.write(0, Source::from(&header.encode(Words::new(State::Open, 0))?))?;
        Ok(Self {
            draft,
            payload: size(payload)?,
            capacity: size(capacity)?,
        })
    }
}
