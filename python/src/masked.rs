//! Masked arrays of NumPy, which are refused: shared memory has no mask, and what is masked must not come back as data.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyMemoryView, PyTuple};

/// # Errors
/// `TypeError` if the value of the argument or array `name` is a masked array, or a list or tuple with one in it.
pub(crate) fn refuse_masked(name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
    {
        return Ok(());
    }
    let Some(class) = masked_array(value.py())? else {
        return Ok(());
    };
    let is_masked = |value: &Bound<'_, PyAny>| value.is_instance(&class);
    let mut found = is_masked(value)?;
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        for item in value.try_iter()? {
            found = found || is_masked(&item?)?;
        }
    }
    if !found {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "{name} is a masked array, and shared memory has no mask; pass its filled(value), and the mask as an array of its own"
    )))
}

/// The class of masked arrays. Nobody has made one while its module is not imported.
fn masked_array(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let modules = py.import("sys")?.getattr("modules")?;
    let module = modules.call_method1("get", ("numpy.ma",))?;
    if module.is_none() {
        return Ok(None);
    }
    module.getattr_opt("MaskedArray")
}
