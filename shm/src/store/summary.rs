//! What a listing sorts and filters by: less than a descriptor, and read in less time.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::Store;
use crate::error::Result;
use crate::format::{BufferState, FileRole, SceneDataKind};

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
}

impl Store {
    /// Says in few words what has this id. Nothing is held, and no time to live is renewed.
    ///
    /// # Errors
    /// As [`Store::describe`].
    pub fn summary(&self, id: Uuid) -> Result<Summary> {
        let snapshot = self.directory.look(id)?;
        let state = self.directory.last_state(&snapshot)?;
        let created = SystemTime::UNIX_EPOCH + Duration::from_nanos(snapshot.created());
        let (role, capacity, metadata) = (snapshot.header.role, snapshot.header.capacity, snapshot.header.metadata);
        Ok(Summary {
            role: role.into(),
            name: self.directory.still_named(metadata.name, id)?,
            kind: metadata.kind,
            source_dcc: metadata.source_dcc,
            group: metadata.group,
            state,
            capacity,
            created,
        })
    }
}
