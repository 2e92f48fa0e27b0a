//! The rows of a view as a sequence.

use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

/// The rows of an ``ArrayView`` along its first axis; of one axis, its elements.
#[pyclass(frozen, sequence, module = "dcc_mcp_shm")]
pub(crate) struct Rows {
    view: Py<PyAny>,
    count: usize,
}

impl Rows {
    /// The rows of a view whose first axis has `count`.
    pub(super) fn new(view: Py<PyAny>, count: usize) -> Self {
        Self { view, count }
    }
}

#[pymethods]
impl Rows {
    /// Number of rows.
    fn __len__(&self) -> usize {
        self.count
    }

    /// One row, or, with a slice, a view of several.
    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let view = self.view.bind(index.py());
        if index.is_instance_of::<PySlice>() {
            return view.get_item(index);
        }
        // In a tuple, so that a number is not taken for a flat index.
        view.get_item(PyTuple::new(index.py(), [index])?)
    }
}
