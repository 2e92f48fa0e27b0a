//! Waiters for a write to a buffer that was deleted: they are woken, to find that it is gone.

use uuid::Uuid;

use super::{Directory, FileName};
use crate::format::AT_SEQUENCE;
use crate::sys::{self, Access, Mapping, Protection};

impl Directory {
    /// Wakes the waiters for a write to a buffer that is called deleted by now. Those that are not woken, because it cannot be
    /// opened or mapped, look again soon.
    pub(super) fn wake_waiters(&self, id: Uuid, len: u64) {
        let deleted = FileName::of_deleted(id).to_string();
        let Ok(file) = self.handle().open_file(&deleted, Access::ReadWrite) else {
            return;
        };
        let Ok(len) = usize::try_from(len) else { return };
        if let Ok(mapping) = Mapping::new(&file, len, Protection::Shared) {
            sys::wake_all(mapping.word(AT_SEQUENCE));
        }
    }
}
