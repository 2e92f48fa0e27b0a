//! The rows of a view as a sequence.

use pyo3::prelude::*;
use pyo3::types::PySlice;

use super::array_view::ArrayView;

/// The rows of an ``ArrayView`` along its first axis; of one axis, its elements.
#[pyclass(frozen, sequence, module = "dcc_mcp_shm")]
pub(crate) struct Rows {
    view: Py<ArrayView>,
    count: usize,
}

impl Rows {
    pub(super) fn of(view: Bound<'_, ArrayView>) -> PyResult<Self> {
        let count = view.get().row_count()?;
        Ok(Self {
            view: view.unbind(),
            count,
        })
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
        let view = self.view.get();
        if index.is_instance_of::<PySlice>() {
            return view.indexed(index);
        }
        // A tuple, so that a number is not taken for a flat index.
        view.indexed((index,).into_pyobject(index.py())?.as_any())
    }
}
