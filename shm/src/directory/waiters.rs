//! Waiters for a write to a buffer that goes: they are woken, to find that it is gone.

use uuid::Uuid;

use super::Directory;
use crate::format::{AT_SEQUENCE, Role};
use crate::sys::{self, Access, GuardedFile, Mapping, Protection};

/// The file of a buffer and its length, opened before it goes. Waiters that are not woken, because it cannot be opened or
/// mapped, look again soon.
#[derive(Debug)]
pub(super) struct Waiters(Option<(GuardedFile, u64)>);

impl Waiters {
    /// The waiters for a write to the file with this id; there are none unless it is a buffer.
    pub(super) fn of(directory: &Directory, id: Uuid) -> Self {
        let open = || {
            let file = directory.open_file(id, Access::ReadWrite).ok()?;
            let snapshot = directory.snapshot(&file, id).ok()?;
            (snapshot.header.role == Role::Buffer).then_some((file, snapshot.stat.len))
        };
        Self(open())
    }

    /// Wakes them, once the buffer is gone.
    pub(super) fn wake(self) {
        let Some((file, len)) = self.0 else { return };
        let Ok(len) = usize::try_from(len) else { return };
        if let Ok(mapping) = Mapping::new(&file, len, Protection::Shared) {
            sys::wake_all(mapping.word(AT_SEQUENCE));
        }
    }
}
