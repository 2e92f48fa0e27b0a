//! What a listing sorts and filters by: less than a descriptor, and read in less time.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::{ListPosition, Store};
use crate::directory::Directory;
use crate::error::Result;
use crate::format::{BufferState, FileRole, SceneDataKind, Snapshot};

/// A buffer, scene, slot or pool in few words; its [`Descriptor`](crate::Descriptor) says more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// What the file is.
    pub role: FileRole,
    /// Name for people, unique in the store.
    pub name: Option<String>,
    /// What the data is.
    pub kind: SceneDataKind,
    /// Program that wrote the data.
    pub source_dcc: String,
    /// Scene or set that it is part of.
    pub group: Option<String>,
    /// Whether the data can change.
    pub state: BufferState,
    /// Most bytes that the payload can hold.
    pub capacity: u64,
    /// When it was made or, for a scene, finished.
    pub created: SystemTime,
    /// The number that it was published under, which grows from one publication to the next; 0 if it has none yet, or an older
    /// program made it.
    pub number: u64,
    /// Whether it was made with a name that it does not have: it gets the name in a moment, or another took the name over.
    pub lacks_its_name: bool,
}

impl Summary {
    pub(super) fn of(directory: &Directory, id: Uuid) -> Result<Self> {
        let snapshot = directory.look(id)?;
        let state = directory.last_state(&snapshot)?;
        let created = SystemTime::UNIX_EPOCH + Duration::from_nanos(snapshot.created());
        let number = snapshot.words.publication.number();
        let Snapshot { header, .. } = snapshot;
        let (role, capacity, metadata) = (header.role, header.capacity, header.metadata);
        let wants_name = metadata.name.is_some();
        let name = directory.still_named(metadata.name, id)?;
        Ok(Self {
            role: role.into(),
            lacks_its_name: wants_name && name.is_none(),
            name,
            kind: metadata.kind,
            source_dcc: metadata.source_dcc,
            group: metadata.group,
            state,
            capacity,
            created,
            number,
        })
    }

    pub(super) fn position(&self, id: Uuid) -> ListPosition {
        let since_1970 = self.created.duration_since(SystemTime::UNIX_EPOCH);
        let nanos = since_1970.unwrap_or_default().as_nanos();
        ListPosition::new(self.number, u64::try_from(nanos).unwrap_or(u64::MAX), id)
    }

    /// Whether this is a buffer or scene whose data can be read and whose name, if it was made with one, leads to it.
    pub fn is_readable(&self) -> bool {
        matches!(self.role, FileRole::Buffer | FileRole::Scene)
            && matches!(self.state, BufferState::Open | BufferState::Sealed)
            && !self.lacks_its_name
    }
}

impl Store {
    /// Says in few words what has this id. Nothing is held, and no time to live is renewed.
    ///
    /// # Errors
    /// As [`Store::describe`].
    pub fn summary(&self, id: Uuid) -> Result<Summary> {
        Summary::of(&self.directory, id)
    }
}
