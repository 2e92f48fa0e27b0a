//! Deleting what is referred to.

use uuid::Uuid;

use super::Store;
use crate::directory::{Directory, Found, Reference};
use crate::error::{Error, Result};
use crate::format::Role;

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Its id.
    pub id: Uuid,
    /// The name it had, if it had one.
    pub name: Option<String>,
    /// Memory that is given back once nobody has it open, in bytes; 0 where a damaged file does not say.
    pub bytes: u64,
}

impl Store {
    /// Deletes a buffer, or a pool with its slots. Whoever has it open keeps what they see. A damaged file is deleted by
    /// its id.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedBuffer};
    /// let id = SharedBuffer::create(&store, 1024, &BufferOptions::default().name("hero"))?.id();
    /// let deleted = store.delete(&id.into())?;
    /// assert_eq!((deleted.name.as_deref(), deleted.bytes), (Some("hero"), 1024));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::WrongRole`] for a slot, which goes with its pool; see also
    /// [`Store::describe`].
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

fn delete_found(directory: &Directory, Found { id, generation }: Found) -> Result<Deletion> {
    let snapshot = match directory.look(id) {
        // Nothing is known of a damaged file but its id.
        Err(Error::Damaged { .. } | Error::UnsupportedVersion { .. }) => {
            directory.unlink(id)?;
            return Ok(Deletion {
                id,
                name: None,
                bytes: 0,
            });
        }
        looked => looked?,
    };
    snapshot.expect_generation(generation)?;
    let header = snapshot.header;
    if header.role == Role::Slot {
        return Err(Error::WrongRole {
            id,
            expected: "buffer, scene or pool",
            found: Role::Slot.as_str(),
        });
    }
    // Until the file is gone: then its name is freed.
    let name = directory.still_named(header.metadata.name, id)?;
    let bytes = header.metadata.pool.map_or(header.capacity, |pool| {
        pool.buffer_size.saturating_mul(pool.slots.len() as u64)
    });
    directory.remove(id)?;
    Ok(Deletion { id, name, bytes })
}
