//! A handle that can be closed before Python collects it.

use std::sync::{PoisonError, RwLock};

use pyo3::prelude::*;

use crate::errors::ShmError;

/// A value that a Python object holds until it is closed.
pub(crate) struct Handle<T>(RwLock<Option<T>>);

impl<T: Clone + Send> Handle<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RwLock::new(Some(value)))
    }

    /// A clone of the value. It stays valid when another thread closes the handle.
    pub(crate) fn get(&self) -> PyResult<T> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(|| ShmError::new_err("this handle has been closed; open the buffer again"))
    }

    /// Drops the value with the GIL released, because dropping the last handle may delete its buffer.
    pub(crate) fn close(&self, py: Python<'_>) {
        let value = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(value));
    }
}
