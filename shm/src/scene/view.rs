//! The bytes of a sealed scene, to be read in place.

use std::ops::Deref;
use std::sync::Arc;

use crate::segment::Segment;
use crate::sys::Mapping;

/// The bytes of a sealed scene, without a copy. They never change, and stay as long as this exists.
#[derive(Debug)]
pub struct SceneView {
    mapping: Mapping,
    start: usize,
    len: usize,
    /// Keeps collectors away.
    _segment: Arc<Segment>,
}

impl SceneView {
    pub(super) fn new(mapping: Mapping, start: usize, len: usize, segment: Arc<Segment>) -> Self {
        Self {
            mapping,
            start,
            len,
            _segment: segment,
        }
    }

    /// The first byte. What foreign code writes there in spite of its being read-only stays in this process.
    pub fn as_ptr(&self) -> *const u8 {
        self.mapping.start_ptr().wrapping_add(self.start)
    }
}

impl Deref for SceneView {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.mapping.sealed_bytes(self.start, self.len)
    }
}
