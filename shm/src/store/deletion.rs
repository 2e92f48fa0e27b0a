//! Deleting what is referred to.

use serde::Serialize;
use uuid::Uuid;

use super::Store;
use crate::directory::{Directory, Found, Reference};
use crate::error::{Error, Result};
use crate::format::Role;
use crate::holder::HeldBy;

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// Its id.
    pub id: Uuid,
    /// The name it had, if it had one.
    pub name: Option<String>,
    /// What the store got back, in bytes of its files, as [`Store::used_bytes`] counts them. Memory that is kept for what is
    /// made next is part of it.
    pub freed_bytes: u64,
    /// What it gets back when the last process lets go of it.
    pub pending_bytes: u64,
    /// What keeps that.
    #[serde(flatten)]
    pub held_by: HeldBy,
}

impl Store {
    /// Deletes a buffer, or a pool with its slots. Processes that have it open keep what they see, and their memory counts as
    /// used until the last of them lets go of it. A damaged file is deleted by its id.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedBuffer};
    /// let id = SharedBuffer::create(&store, 1024, &BufferOptions::default().name("hero"))?.id();
    /// let used = store.used_bytes()?;
    /// let deleted = store.delete(&id.into())?;
    /// assert_eq!((deleted.name.as_deref(), deleted.freed_bytes), (Some("hero"), used));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::WrongRole`] for a slot, which goes with its pool,
    /// [`Error::UnsupportedVersion`] for what a newer program made, of which nothing is known here; see also [`Store::describe`].
    pub fn delete(&self, reference: &Reference) -> Result<Deletion> {
        self.directory()
            .at_found(reference, |found| delete_found(self.directory(), found))
    }

    /// The id that is meant. Whether it exists is seen when it is opened.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that nothing has; [`Error::InvalidDescriptor`] for a descriptor of another store.
    pub fn resolve(&self, reference: &Reference) -> Result<Uuid> {
        self.directory().locate(reference).map(|found| found.id)
    }
}

/// That a slot goes with its pool only.
pub(super) fn slot_alone(id: Uuid) -> Error {
    Error::WrongRole {
        id,
        expected: "buffer, scene or pool",
        found: Role::Slot.as_str(),
    }
}

fn delete_found(directory: &Directory, Found { id, generation }: Found) -> Result<Deletion> {
    let condemned = directory.condemn(id)?;
    let mut name = None;
    // Nothing is known of a damaged file but its id.
    if let Some(snapshot) = condemned.snapshot() {
        snapshot.expect_generation(generation)?;
        let header = &snapshot.header;
        if header.role == Role::Slot {
            return Err(slot_alone(id));
        }
        // Until the file is gone: then its name is freed.
        name = directory.still_named(header.metadata.name.clone(), id)?;
    }
    let deleted = directory.delete(condemned)?;
    Ok(Deletion {
        id,
        name,
        freed_bytes: deleted.freed_bytes,
        pending_bytes: deleted.pending_bytes(),
        held_by: directory.keepers(&deleted.pending),
    })
}
