//! Sharing, opening and filling scenes of a store.

use super::Store;
use crate::directory::Reference;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::{ArraySpec, BufferOptions, Layout};
use crate::scene::{SceneWriter, SharedSceneBuffer};
use crate::sys::Source;

impl SharedSceneBuffer {
    /// Shares bytes: one copy.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::Io`].
    pub fn write<'a>(store: &Store, data: impl Into<Source<'a>>, options: &BufferOptions) -> Result<Self> {
        Self::write_in(store.directory(), data.into(), options)
    }

    /// Shares named arrays: one copy of each.
    ///
    /// # Errors
    /// As [`SharedSceneBuffer::write`]; also [`Error::InvalidArgument`] when an array's bytes do not go with its shape.
    pub fn write_arrays<'a, N: Into<String>>(
        store: &Store,
        arrays: impl IntoIterator<Item = (N, ArraySpec, Source<'a>)>,
        options: &BufferOptions,
    ) -> Result<Self> {
        Self::write_arrays_in(store.directory(), arrays, options)
    }

    /// Makes a scene that somebody else will fill ([`crate::SceneWriter::fill`]), with its memory reserved.
    ///
    /// # Errors
    /// As [`SharedSceneBuffer::write`]. What is filled in place is not compressed.
    pub fn create_empty(store: &Store, layout: &Layout, options: &BufferOptions) -> Result<Self> {
        Self::create_empty_in(store.directory(), layout, options)
    }

    /// Opens a scene by id, name or descriptor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongRole`], [`Error::InvalidDescriptor`], [`Error::Damaged`], [`Error::Busy`],
    /// [`Error::Io`].
    pub fn open(store: &Store, reference: &Reference) -> Result<Self> {
        let directory = store.directory();
        directory.at_found(reference, |found| Self::open_found(directory, found))
    }
}

impl SceneWriter {
    /// Makes a scene to be filled by the caller. The memory of more than 2 MiB is reserved; less is filled in this process, and
    /// taken when the scene is sealed.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::Io`].
    pub fn new(store: &Store, layout: Layout, options: BufferOptions) -> Result<Self> {
        Self::new_in(store.directory(), layout, options)
    }

    /// Opens a scene that was made empty ([`SharedSceneBuffer::create_empty`]) to fill it. Nobody else can do so
    /// meanwhile. A writer that goes without finishing leaves it empty.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it has been filled, [`Error::Busy`] when somebody is filling it, [`Error::NoLeases`] when the
    /// system could not tell afterwards whether anybody still writes to it, [`Error::Damaged`]; see also
    /// [`SharedSceneBuffer::open`].
    pub fn fill(store: &Store, reference: &Reference) -> Result<Self> {
        Self::fill_in(store.directory(), reference)
    }
}
