//! What a file is like now, beside what its header says: whether somebody is filling it, and whether it still has its name.

use std::time::Duration;

use super::Directory;
use crate::error::{Error, Result};
use crate::format::{BufferState, Descriptor, Snapshot};
use crate::sys::{Access, LockByte, LockMode};

impl Directory {
    /// The state, also asking whether somebody is filling an empty scene.
    pub(crate) fn state(&self, snapshot: &Snapshot) -> Result<BufferState> {
        if snapshot.state() != BufferState::Empty {
            return Ok(snapshot.state());
        }
        let id = snapshot.header.id;
        let file = self.open_file(id, Access::Read)?;
        let locked = |byte, mode| {
            file.is_locked_against(byte, mode)
                .map_err(|error| Error::io("look at the lock of", &self.file_path(id), error))
        };
        // A process that seals it holds the gate.
        let filling = locked(LockByte::Data, LockMode::Shared)? || locked(LockByte::Gate, LockMode::Exclusive)?;
        if filling {
            return Ok(BufferState::Filling);
        }
        // It may have been sealed between the two looks.
        Ok(self.snapshot(&file, id)?.state())
    }

    /// The same of a file that may be gone by now.
    pub(crate) fn last_state(&self, snapshot: &Snapshot) -> Result<BufferState> {
        match self.state(snapshot) {
            Err(error) if error.is_gone() => Ok(snapshot.state()),
            state => state,
        }
    }

    /// The descriptor of a file whose header was read.
    pub(crate) fn describe_snapshot(&self, snapshot: &Snapshot) -> Result<Descriptor> {
        self.describe_with_ttl(snapshot, self.ttl_of(&snapshot.header)?)
    }

    /// The same where its ttl has been read already.
    pub(crate) fn describe_with_ttl(&self, snapshot: &Snapshot, ttl: Duration) -> Result<Descriptor> {
        let header = &snapshot.header;
        // Another may have taken the name over: the link says which buffer has it.
        let name = self.still_named(header.metadata.name.clone(), header.id)?;
        self.describe_as(snapshot, name, ttl)
    }

    /// The same where it is known whether the file still has its name, and what its ttl is.
    pub(crate) fn describe_as(&self, snapshot: &Snapshot, name: Option<String>, ttl: Duration) -> Result<Descriptor> {
        let mut descriptor = Descriptor::new(
            &self.file_path(snapshot.header.id),
            snapshot,
            ttl,
            self.last_state(snapshot)?,
        );
        descriptor.name = name;
        Ok(descriptor)
    }
}
