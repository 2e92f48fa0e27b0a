//! Making and opening pools of a store.

use super::Store;
use crate::directory::Reference;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::BufferOptions;
use crate::pool::BufferPool;

impl BufferPool {
    /// Makes a pool of `capacity` slots of `buffer_size` bytes, all of which are reserved at once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn create(store: &Store, capacity: usize, buffer_size: u64, options: &BufferOptions) -> Result<Self> {
        Self::create_in(store.directory(), capacity, buffer_size, options)
    }

    /// Opens the pool of the name in `options`, or makes it if there is none. Of programs that do so at once, one makes
    /// it and the others open that; until then each takes the memory of one.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// use dcc_mcp_shm::{BufferOptions, BufferPool};
    ///
    /// let options = BufferOptions::default().name("viewport");
    /// let one = BufferPool::open_or_create(&store, 4, 1024, &options)?;
    /// let two = BufferPool::open_or_create(&store, 4, 1024, &options)?;
    /// assert_eq!(one.id(), two.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the pool has other slots than those asked for, and when there is no name or it is
    /// to be replaced; [`Error::WrongRole`] when the name is that of something else; otherwise as
    /// [`BufferPool::create`] and [`BufferPool::open`].
    pub fn open_or_create(store: &Store, capacity: usize, buffer_size: u64, options: &BufferOptions) -> Result<Self> {
        Self::open_or_create_in(store.directory(), capacity, buffer_size, options)
    }

    /// Opens a pool by id, name or descriptor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongRole`], [`Error::Damaged`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn open(store: &Store, reference: &Reference) -> Result<Self> {
        let directory = store.directory();
        directory.at_found(reference, |found| Self::open_found(directory, found))
    }
}
