//! `bytes` objects filled in place.

use std::mem::MaybeUninit;
use std::{ptr, slice};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A new `bytes` whose content is yet to come.
///
/// `PyBytes::new_with` would zero its memory first, and have it filled with the GIL held.
pub(crate) struct NewBytes {
    /// `None` once it is finished.
    object: Option<Py<PyBytes>>,
    start: *mut MaybeUninit<u8>,
    len: usize,
}

// SAFETY: the memory belongs to an object that no other code has seen; access goes through `&mut self`.
unsafe impl Send for NewBytes {}

impl NewBytes {
    pub(crate) fn with_len(py: Python<'_>, len: usize) -> PyResult<Self> {
        let size = ffi::Py_ssize_t::try_from(len)?;
        // SAFETY: a null source asks for `size` uninitialised bytes; a failure returns null with an exception set.
        let object = unsafe { ffi::PyBytes_FromStringAndSize(ptr::null(), size) };
        // SAFETY: a new reference or null.
        let object = unsafe { Bound::from_owned_ptr_or_err(py, object) }?.cast_into::<PyBytes>()?;
        // SAFETY: a bytes object.
        let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) };
        Ok(Self {
            object: Some(object.unbind()),
            start: start.cast(),
            len,
        })
    }

    /// The content. (All code shares the empty bytes object, but there is nothing to write in it.)
    pub(crate) fn memory(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: `len` bytes that no other code has seen, borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// A `bytes` of `len` bytes that `fill` writes with the GIL released. `fill` must write all of them or fail.
pub(crate) fn filled_bytes(
    py: Python<'_>,
    len: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> dcc_mcp_shm::Result<()> + Send,
) -> PyResult<Bound<'_, PyBytes>> {
    let mut bytes = NewBytes::with_len(py, len)?;
    let memory = bytes.memory();
    py.detach(|| fill(memory)).map_err(crate::errors::raise)?;
    Ok(bytes.into_bytes(py))
}

impl NewBytes {
    /// The finished object. All of it must have been filled.
    pub(crate) fn into_bytes(mut self, py: Python<'_>) -> Bound<'_, PyBytes> {
        self.object.take().expect("it is taken once, here").into_bound(py)
    }
}

impl Drop for NewBytes {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            // Without the GIL, PyO3 would put the object into a list with a lock, and a child that is forked while that
            // is held would wait for the lock for ever.
            Python::try_attach(|py| drop(object.into_bound(py)));
        }
    }
}
