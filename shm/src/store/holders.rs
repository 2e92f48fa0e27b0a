//! Which processes have the files of a store open, for people to see.

use uuid::Uuid;

use super::Store;
use crate::lock_holder::LockHolder;
use crate::sys::{self, GuardedFile, LockTable};

/// Which processes had the files of a store open at one moment; see [`Store::holders`].
#[derive(Debug)]
pub struct Holders {
    store: Store,
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
    /// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedBuffer};
    /// let buffer = SharedBuffer::create(&store, 1024, &BufferOptions::default())?;
    /// if let Some(pids) = store.holders().of(buffer.id()) {
    ///     assert_eq!(pids, [std::process::id()]);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn holders(&self) -> Holders {
        Holders {
            store: self.clone(),
            table: LockTable::read(self.directory()),
        }
    }
}

impl Store {
    /// Which process has a file of the store to itself, if the system says so: to be told to who waited for it in vain.
    pub(crate) fn lock_holder(&self, file: &GuardedFile) -> Option<LockHolder> {
        let table = LockTable::read(self.directory())?;
        let pids = table.holders_of(&file.stat().ok()?)?;
        pids.first().copied().map(LockHolder::of)
    }

    /// Which process reads, writes or fills the data of a buffer or scene, or waits to, and so keeps others out: another one if
    /// there is one, as this process may have asked by several handles.
    pub(crate) fn data_holder(&self, file: &GuardedFile) -> Option<LockHolder> {
        let (stat, own) = (file.stat().ok()?, std::process::id());
        let table = LockTable::read(self.directory())?;
        let pids = table.holders_of(&stat)?;
        let others = || pids.iter().copied().filter(|&pid| pid != own);
        sys::holder_of_byte(others(), &stat, sys::BYTE_DATA)
            .or_else(|| sys::holder_of_byte(others(), &stat, sys::BYTE_GATE))
            .or_else(|| sys::holder_of_byte([own], &stat, sys::BYTE_DATA))
            .map(LockHolder::of)
    }
}

impl Holders {
    /// The ids of the processes that have a buffer, scene, pool or slot open, this one among them, in ascending order.
    ///
    /// `None` means that it cannot be told: the file is gone, the system does not say, or nobody is seen from inside
    /// a container, where others are hidden.
    pub fn of(&self, id: Uuid) -> Option<&[u32]> {
        let stat = sys::stat_at(self.store.directory(), &Store::file_name(id)).ok()??;
        self.table.as_ref()?.holders_of(&stat)
    }
}
