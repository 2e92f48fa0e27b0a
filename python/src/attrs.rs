//! Attributes from Python. A value is kept exactly, or else refused by an error that names its key.

use dcc_mcp_shm::Attrs;
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyString};
use serde_json::{Number, Value};

use crate::arguments::type_name;
use crate::arrays::items;
use crate::errors::invalid;
use crate::masked::refuse_masked;

/// The attributes in a mapping. Scalars and arrays of NumPy, vectors of mathutils and the like become numbers and lists.
pub(crate) fn attrs(value: &Bound<'_, PyAny>) -> PyResult<Attrs> {
    let py = value.py();
    let items = items("attrs", value).map_err(|error| unconvertible(py, "they", error))?;
    let mut attrs = Attrs::new();
    for item in items.try_iter()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        let Ok(name) = key.cast::<PyString>() else {
            let problem = format!("a key is a {}: {key:?}; all must be texts", type_name(&key));
            return Err(invalid("attrs", problem));
        };
        let name = text("a key", name)?;
        let value = value_of(&name, &value)?;
        attrs.insert(name, value);
    }
    Ok(attrs)
}

fn value_of(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let plain = plain(name, value)?;
    if let Some(scalar) = scalar(name, &plain)? {
        return Ok(scalar);
    }
    if is_mapping(&plain)? {
        return Ok(nested());
    }
    if !is_list(&plain)? {
        return Err(no_value(name, value));
    }
    let mut list = Vec::new();
    for item in plain.try_iter()? {
        let item = item?;
        let plain = self::plain(name, &item)?;
        list.push(match scalar(name, &plain)? {
            Some(scalar) => scalar,
            None if is_mapping(&plain)? || is_list(&plain)? => nested(),
            None => return Err(no_value(name, &item)),
        });
    }
    Ok(Value::Array(list))
}

/// A value with a method `tolist`, such as an array of NumPy, as plain Python values. Scalars and other values stay as
/// they are.
fn plain<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if is_scalar(value) {
        return Ok(value.clone());
    }
    let py = value.py();
    refuse_masked(&format!("attrs: {name:?}"), value)?;
    let Some(convert) = value.getattr_opt("tolist")? else {
        return Ok(value.clone());
    };
    // `tolist` makes numbers of some dates and durations. These do not say their unit, so all dates and durations are refused.
    let kind = value
        .getattr_opt("dtype")?
        .map(|dtype| dtype.getattr_opt("kind"))
        .transpose()?;
    if let Some(kind) = kind.flatten()
        && (kind.eq("m")? || kind.eq("M")?)
    {
        return Err(no_value(name, value));
    }
    convert
        .call0()
        .map_err(|error| unconvertible(py, &format!("{name:?}"), error))
}

fn is_scalar(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyString>()
}

/// The JSON value of a Python scalar, exactly; `None` if `value` is not a scalar.
fn scalar(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    if value.is_none() {
        return Ok(Some(Value::Null));
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Some(value.is_true().into()));
    }
    if value.is_instance_of::<PyInt>() {
        let number = value.extract::<i64>().map(Value::from);
        let number = number.or_else(|_| value.extract::<u64>().map(Value::from));
        let refused = |_| {
            invalid(
                "attrs",
                format!("{name:?} is an int of more than 64 bits; pass it as a text"),
            )
        };
        return number.map(Some).map_err(refused);
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        let number = Number::from_f64(value.value()).map(Value::Number);
        let refused = || {
            invalid(
                "attrs",
                format!("{name:?} is {}, which JSON has no number for", value.value()),
            )
        };
        return number.map(Some).ok_or_else(refused);
    }
    if let Ok(value) = value.cast::<PyString>() {
        return text(&format!("the text of {name:?}"), value).map(|text| Some(text.into()));
    }
    Ok(None)
}

fn text(what: &str, value: &Bound<'_, PyString>) -> PyResult<String> {
    let text = value.to_str().map(str::to_owned);
    text.map_err(|error| unconvertible(value.py(), what, error))
}

/// Whether `value` is like a list: it has a length and can be indexed. `bytes` and `bytearray` do not count.
fn is_list(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_bytes = value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>();
    Ok(!is_bytes && value.hasattr("__len__")? && value.hasattr("__getitem__")?)
}

fn is_mapping(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.hasattr("keys")
}

/// Stands for a mapping as a value, and for a list or mapping in a list. The crate refuses it, with the message that
/// all its users get.
fn nested() -> Value {
    Value::Object(Attrs::new())
}

fn no_value(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let problem = format!(
        "{name:?} is or contains a {}, which JSON cannot keep exactly; possible are numbers, texts, booleans, None and lists \
         of them",
        type_name(value)
    );
    invalid("attrs", problem)
}

/// `InvalidArgument` for an error that says that a value cannot be converted. All other errors, such as Ctrl-C, are not
/// about the value and stay as they are.
fn unconvertible(py: Python<'_>, what: &str, error: PyErr) -> PyErr {
    let is_of_value = error.is_instance_of::<PyTypeError>(py)
        || error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyRecursionError>(py);
    if is_of_value {
        invalid("attrs", format!("{what} cannot be converted: {}", error.value(py)))
    } else {
        error
    }
}
