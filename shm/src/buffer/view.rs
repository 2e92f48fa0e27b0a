//! The bytes of a buffer, to be read in place.

use std::sync::Arc;

use super::SlotHold;
use super::access::Reading;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::sys::{Mapping, NewVec};

/// The bytes of a buffer, without a copy. While this exists nobody can write to the buffer.
#[derive(Debug)]
pub struct BufferView {
    mapping: Mapping,
    start: usize,
    len: usize,
    _reading: Reading,
    /// Given back last.
    _slot: Option<Arc<dyn SlotHold>>,
}

impl BufferView {
    pub(super) fn new(
        mapping: Mapping,
        start: usize,
        len: usize,
        reading: Reading,
        slot: Option<Arc<dyn SlotHold>>,
    ) -> Self {
        Self {
            mapping,
            start,
            len,
            _reading: reading,
            _slot: slot,
        }
    }

    /// The first byte. For [`BufferView::len`] bytes it is readable for as long as this exists; what foreign code
    /// writes there stays in this process.
    pub fn as_ptr(&self) -> *const u8 {
        self.mapping.start_ptr().wrapping_add(self.start)
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A copy of the bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        NewVec::with_len(self.len)?.filled(|memory| {
            self.mapping.copy_out(self.start, memory);
            Ok(())
        })
    }
}
