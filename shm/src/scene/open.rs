//! Opening a scene, by whatever it is known by.

use std::path::Path;

use uuid::Uuid;

use super::SharedSceneBuffer;
use crate::directory::{Directory, Found, in_directory_of, open_described};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::Role;
use crate::segment::Segment;
use crate::sys::Access;

impl SharedSceneBuffer {
    /// Opens a scene by the path and id that another process passed on.
    ///
    /// # Errors
    /// As [`SharedSceneBuffer::open`]; [`Error::InvalidDescriptor`] when path and id do not match.
    pub fn open_path(path: &Path, id: Uuid) -> Result<Self> {
        in_directory_of(path, id, |directory| {
            Self::open_found(directory, Found { id, generation: None })
        })
    }

    /// Opens the scene that a descriptor means, in whatever store it lies.
    ///
    /// # Errors
    /// As [`SharedSceneBuffer::open`]; [`Error::UnsafeStore`].
    pub fn from_descriptor(json: &str) -> Result<Self> {
        open_described(json, Self::open_found)
    }

    /// Opens the scene that somebody meant.
    pub(crate) fn open_found(directory: &Directory, Found { id, generation }: Found) -> Result<Self> {
        let (segment, snapshot) = Segment::open(directory, id, Access::Read)?;
        snapshot.expect(Role::Scene)?;
        snapshot.expect_generation(generation)?;
        let scene = Self::from_segment(segment);
        scene.0.segment.keep_if_sealed(snapshot);
        Ok(scene)
    }
}
