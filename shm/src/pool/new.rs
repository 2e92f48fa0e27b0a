//! Making a pool: its slots first, and then the control file, with which all becomes visible.

use uuid::Uuid;

use super::BufferPool;
use crate::buffer::{NewBuffer, check_capacity};
use crate::collector::Collector;
use crate::directory::{Content, Directory, Reference};
use crate::error::{Error, Result};
use crate::format::{
    BufferOptions, CheckedOptions, DEFAULT_TTL, Header, MAX_SLOTS, Metadata, PoolFacts, Role, State, Words,
};
use crate::segment::{OnClose, Segment};
use crate::sys::{Backoff, LOCK_PATIENCE, Source};

impl BufferPool {
    /// Makes a pool of `capacity` slots of `buffer_size` bytes in this directory.
    pub(crate) fn create_in(
        directory: &Directory,
        capacity: usize,
        buffer_size: u64,
        options: &BufferOptions,
    ) -> Result<Self> {
        if capacity == 0 || capacity > MAX_SLOTS {
            return Err(Error::invalid(
                "capacity",
                format!("{capacity} slots; 1 to {MAX_SLOTS} are possible"),
            ));
        }
        check_capacity(buffer_size)?;
        let options = options.clone().checked()?;
        Collector(directory).make(|| Self::try_create(directory, capacity, buffer_size, &options))
    }

    fn try_create(directory: &Directory, capacity: usize, buffer_size: u64, options: &CheckedOptions) -> Result<Self> {
        Collector(directory).check_name(options)?;
        directory.check_room_of_all(capacity as u64, buffer_size)?;
        let mut control = Header::new(Role::Pool, 0, options.ttl, Metadata::default())?;
        // Slots are held while they are made: one whose pool is not there yet looks like a dead pool's.
        let slots = (0..capacity)
            .map(|_| create_slot(directory, buffer_size, control.id, &options.metadata))
            .collect::<Result<Vec<_>>>()?;
        let facts = PoolFacts {
            buffer_size,
            slots: slots.iter().map(Segment::id).collect(),
            persistent: options.persistent,
        };
        // What cannot be mapped here must not come to be, nor take the place of another.
        let opened = Self::open_slots(directory, &facts)?;
        control.metadata = Metadata {
            pool: Some(facts.clone()),
            ..options.metadata.clone()
        };
        let bytes = control.encode(Words::new(State::Open, 0).publishing())?;
        let mut draft = Collector(directory).draft(control.id, Content::Rewritable, bytes.len() as u64)?;
        draft.write(0, Source::from(&bytes))?;
        draft.take_number()?;
        let (name, replace) = options.name();
        let segment = Segment::publish(&mut draft, name, replace)?;
        for slot in &slots {
            slot.set_on_close(OnClose::Keep);
        }
        Ok(Self::with_slots(segment, &facts, opened))
    }

    /// Opens the pool of the name in `options`, or makes it in this directory if it does not exist.
    pub(crate) fn open_or_create_in(
        directory: &Directory,
        capacity: usize,
        buffer_size: u64,
        options: &BufferOptions,
    ) -> Result<Self> {
        let (Some(name), false) = options.wants_name() else {
            let problem = "is needed to find the pool by, without replace";
            return Err(Error::invalid("name", problem));
        };
        let reference = Reference::Name(name.to_owned());
        // One that nobody has any more goes: it may have other slots.
        Collector(directory).living_holder_of_name(name)?;
        let mut backoff = Backoff::new(LOCK_PATIENCE);
        loop {
            // Another may make it, or delete it, between one attempt and the other.
            let found = match directory.at_found(&reference, |found| Self::open_found(directory, found)) {
                Err(Error::NotFound { .. }) => Self::create_in(directory, capacity, buffer_size, options),
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
fn create_slot(directory: &Directory, buffer_size: u64, pool: Uuid, of_pool: &Metadata) -> Result<Segment> {
    let metadata = Metadata {
        kind: of_pool.kind,
        source_dcc: of_pool.source_dcc.clone(),
        group: of_pool.group.clone(),
        attrs: of_pool.attrs.clone(),
        slot_of: Some(pool),
        ..Metadata::default()
    };
    let mut new = NewBuffer::create(directory, Role::Slot, buffer_size, DEFAULT_TTL, metadata)?;
    let slot = Segment::publish(&mut new.draft, None, false)?;
    slot.set_on_close(OnClose::Unlink);
    Ok(slot)
}
