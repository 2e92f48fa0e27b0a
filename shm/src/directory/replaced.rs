//! A file whose name another takes over. It is deleted; if a step fails, it keeps its name, because nobody would find it without.

use uuid::Uuid;

use super::Directory;
use super::condemned::Condemned;
use super::disposal::LOOKERS_PATIENCE;
use crate::error::{Error, Result};

impl Directory {
    /// Looks at what has a name, which is to go to another; nothing where the name is free. Nothing is changed.
    pub(super) fn condemn_holder_of(&self, name: &str) -> Result<Option<Condemned>> {
        loop {
            let Some(id) = self.holder_of_name(name)? else {
                return Ok(None);
            };
            match self.condemn(id) {
                // It was deleted meanwhile, which takes no lock: so it is not the holder any more, and its file is another's affair.
                Err(Error::NotFound { .. }) => {}
                condemned => return condemned.map(Some),
            }
        }
    }

    /// Gives its name to another buffer, and takes it out of the way, under the store's lock: all of that or nothing. Its memory is
    /// not freed yet, because that takes too long to keep the lock.
    pub(super) fn take_name_over(&self, name: &str, id: Uuid, replaced: &mut Condemned) -> Result<()> {
        self.bind_name(name, id)?;
        self.put_away(replaced).inspect_err(|_| {
            if let Err(error) = self.bind_name(name, replaced.id()) {
                tracing::warn!(id = %replaced.id(), %error, "a buffer has lost its name");
            }
        })
    }

    /// Frees a file that was put away, and the slots of a pool. What cannot be freed is left to the next sweep.
    pub(super) fn end_replaced(&self, replaced: Condemned) {
        let (id, slots) = (replaced.id(), replaced.slots());
        if let Err(error) = self.end(replaced, LOOKERS_PATIENCE) {
            tracing::debug!(%id, %error, "what was replaced is left to the next sweep");
        }
        self.delete_slots(id, slots, LOOKERS_PATIENCE);
    }
}
