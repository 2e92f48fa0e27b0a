//! A file whose name another takes over. It is deleted; if a step fails, it keeps its name, because nobody would find it without.

use uuid::Uuid;

use super::Directory;
use super::condemned::Condemned;
use super::disposal::LOOKERS_PATIENCE;
use crate::error::Result;

impl Directory {
    /// Looks at what is to be replaced, while nothing is changed.
    pub(super) fn look_at_replaced(&self, id: Uuid) -> Result<Condemned> {
        match self.condemn(id) {
            Err(error) if error.is_conclusive() => Ok(Condemned::unopened(id)),
            condemned => condemned,
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
