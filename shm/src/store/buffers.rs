//! Making and opening buffers of a store, and looking at their data.

use super::Store;
use crate::buffer::SharedBuffer;
use crate::directory::Reference;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::BufferOptions;
use crate::reader::DataReader;

impl SharedBuffer {
    /// Makes a buffer for up to `capacity` bytes, which are reserved at once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::Io`].
    pub fn create(store: &Store, capacity: u64, options: &BufferOptions) -> Result<Self> {
        Self::create_in(store.directory(), capacity, options)
    }

    /// Opens a buffer or a pool slot by id, name or descriptor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::WrongRole`], [`Error::InvalidDescriptor`],
    /// [`Error::Damaged`], [`Error::Busy`], [`Error::Io`].
    pub fn open(store: &Store, reference: &Reference) -> Result<Self> {
        let directory = store.directory();
        directory.at_found(reference, |found| Self::open_found(directory, found))
    }
}

impl Store {
    /// Opens a buffer, scene or slot to look at its data. It can be deleted meanwhile; what was opened stays readable.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::NotSealed`] for a scene that is not finished,
    /// [`Error::Interrupted`] and [`Error::Busy`] for a buffer whose writer died or does not come to an end,
    /// [`Error::WrongRole`] for a pool, [`Error::InvalidDescriptor`], [`Error::Damaged`], [`Error::Io`].
    pub fn reader(&self, reference: &Reference) -> Result<DataReader> {
        let directory = &self.directory;
        directory.at_found(reference, |found| DataReader::open_found(directory, found))
    }
}
