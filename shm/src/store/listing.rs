//! Looking at what is there, without holding or renewing anything.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{ListPosition, Store};
use crate::directory::{Contents, Reference, ahead_of_count};
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
    /// The ids of both, newest first.
    pub order: Vec<Uuid>,
    /// Files called like a buffer's (`<id>.shm`) that cannot be read as one.
    pub damaged: Vec<DamagedFile>,
    /// Files of newer programs, which a newer version of this library reads.
    pub newer: Vec<NewerFile>,
}

/// A file that a newer program made, in a format that is not known here. Nothing is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NewerFile {
    /// The id that its name has.
    pub id: Uuid,
    /// The file.
    pub path: PathBuf,
    /// The format version that it says.
    pub version: u64,
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
    /// Everything in the store, in the order in which it was published. Nothing is held, and no time to live is renewed. A name
    /// that exists all the time is that of one buffer or pool in it, also while others take it over.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`] and [`Error::TooManyOpenFiles`] when the directory or one of its files cannot be
    /// looked at. Damaged files and those of newer programs are in the listing.
    pub fn list(&self) -> Result<Listing> {
        let directory = self.directory();
        let Contents {
            files,
            named,
            mut damaged,
        } = directory.contents()?;
        // Read after the files, so that none of them has a greater number.
        let count = directory.publication_count()?;
        let mut found = Vec::new();
        for (id, file) in files {
            match ahead_of_count(file.words.publication.number(), count, &directory.file_path(id)) {
                Some(error) => drop(damaged.insert(id, error)),
                None => found.push(file),
            }
        }
        found.sort_by_key(|file| ListPosition::new(file.words.publication.number(), file.created(), file.header.id));
        let mut listing = Listing::default();
        for file in found {
            let header = &file.header;
            let name = header.metadata.name.clone().filter(|_| named.contains(&header.id));
            match header.role {
                Role::Slot => continue,
                Role::Pool => listing.pools.push(PoolStatus::with_name(directory, &file, name)?),
                Role::Buffer | Role::Scene => {
                    let ttl = directory.ttl_of(header)?;
                    listing.buffers.push(directory.describe_as(&file, name, ttl)?);
                }
            }
            listing.order.push(header.id);
        }
        for (id, error) in damaged {
            let path = directory.file_path(id);
            match error.newer_version() {
                Some(version) => listing.newer.push(NewerFile { id, path, version }),
                None => listing.damaged.push(DamagedFile {
                    id,
                    path,
                    problem: error.to_string(),
                }),
            }
        }
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
