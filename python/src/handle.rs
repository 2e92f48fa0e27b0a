//! A handle that can be closed before it is collected.

use std::sync::{PoisonError, RwLock};

use pyo3::prelude::*;

use crate::errors::ShmError;

/// What a Python object holds until it is closed.
pub(crate) struct Handle<T>(RwLock<Option<T>>);

impl<T: Clone + Send> Handle<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RwLock::new(Some(value)))
    }

    /// The value, which a close by another thread then does not take away.
    pub(crate) fn get(&self) -> PyResult<T> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(|| ShmError::new_err("this handle has been closed; open the buffer again"))
    }

    /// Gives up the value. Other threads go on meanwhile, as the last handle may delete what it leads to.
    pub(crate) fn close(&self, py: Python<'_>) {
        let value = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(value));
    }
}
