//! Arrays as Python gives them: tuples such as `("f4", (n, 3))`, or objects that have a type and a shape themselves.

use dcc_mcp_shm::{ArraySpec, Domain, Dtype, Layout};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::arguments::{encoded, text, type_name, whole};
use crate::errors::{invalid, named, raise};
use crate::exporter::Input;
use crate::masked::refuse_masked;

/// The layout that a mapping such as `{"position": ("f4", (n, 3)), "material": ("i4", n, "face")}` describes.
pub(crate) fn layout(arrays: &Bound<'_, PyAny>) -> PyResult<Layout> {
    let mut specs = Vec::new();
    for item in items("arrays", arrays)?.try_iter()? {
        let (name, value) = entry(&item?)?;
        let value = value.cast_into::<PyTuple>().map_err(|_| wrong_layout(&name))?;
        let parts: Vec<_> = value.iter().collect();
        let (dtype, shape, domain) = match &parts[..] {
            [dtype, shape] => (dtype, shape, None),
            [dtype, shape, domain] => (dtype, shape, Some(domain)),
            _ => return Err(wrong_layout(&name)),
        };
        let py = arrays.py();
        let mut spec = of_array(&name, py, || Ok(ArraySpec::new(dtype_of(dtype)?, shape_of(shape)?)))?;
        if let Some(domain) = domain.filter(|domain| !domain.is_none()) {
            spec = spec.with_domain(of_array(&name, py, || domain_of(domain))?);
        }
        specs.push((name, spec));
    }
    Layout::new(specs).map_err(raise)
}

fn wrong_layout(name: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{name:?}: a layout is {{name: (dtype, shape)}} or {{name: (dtype, shape, domain)}}"
    ))
}

/// The name and the value of an item of a mapping of arrays.
pub(crate) fn entry<'py>(item: &Bound<'py, PyAny>) -> PyResult<(String, Bound<'py, PyAny>)> {
    let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
    let Ok(name) = key.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "the name of an array must be a str, not a {}: {key:?}",
            type_name(&key)
        )));
    };
    Ok((encoded("arrays", name)?, value))
}

/// What is read of one array; an error says of which.
fn of_array<T>(name: &str, py: Python<'_>, read: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    read().map_err(|error| {
        let Some(argument) = error.value(py).getattr_opt("argument").ok().flatten() else {
            return named(name, py, error);
        };
        // An error of the crate has the argument before its text.
        let text = error.value(py).to_string();
        let problem = text.strip_prefix(&format!("{argument}: ")).unwrap_or(&text);
        let argument = match argument.extract::<String>().as_deref() {
            Ok("dtype") => "dtype",
            Ok("domain") => "domain",
            Ok("shape") => "shape",
            _ => "arrays",
        };
        invalid(argument, format!("{name:?}: {problem}"))
    })
}

/// The items of a dict or another mapping.
pub(crate) fn items<'py>(argument: &str, arrays: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // Not for a subclass of `dict`, whose `items` may have another order.
    if let Ok(dict) = arrays.cast_exact::<PyDict>() {
        return Ok(dict.items().into_any());
    }
    // PyO3's `PyMapping` is not used, because it keeps the class of the interpreter that asks first for all others too.
    if arrays.is_instance(&arrays.py().import("collections.abc")?.getattr("Mapping")?)? {
        return arrays.call_method0("items");
    }
    Err(PyTypeError::new_err(format!(
        "{argument} must be a dict or another mapping of names"
    )))
}

/// The specification and the bytes of an array, which must be C-contiguous.
pub(crate) fn described<'py>(
    name: &str,
    array: &Bound<'py, PyAny>,
    domains: Option<&Bound<'py, PyDict>>,
) -> PyResult<(ArraySpec, Input<'py>)> {
    refuse_masked(&format!("{name:?}"), array)?;
    let input = Input::described(array).map_err(|error| no_array(name, array, error))?;
    if !input.is_contiguous() {
        return Err(invalid(
            "arrays",
            format!("{name:?} is not C-contiguous; copy it with numpy.ascontiguousarray, or fill a writer"),
        ));
    }
    let shape: Vec<u64> = input.shape().iter().map(|n| n.unsigned_abs() as u64).collect();
    let py = array.py();
    let mut spec = ArraySpec::new(input.dtype().map_err(|error| named(name, py, error))?, shape);
    if let Some(domain) = domains.map(|domains| domains.get_item(name)).transpose()?.flatten() {
        spec = spec.with_domain(of_array(name, py, || domain_of(&domain))?);
    }
    Ok((spec, input))
}

/// The error for a value that is not an array: it names the value's type, and says what to do. Only a `TypeError` is replaced.
fn no_array(name: &str, array: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyTypeError>(array.py()) {
        return named(name, array.py(), error);
    }
    let kind = type_name(array);
    PyTypeError::new_err(format!(
        "{name:?} is a {kind}, without a buffer of elements; pass numpy.asarray(it), or fill a writer, which converts"
    ))
}

fn domain_of(domain: &Bound<'_, PyAny>) -> PyResult<Domain> {
    text("domain", domain)?.to_lowercase().parse().map_err(raise)
}

/// A type string, a NumPy dtype, or a scalar type of NumPy.
fn dtype_of(dtype: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    let py = dtype.py();
    let text = if let Ok(text) = dtype.cast::<PyString>() {
        encoded("dtype", text)?
    } else {
        let dtype = py.import("numpy")?.call_method1("dtype", (dtype,))?;
        dtype.getattr("str")?.extract()?
    };
    Dtype::named(&text).map_err(raise)
}

fn shape_of(shape: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    // Iteration is tried first, because NumPy's arrays have an `__index__` too. Only those without axes cannot be iterated.
    match shape.try_iter() {
        Ok(lengths) => {
            // `collect` is not used, because it asks for a size hint, for which PyO3 imports a function of Python.
            let mut shape = Vec::new();
            for len in lengths {
                shape.push(whole("shape", &len?)?);
            }
            Ok(shape)
        }
        Err(_) if shape.hasattr("__index__")? => Ok(vec![whole("shape", shape)?]),
        Err(error) => Err(error),
    }
}
