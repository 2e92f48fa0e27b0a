//! Looking at what is there, without holding or renewing anything.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::Store;
use crate::directory::{FileKind, Reference};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::{Descriptor, Role};
use crate::pool::PoolStatus;

/// What a store holds.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Buffers and scenes, newest first. The slots of pools are not among them.
    pub buffers: Vec<Descriptor>,
    /// Pools, newest first.
    pub pools: Vec<PoolStatus>,
    /// Files called like a buffer's (`<id>.shm`) that cannot be read as one.
    pub damaged: Vec<DamagedFile>,
}

/// A file called like a buffer's that cannot be read as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DamagedFile {
    /// The id that its name has.
    pub id: Uuid,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl Store {
    /// Everything in the store. Nothing is held, and no time to live is renewed.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`] and [`Error::TooManyOpenFiles`] when the directory or one of its files cannot be
    /// looked at. Damaged files are in the listing.
    pub fn list(&self) -> Result<Listing> {
        let directory = self.directory();
        let mut found = Vec::new();
        let mut listing = Listing::default();
        for file in directory
            .files()?
            .into_iter()
            .filter(|file| file.kind == FileKind::Published)
        {
            match directory.look(file.id) {
                Ok(snapshot) => found.push(snapshot),
                // Deleted since the directory was read.
                Err(error) if error.is_gone() => {}
                Err(error) if error.is_conclusive() => listing.damaged.push(DamagedFile {
                    id: file.id,
                    path: directory.file_path(file.id),
                    problem: error.to_string(),
                }),
                // What cannot be looked at now may be as good as any.
                Err(error) => return Err(error),
            }
        }
        found.sort_by_key(|snapshot| (std::cmp::Reverse(snapshot.created()), snapshot.header.id));
        for snapshot in found {
            match snapshot.header.role {
                Role::Pool => listing.pools.push(PoolStatus::of(directory, &snapshot)?),
                Role::Slot => {}
                Role::Buffer | Role::Scene => listing.buffers.push(directory.describe_snapshot(&snapshot)?),
            }
        }
        listing.damaged.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listing)
    }

    /// The descriptor of a buffer, scene, slot or pool, as it is now. Nothing is held, and no time to live is renewed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::InvalidDescriptor`], [`Error::Damaged`], [`Error::Io`].
    pub fn describe(&self, reference: &Reference) -> Result<Descriptor> {
        self.directory().describe_snapshot(&self.directory().find(reference)?)
    }

    /// The status of one pool, by id, name or descriptor.
    ///
    /// # Errors
    /// As [`Store::describe`], and [`Error::WrongRole`] when it is no pool.
    pub fn pool(&self, reference: &Reference) -> Result<PoolStatus> {
        let snapshot = self.directory().find(reference)?;
        snapshot.expect(Role::Pool)?;
        PoolStatus::of(self.directory(), &snapshot)
    }
}
