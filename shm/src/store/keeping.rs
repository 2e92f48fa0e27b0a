//! Changing how long something stays that is there already.

use std::time::Duration;

use uuid::Uuid;

use super::Store;
use crate::directory::{Directory, Found, Reference};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::check_ttl;
use crate::segment::Segment;
use crate::sys::Access;

impl Store {
    /// Changes how long a buffer or scene stays after its last holder let go, up to 584 years; zero is until it is deleted. It may
    /// be sealed or not, and made by any process of this user. If nobody has it open, the time runs from now. Gives its id.
    ///
    /// It stays in memory: when the machine is started anew it is gone, whatever its time to live.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use std::time::Duration;
    /// # use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer};
    /// let id = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?.id();
    /// assert!(store.describe(&id.into())?.expires.is_some());
    /// store.set_ttl(&id.into(), Duration::ZERO)?;
    /// assert_eq!(store.describe(&id.into())?.expires, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongRole`] for a pool, which stays if it was made persistent, and for a slot, which goes with its pool;
    /// [`Error::InvalidArgument`] for more than 584 years; [`Error::StoreFull`] where the file system has no inode left;
    /// [`Error::Busy`] when the store's lock could not be had; see also [`Store::describe`].
    pub fn set_ttl(&self, reference: &Reference, ttl: Duration) -> Result<Uuid> {
        check_ttl(ttl)?;
        let directory = &self.directory;
        directory.at_found(reference, |found| set_ttl(directory, &found, ttl))
    }
}

fn set_ttl(directory: &Directory, found: &Found, ttl: Duration) -> Result<Uuid> {
    let snapshot = directory.look(found.id)?;
    snapshot.expect_generation(found.generation)?;
    // Before it is held, because nobody can acquire a slot that is held.
    snapshot.header.expect_ttl()?;
    let (segment, _) = Segment::open(directory, found.id, Access::Read)?;
    segment.set_ttl(ttl)?;
    Ok(found.id)
}
