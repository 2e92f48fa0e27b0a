//! `writer["position"] = source` for anything array-like, with one converting copy.

use pyo3::exceptions::{PyImportError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyByteArray, PyBytes, PyMemoryView, PyTuple};

use crate::errors::named;
use crate::exporter::{ArrayView, Input};
use crate::masked::refuse_masked;

/// Copies every element of `source` to `view`, converting the type where NumPy calls that `same_kind` (float64 to
/// float32, not float to int). The shape may be that of the view or flat. `bytes` and the like, if there are as many as
/// the view has, are taken as they are. Errors name the array, as `name`.
///
/// Contiguous elements of the same type are copied directly, without the GIL and without NumPy. NumPy does everything
/// else; if it is missing, only elements of the same type are accepted.
pub(crate) fn assign(name: &str, view: &Bound<'_, ArrayView>, source: &Bound<'_, PyAny>) -> PyResult<()> {
    copy(view, source).map_err(|error| named(name, view.py(), error))
}

fn copy(view: &Bound<'_, ArrayView>, source: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, target) = (view.py(), view.get());
    refuse_masked("what is assigned", source)?;
    let input = Input::described(source);
    if let Err(error) = &input
        && Input::is_contradiction(py, error)
    {
        return Err(error.clone_ref(py));
    }
    let input = input.ok();
    if input.as_ref().is_some_and(Input::is_pointer) {
        return Err(PyTypeError::new_err(
            "a ctypes pointer has no length; use ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float * count)).contents",
        ));
    }
    if let Some(input) = input.as_ref().filter(|_| is_bytes(source)) {
        if input.is_of_bytes() && input.is_contiguous() && target.is_contiguous() && input.size() == target.nbytes() {
            return target.copy_from(py, input);
        }
        if target.element_type().size() > 1 && !source.is_instance_of::<PyMemoryView>() {
            return Err(PyValueError::new_err(format!(
                "{} bytes do not fit; {} elements of {} take {}",
                input.size(),
                target.count(),
                target.element_type().typestr(),
                target.nbytes()
            )));
        }
    }
    let same = input.filter(|input| {
        input
            .dtype()
            .is_ok_and(|dtype| dtype.typestr() == target.element_type().typestr())
    });
    if let Some(input) = same
        .as_ref()
        .filter(|input| target.is_contiguous() && input.is_contiguous())
    {
        check_shape(target, input.shape())?;
        return target.copy_from(py, input);
    }
    match py.import("numpy") {
        Ok(numpy) => convert(&numpy, view, source),
        Err(missing) if missing.is_instance_of::<PyImportError>(py) => {
            let input = same.filter(|_| target.is_contiguous()).ok_or_else(|| {
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

/// Whether a value is nothing but bytes. An array of single bytes has elements, which are numbers.
fn is_bytes(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>()
}

fn convert(numpy: &Bound<'_, PyModule>, view: &Bound<'_, ArrayView>, source: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = view.py();
    let array = numpy.call_method1("asanyarray", (source,))?;
    // What came of `__array__` may be masked too.
    refuse_masked("what is assigned", &array)?;
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
    let is_flat = shape == [target.count().cast_signed()] && target.is_contiguous();
    if shape == target.dimensions() || is_flat {
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
