//! `writer["position"] = source` for anything array-like, with one converting copy.

use pyo3::exceptions::{PyImportError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyTuple};

use crate::exporter::{ArrayView, Input};

/// Copies every element of `source` to `view`, converting the type where NumPy calls that `same_kind` (float64 to
/// float32, not float to int). The shape may be that of the view or flat.
///
/// Contiguous elements of the same type are copied directly, without the GIL and without NumPy. NumPy does everything
/// else; if it is missing, only elements of the same type are accepted.
pub(crate) fn assign(view: &Bound<'_, ArrayView>, source: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, target) = (view.py(), view.get());
    let input = Input::described(source).ok();
    if input.as_ref().is_some_and(Input::is_pointer) {
        return Err(PyTypeError::new_err(
            "a ctypes pointer has no length; use ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float * count)).contents",
        ));
    }
    let same = input.filter(|input| {
        input
            .dtype()
            .is_ok_and(|dtype| dtype.typestr() == target.element_type().typestr())
    });
    if let Some(input) = same.as_ref().filter(|input| input.is_contiguous()) {
        check_shape(target, input.shape())?;
        return target.copy_from(py, input);
    }
    match py.import("numpy") {
        Ok(numpy) => convert(&numpy, view, source),
        Err(missing) if missing.is_instance_of::<PyImportError>(py) => {
            let input = same.ok_or_else(|| {
                PyTypeError::new_err(format!(
                    "without NumPy only a buffer of {} elements can be copied here",
                    target.element_type().typestr()
                ))
            })?;
            check_shape(target, input.shape())?;
            target.gather_from(py, &input)
        }
        Err(other) => Err(other),
    }
}

fn convert(numpy: &Bound<'_, PyModule>, view: &Bound<'_, ArrayView>, source: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = view.py();
    let array = numpy.call_method1("asarray", (source,))?;
    let shape: Vec<isize> = array.getattr("shape")?.extract()?;
    check_shape(view.get(), &shape)?;
    let mut target = numpy.call_method1("asarray", (view,))?;
    if shape != view.get().dimensions() {
        // The target is contiguous, so this is a view; reshaping a strided source would copy it.
        target = target.call_method1("reshape", (PyTuple::new(py, &shape)?,))?;
    }
    let casting = [("casting", "same_kind")].into_py_dict(py)?;
    numpy.call_method("copyto", (target, array), Some(&casting)).map(drop)
}

fn check_shape(target: &ArrayView, shape: &[isize]) -> PyResult<()> {
    if shape == target.dimensions() || shape == [target.count().cast_signed()] {
        return Ok(());
    }
    let flat = if target.dimensions().len() == 1 {
        String::new()
    } else {
        format!(" or [{}]", target.count())
    };
    Err(PyValueError::new_err(format!(
        "shape {shape:?} does not fit; expected {:?}{flat}",
        target.dimensions()
    )))
}
