//! Making a buffer: its file with all memory reserved, and then its place where others see it.

use std::sync::Arc;
use std::time::Duration;

use super::{BufferFile, SharedBuffer};
use crate::collector::Collector;
use crate::directory::{Content, Directory, Draft};
use crate::error::{Error, Result};
use crate::format::{BufferOptions, Header, Metadata, Role, State, Words};
use crate::segment::Segment;
use crate::sys::Source;

impl SharedBuffer {
    /// Makes a buffer for up to `capacity` bytes in this directory.
    pub(crate) fn create_in(directory: &Directory, capacity: u64, options: &BufferOptions) -> Result<Self> {
        let options = options.clone().checked()?;
        let collector = Collector(directory);
        collector.make(|| {
            collector.check_name(&options)?;
            let mut new = NewBuffer::create(directory, Role::Buffer, capacity, options.ttl, options.metadata.clone())?;
            // What cannot be mapped here must not come to be, nor take the place of another.
            let mapping = new.draft.map()?;
            new.draft.take_number()?;
            let (name, replace) = options.name();
            let segment = Segment::publish(&mut new.draft, name, replace)?;
            segment.keep_mapped(mapping);
            // From here on nothing may fail: others see the buffer.
            Ok(Self {
                file: Arc::new(BufferFile::new(segment, new.payload, new.capacity)),
                slot: None,
            })
        })
    }
}

/// Refuses a size that no buffer can have.
pub(crate) fn check_capacity(capacity: u64) -> Result<()> {
    if capacity == 0 || i64::try_from(capacity).is_err() {
        return Err(Error::invalid(
            "capacity",
            format!("{capacity} bytes; 1 to 2^63 - 1 are possible"),
        ));
    }
    Ok(())
}

/// A file for data that can be rewritten, with its memory reserved; not yet visible.
pub(crate) struct NewBuffer {
    pub(crate) draft: Draft,
    payload: usize,
    capacity: usize,
}

impl NewBuffer {
    pub(crate) fn create(
        directory: &Directory,
        role: Role,
        capacity: u64,
        ttl: Duration,
        metadata: Metadata,
    ) -> Result<Self> {
        check_capacity(capacity)?;
        let size = |len: u64| usize::try_from(len).map_err(|_| Error::invalid("capacity", "more than memory can be"));
        let mut header = Header::new(role, capacity, ttl, metadata)?;
        let payload = header.encode(Words::new(State::Open, 0))?.len() as u64;
        let draft = Collector(directory).draft(header.id, Content::Rewritable, payload.saturating_add(capacity))?;
        draft.reserve(payload)?;
        // Taking much memory takes seconds, and waits for new buffers go by this time.
        header.stamp();
        let mut words = Words::new(State::Open, 0);
        // The number of a publication lies where slots have the record of their holder.
        if role != Role::Slot {
            words = words.publishing();
        }
        draft.write(0, Source::from(&header.encode(words)?))?;
        Ok(Self {
            draft,
            payload: size(payload)?,
            capacity: size(capacity)?,
        })
    }
}
