//! Deleting what is referred to.

use uuid::Uuid;

use super::Store;
use crate::directory::{Directory, Found, Reference};
use crate::error::{Error, Result};
use crate::format::Role;

impl Store {
    /// Deletes a buffer, or a pool with its slots. Whoever has it open keeps what they see. A damaged file is deleted by
    /// its id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::WrongRole`] for a slot, which goes with its pool; see also
    /// [`Store::describe`].
    pub fn delete(&self, reference: &Reference) -> Result<()> {
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

fn delete_found(directory: &Directory, Found { id, generation }: Found) -> Result<()> {
    let snapshot = match directory.look(id) {
        Err(Error::Damaged { .. } | Error::UnsupportedVersion { .. }) => return directory.unlink(id),
        looked => looked?,
    };
    snapshot.expect_generation(generation)?;
    if snapshot.header.role == Role::Slot {
        return Err(Error::WrongRole {
            id,
            expected: "buffer, scene or pool",
            found: Role::Slot.as_str(),
        });
    }
    directory.remove(id)
}
