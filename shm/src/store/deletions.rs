//! Deleting all that match.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::deletion::slot_alone;
use super::{BufferFilter, Deletion, Listing, Store};
use crate::directory::{FileName, Reference};
use crate::error::{Error, Result};
use crate::format::{Descriptor, FileRole};
use crate::pool::PoolStatus;

/// What a deletion would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deletable {
    /// Its id.
    pub id: Uuid,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it is; nothing where it is damaged.
    pub role: Option<FileRole>,
    /// What the store would get back, in bytes of its files; of a pool, with those of its slots.
    pub bytes: u64,
}

/// What came of deleting several.
#[derive(Debug, Default)]
pub struct Deletions {
    /// What was deleted.
    pub deleted: Vec<Deletion>,
    /// What was not, and why. What somebody else had deleted meanwhile is in neither list.
    pub failed: Vec<FailedDeletion>,
}

/// One that was not deleted.
#[derive(Debug)]
pub struct FailedDeletion {
    /// Which one.
    pub what: Deletable,
    /// Why not.
    pub error: Error,
}

impl Store {
    /// What [`Store::delete`] would take. Nothing is held or changed.
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub fn would_delete(&self, reference: &Reference) -> Result<Deletable> {
        let found = match self.describe(reference) {
            // Nothing is known of a damaged file but its id.
            Err(error @ (Error::Damaged { .. } | Error::UnsupportedVersion { .. }))
                if error.newer_version().is_none() =>
            {
                let id = self.resolve(reference)?;
                return Ok(Deletable {
                    id,
                    name: None,
                    role: None,
                    bytes: self.bytes_of([id])?,
                });
            }
            described => described?,
        };
        match found.role {
            FileRole::Slot => Err(slot_alone(found.id)),
            FileRole::Pool => self.deletable_pool(&found, &self.pool(&found.id.into())?),
            FileRole::Buffer | FileRole::Scene => Ok(Deletable::of(&found, found.data_offset + found.capacity)),
        }
    }

    /// What matches, to be shown, or passed to [`Store::delete_all`]; newest first. Pools are among it unless a kind is asked for,
    /// which says what data is. Nothing is held or changed.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferFilter, BufferOptions, SharedSceneBuffer};
    /// SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default().name("hero").group("shot010"))?;
    /// let shot = BufferFilter { group: Some("shot010".to_owned()), ..BufferFilter::default() };
    /// let found = store.would_delete_all(&shot)?;
    /// assert_eq!(found[0].name.as_deref(), Some("hero"));
    /// assert_eq!(store.delete_all(found, || true).deleted.len(), 1);
    /// assert!(store.would_delete_all(&shot)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn would_delete_all(&self, wanted: &BufferFilter) -> Result<Vec<Deletable>> {
        let Listing {
            buffers, pools, order, ..
        } = self.list()?;
        let buffers = buffers.into_iter().filter(|buffer| wanted.matches_described(buffer));
        let mut found: Vec<_> = buffers
            .map(|buffer| Deletable::of(&buffer, buffer.data_offset + buffer.capacity))
            .collect();
        for pool in pools.iter().filter(|_| wanted.kind.is_none()) {
            let described = match self.describe(&pool.id.into()) {
                // It is gone since the listing.
                Err(error) if error.is_conclusive() => continue,
                described => described?,
            };
            if wanted.matches_described(&described) {
                found.push(self.deletable_pool(&described, pool)?);
            }
        }
        let places: BTreeMap<Uuid, usize> = order.into_iter().zip(0..).collect();
        found.sort_by_key(|found| places.get(&found.id).copied());
        Ok(found)
    }

    fn deletable_pool(&self, descriptor: &Descriptor, pool: &PoolStatus) -> Result<Deletable> {
        let slots = pool.slots.iter().map(|slot| slot.id);
        let bytes = self.bytes_of(slots.chain([descriptor.id]))?;
        Ok(Deletable::of(descriptor, bytes))
    }

    /// Bytes of files, as far as they are there.
    fn bytes_of(&self, ids: impl IntoIterator<Item = Uuid>) -> Result<u64> {
        let mut bytes = 0u64;
        for id in ids {
            bytes = bytes.saturating_add(self.directory().len_of(FileName::of(id))?);
        }
        Ok(bytes)
    }

    /// Deletes each of these as [`Store::delete`] does. One that cannot be deleted does not keep the others. `go_on` is asked before
    /// each, and the rest stays when it says no.
    pub fn delete_all(&self, chosen: Vec<Deletable>, mut go_on: impl FnMut() -> bool) -> Deletions {
        let mut done = Deletions::default();
        for what in chosen {
            if !go_on() {
                break;
            }
            match self.delete(&what.id.into()) {
                Ok(deletion) => done.deleted.push(deletion),
                Err(error) if error.is_gone() => {}
                Err(error) => done.failed.push(FailedDeletion { what, error }),
            }
        }
        done
    }
}

impl Deletable {
    fn of(descriptor: &Descriptor, bytes: u64) -> Self {
        Self {
            id: descriptor.id,
            name: descriptor.name.clone(),
            role: Some(descriptor.role),
            bytes,
        }
    }
}
