//! Making a pool: its slots first, and then the control file, with which all becomes visible.

use uuid::Uuid;

use crate::buffer_open::NewFile;
use crate::error::{Error, Result};
use crate::header::{Header, Role, State, Words};
use crate::metadata::{Metadata, PoolFacts};
use crate::options::{BufferOptions, DEFAULT_TTL};
use crate::pool::{BufferPool, MAX_SLOTS};
use crate::segment::{OnClose, Segment};
use crate::store::{Content, Draft, Reference, Store};
use crate::sys::{Backoff, LOCK_PATIENCE, Source};

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
        let metadata = options.metadata(0)?;
        store.make(|| Self::try_create(store, capacity, buffer_size, options, metadata.clone()))
    }

    fn try_create(
        store: &Store,
        capacity: usize,
        buffer_size: u64,
        options: &BufferOptions,
        mut metadata: Metadata,
    ) -> Result<Self> {
        options.check_name(store)?;
        let mut control = Header::new(Role::Pool, 0, options.wanted_ttl(), Metadata::default())?;
        // Slots are held while they are made: one whose pool is not there yet looks like a dead pool's.
        let slots = (0..capacity)
            .map(|_| create_slot(store, buffer_size, control.id, &metadata))
            .collect::<Result<Vec<_>>>()?;
        let facts = PoolFacts {
            buffer_size,
            slots: slots.iter().map(Segment::id).collect(),
            persistent: options.is_persistent(),
        };
        // What cannot be mapped here must not come to be, nor take the place of another.
        let opened = Self::open_slots(store, &facts)?;
        metadata.pool = Some(facts.clone());
        control.metadata = metadata;
        let bytes = control.encode(Words::new(State::Open, 0))?;
        let mut draft = Draft::new(store, control.id, Content::Rewritable, bytes.len() as u64)?;
        draft.write(0, Source::from(&bytes))?;
        let (name, replace) = options.wants_name();
        let segment = draft.publish(name, replace)?;
        for slot in &slots {
            slot.set_on_close(OnClose::Keep);
        }
        Ok(Self::with_slots(segment, &facts, opened))
    }

    /// Opens the pool of the name in `options`, or makes it if there is none. Of programs that do so at once, one makes
    /// it and the others open that; until then each takes the memory of one.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
    /// use dcc_mcp_shm::{BufferOptions, BufferPool};
    ///
    /// let options = BufferOptions::default().name("viewport");
    /// let one = BufferPool::open_or_create(&store, 4, 1024, &options)?;
    /// let two = BufferPool::open_or_create(&store, 4, 1024, &options)?;
    /// assert_eq!(one.id(), two.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the pool has other slots than those asked for, and when there is no name or it is
    /// to be replaced; [`Error::WrongRole`] when the name is that of something else; otherwise as
    /// [`BufferPool::create`] and [`BufferPool::open`].
    pub fn open_or_create(store: &Store, capacity: usize, buffer_size: u64, options: &BufferOptions) -> Result<Self> {
        let (Some(name), false) = options.wants_name() else {
            let problem = "is needed to find the pool by, without replace";
            return Err(Error::invalid("name", problem));
        };
        let reference = Reference::Name(name.to_owned());
        // One that nobody has any more goes: it may have other slots.
        store.living_holder_of_name(name)?;
        let mut backoff = Backoff::new(LOCK_PATIENCE);
        loop {
            // Another may make it, or delete it, between one attempt and the other.
            let found = match Self::open(store, &reference) {
                Err(Error::NotFound { .. }) => Self::create(store, capacity, buffer_size, options),
                opened => opened.and_then(|pool| pool.expect(capacity, buffer_size)),
            };
            match found {
                Err(Error::NameTaken { .. }) if backoff.pause() => {}
                found => return found,
            }
        }
    }

    fn expect(self, capacity: usize, buffer_size: u64) -> Result<Self> {
        let found = (self.capacity(), self.buffer_size());
        if found == (capacity, buffer_size) {
            return Ok(self);
        }
        let argument = if found.0 == capacity { "buffer_size" } else { "capacity" };
        Err(Error::invalid(
            argument,
            format!(
                "a pool of this name has {} slots of {} bytes, not {capacity} of {buffer_size}; open it as it is, or replace it",
                found.0, found.1
            ),
        ))
    }
}

/// A slot's file, deleted again with its handle until its pool is complete.
fn create_slot(store: &Store, buffer_size: u64, pool: Uuid, of_pool: &Metadata) -> Result<Segment> {
    let metadata = Metadata {
        kind: of_pool.kind,
        source_dcc: of_pool.source_dcc.clone(),
        group: of_pool.group.clone(),
        attrs: of_pool.attrs.clone(),
        slot_of: Some(pool),
        ..Metadata::default()
    };
    let mut new = NewFile::create(store, Role::Slot, buffer_size, DEFAULT_TTL, metadata)?;
    let slot = new.draft.publish(None, false)?;
    slot.set_on_close(OnClose::Unlink);
    Ok(slot)
}
