//! A pool and its slots as a program sees them that does not have it open.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::format::Snapshot;
use crate::holder::SlotHolder;
use crate::sys::{Access, LockByte, LockMode};

/// A pool, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PoolStatus {
    /// Id of the pool: a UUID.
    pub id: Uuid,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How many bytes each slot holds.
    pub buffer_size: u64,
    /// Whether it stays when nobody has it open.
    pub persistent: bool,
    /// When it was made: RFC 3339, UTC.
    pub created_at: String,
    /// Its slots, in order.
    pub slots: Vec<SlotStatus>,
}

impl PoolStatus {
    /// What can be told of a pool whose control file was read.
    pub(crate) fn of(directory: &Directory, snapshot: &Snapshot) -> Result<Self> {
        let header = &snapshot.header;
        let facts = header.metadata.pool.as_ref();
        let slots = facts.map_or(&[][..], |facts| &facts.slots);
        Ok(Self {
            id: header.id,
            name: directory.still_named(header.metadata.name.clone(), header.id)?,
            buffer_size: facts.map_or(0, |facts| facts.buffer_size),
            persistent: facts.is_some_and(|facts| facts.persistent),
            created_at: snapshot.created_at(),
            slots: slots
                .iter()
                .map(|&id| SlotStatus::of(directory, id))
                .collect::<Result<_>>()?,
        })
    }

    /// How many slots nobody has.
    pub fn free(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.in_use).count()
    }
}

/// A slot of a pool, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotStatus {
    /// Id of the slot: a UUID.
    pub id: Uuid,
    /// How often it has been given out.
    pub generation: u64,
    /// How many bytes are stored in it.
    pub data_len: u64,
    /// Whether somebody has it.
    pub in_use: bool,
    /// The process that it was given to, if that process still has it. Other processes may have it open to read.
    pub holder: Option<SlotHolder>,
}

impl SlotStatus {
    /// A slot that is damaged or gone counts as in use: nobody can be given it.
    fn of(directory: &Directory, id: Uuid) -> Result<Self> {
        let look = || -> Result<Self> {
            let path = directory.file_path(id);
            let file = directory.open_file(id, Access::Read)?;
            let locked = |byte| {
                file.is_locked_against(byte, LockMode::Exclusive)
                    .map_err(|error| Error::io("look at the locks of", &path, error))
            };
            // The locks are looked at first, so that the recorded holder is not older than what they say.
            let given = locked(LockByte::Slot)?;
            let in_use = given || locked(LockByte::Data)?;
            let words = directory.look_at(&file, id)?.words;
            Ok(Self {
                id,
                generation: words.generation,
                data_len: words.data_len,
                in_use,
                holder: given.then(|| words.holder.of(words.generation)).flatten(),
            })
        };
        match look() {
            Err(error) if error.is_conclusive() => Ok(Self {
                id,
                generation: 0,
                data_len: 0,
                in_use: true,
                holder: None,
            }),
            looked => looked,
        }
    }
}
