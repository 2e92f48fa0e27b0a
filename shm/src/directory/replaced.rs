//! A file whose name another takes over. It is removed; if a step fails, it keeps its name, because nobody would find it without.

use uuid::Uuid;

use super::waiters::Waiters;
use super::{Directory, FileName};
use crate::error::{Error, Result};
use crate::format::Role;

/// A file that is being replaced, as it was found before anything was changed.
#[derive(Debug)]
pub(super) struct Replaced {
    id: Uuid,
    /// Of a pool.
    slots: Vec<Uuid>,
    /// The file of a buffer, opened to wake the waiters for a write to it.
    waited_for: Option<Waiters>,
}

impl Directory {
    /// Looks at what is to be replaced, while nothing is changed.
    pub(super) fn look_at_replaced(&self, id: Uuid) -> Result<Replaced> {
        let header = match self.look(id) {
            Err(error) if error.is_conclusive() => None,
            looked => Some(looked?.header),
        };
        let is_buffer = header.as_ref().is_some_and(|header| header.role == Role::Buffer);
        Ok(Replaced {
            id,
            waited_for: is_buffer.then(|| Waiters::of(self, id)),
            slots: header
                .and_then(|header| header.metadata.pool)
                .map_or(Vec::new(), |pool| pool.slots),
        })
    }

    /// Gives its name to another buffer, and takes it out of the way, under the store's lock: all of that or nothing.
    pub(super) fn take_name_over(&self, name: &str, id: Uuid, replaced: &Replaced) -> Result<()> {
        self.bind_name(name, id)?;
        self.put_away(replaced).inspect_err(|_| {
            if let Err(error) = self.bind_name(name, replaced.id) {
                tracing::warn!(id = %replaced.id, %error, "a buffer has lost its name");
            }
        })
    }

    /// Takes a replaced file out of the way, under the store's lock: it becomes a draft that nobody makes, which the next sweep
    /// removes once nobody holds it. Its memory is not freed yet, because that takes too long to keep the lock.
    fn put_away(&self, replaced: &Replaced) -> Result<()> {
        let file = FileName::of(replaced.id).to_string();
        match self
            .handle()
            .rename(&file, &FileName::of_draft(replaced.id).to_string())
        {
            // Somebody else has deleted it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.map_err(|error| Error::io("replace", &self.file_path(replaced.id), error)),
        }
    }

    /// Removes a file that was put away, and the slots of a pool. What cannot be removed is left to the next sweep.
    pub(super) fn remove_replaced(&self, replaced: Replaced) {
        self.remove_leftover(&FileName::of_draft(replaced.id).to_string());
        if let Some(waiters) = replaced.waited_for {
            waiters.wake();
        }
        self.forget_ttl(replaced.id);
        self.unlink_slots(replaced.id, replaced.slots);
    }
}
