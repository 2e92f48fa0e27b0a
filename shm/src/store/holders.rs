//! Which processes have the files of a store open, for people to see.

use uuid::Uuid;

use super::Store;
use crate::directory::Directory;
use crate::sys::LockTable;

/// Which processes had the files of a store open at one moment; see [`Store::holders`].
#[derive(Debug)]
pub struct Holders {
    directory: Directory,
    table: Option<LockTable>,
}

impl Store {
    /// Which processes have which files of the store open: one look at the kernel's table of locks, to be asked for as
    /// many files as there are. It opens none of them.
    ///
    /// It is for showing, not for deciding: who comes or goes meanwhile may be missed.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedBuffer};
    /// let buffer = SharedBuffer::create(&store, 1024, &BufferOptions::default())?;
    /// if let Some(pids) = store.holders().of(buffer.id()) {
    ///     assert_eq!(pids, [std::process::id()]);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn holders(&self) -> Holders {
        Holders {
            directory: self.directory.clone(),
            table: LockTable::read(self.directory.handle()),
        }
    }
}

impl Holders {
    /// The ids of the processes that have a buffer, scene, pool or slot open, this one among them, in ascending order.
    ///
    /// `None` means that it cannot be told: the file is gone, the system does not say, or nobody is seen from inside
    /// a container, where others are hidden.
    pub fn of(&self, id: Uuid) -> Option<&[u32]> {
        let stat = self.directory.stat_of(id).ok()??;
        self.table.as_ref()?.holders_of(&stat)
    }
}
