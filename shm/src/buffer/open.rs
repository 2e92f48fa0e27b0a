//! Opening a buffer or somebody else's slot, by whatever it is known by.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::data_lock::READ_PATIENCE;
use super::slot_reading::SlotReading;
use super::{BufferFile, SharedBuffer};
use crate::directory::{Directory, Found, in_directory_of, open_described};
use crate::error::{Error, Result};
use crate::format::{Role, Snapshot};
use crate::segment::Segment;
use crate::sys;

impl SharedBuffer {
    /// Opens a buffer by the path and id that another process passed on.
    ///
    /// # Errors
    /// As [`SharedBuffer::open`]; [`Error::InvalidDescriptor`] when path and id do not match.
    pub fn open_path(path: &Path, id: Uuid) -> Result<Self> {
        in_directory_of(path, id, |directory| {
            Self::open_found(directory, Found { id, generation: None })
        })
    }

    /// Opens the buffer that a descriptor means, in whatever store it lies.
    ///
    /// # Errors
    /// As [`SharedBuffer::open`]; [`Error::UnsafeStore`].
    pub fn from_descriptor(json: &str) -> Result<Self> {
        open_described(json, Self::open_found)
    }

    /// Opens the buffer or slot that somebody meant.
    pub(crate) fn open_found(directory: &Directory, Found { id, generation }: Found) -> Result<Self> {
        let (segment, snapshot) = Segment::open_rewritable(directory, id, "buffer")?;
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
        let mut file = BufferFile::of(segment, snapshot)?;
        file.segment.shared()?;
        if role == Role::Slot {
            // Its holder may not rewrite it while somebody else has it open.
            file.lock.read(&file.segment, READ_PATIENCE)?;
            let generation = generation.unwrap_or(snapshot.words.generation);
            file.reading = Some(SlotReading {
                pool: snapshot.header.metadata.slot_of,
                generation,
                process: sys::process_generation(),
            });
            file.segment.snapshot()?.expect_generation(Some(generation))?;
        }
        Ok(Self {
            file: Arc::new(file),
            slot: None,
        })
    }
}
