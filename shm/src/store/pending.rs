//! What was deleted and is still open, for people to see.

use super::Store;
use crate::directory::PendingFile;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

impl Store {
    /// What was deleted while processes had it open, largest first, and what keeps it. Its memory counts as used until the last
    /// process lets go of it. Nothing is held or freed.
    ///
    /// It is for showing, not for deciding: a process that comes or goes meanwhile may be missed.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer};
    /// let scene = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default().name("hero"))?;
    /// store.delete(&scene.id().into())?;
    /// assert_eq!(store.pending()?[0].name.as_deref(), Some("hero"));
    /// drop(scene);
    /// assert_eq!(store.pending()?, []);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`] and [`Error::TooManyOpenFiles`] when the directory or one of its files cannot be
    /// looked at.
    pub fn pending(&self) -> Result<Vec<PendingFile>> {
        self.directory.pending()
    }
}
