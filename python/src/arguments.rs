//! Conversion of single arguments. The error for a wrong argument names it.

use std::path::PathBuf;
use std::time::Duration;

use dcc_mcp_shm::{Descriptor, Error, Reference};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use uuid::Uuid;

use crate::errors::{invalid, raise};
use crate::json::to_json;

/// The text of a Python `str`.
///
/// # Errors
/// `TypeError` for another type; `InvalidArgument` for a text with a surrogate, which no UTF-8 can have.
pub(crate) fn text(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value
        .cast::<PyString>()
        .map_err(|_| PyTypeError::new_err(format!("{argument} must be a str, not a {}", type_name(value))))?;
    encoded(argument, text)
}

/// The same of what is known to be a `str`.
pub(crate) fn encoded(argument: &'static str, text: &Bound<'_, PyString>) -> PyResult<String> {
    let shown = || {
        text.repr()
            .map_or_else(|_| "a text".to_owned(), |shown| shown.to_string())
    };
    text.to_str().map(str::to_owned).map_err(|error| {
        if error.is_instance_of::<PyUnicodeError>(text.py()) {
            return invalid(
                argument,
                format!("{} has half of a surrogate pair, which is no character", shown()),
            );
        }
        error
    })
}

/// A text that may be left out.
pub(crate) fn optional_text(argument: &'static str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    value
        .filter(|value| !value.is_none())
        .map(|value| text(argument, value))
        .transpose()
}

/// A path, from text, bytes or an object that has one.
pub(crate) fn path(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    value.extract().map_err(|error: PyErr| {
        let py = value.py();
        if error.is_instance_of::<PyUnicodeError>(py) || error.is_instance_of::<PyValueError>(py) {
            return invalid(argument, format!("no file can be called so: {}", error.value(py)));
        }
        error
    })
}

/// The name of a value's type, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().qualname();
    name.map_or_else(|_| "value of some type".to_owned(), |name| name.to_string())
}

/// A buffer's time to live, in seconds. Only 0 means for ever, so a positive number that rounds to 0 becomes a nanosecond.
pub(crate) fn time_to_live(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds = seconds("ttl", value)?;
    let ttl = Duration::try_from_secs_f64(seconds).map_err(|_| {
        let problem = format!("{seconds} is no number of seconds that can be kept; 0 is until it is deleted");
        invalid("ttl", problem)
    })?;
    Ok(if seconds > 0.0 {
        ttl.max(Duration::from_nanos(1))
    } else {
        ttl
    })
}

/// A number of seconds, which may be negative, infinite or NaN.
pub(crate) fn seconds(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let py = value.py();
    value.extract::<f64>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(py) {
            return invalid(argument, "has more digits than a number of seconds can have");
        }
        if error.is_instance_of::<PyTypeError>(py) {
            return PyTypeError::new_err(format!("{argument} must be a number of seconds"));
        }
        error
    })
}

/// A size or count. A negative number and one of more than 64 bits are `InvalidArgument`, not Python's `OverflowError`.
pub(crate) fn whole(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let index = value
        .call_method0("__index__")
        .map_err(|_| PyTypeError::new_err(format!("{argument} must be an int")))?;
    index
        .extract::<u64>()
        .map_err(|_| invalid(argument, format!("{index} is not between 0 and 2^63 - 1")))
}

/// A count of things in memory, so it must fit into `usize`.
pub(crate) fn count(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number = whole(argument, value)?;
    usize::try_from(number).map_err(|_| invalid(argument, format!("{number} is more than memory can hold")))
}

/// A reference: an id, a name, or a descriptor (JSON text or a dict).
pub(crate) fn reference(value: &Bound<'_, PyAny>) -> PyResult<Reference> {
    if let Ok(descriptor) = value.cast::<PyDict>() {
        return Ok(Reference::Descriptor(to_json(descriptor.as_any())?));
    }
    text("reference", value)?.parse().map_err(raise)
}

/// Descriptors as `Store.list` returns them: a list of dicts.
pub(crate) fn descriptors(value: &Bound<'_, PyAny>) -> PyResult<Vec<Descriptor>> {
    serde_json::from_str(&to_json(value)?).map_err(|error| {
        raise(Error::InvalidDescriptor {
            problem: format!("after must be a list of descriptors, as Store.list returns it: {error}"),
        })
    })
}

pub(crate) fn id(value: &Bound<'_, PyAny>) -> PyResult<Uuid> {
    let value = text("id", value)?;
    Uuid::parse_str(&value).map_err(|_| invalid("id", format!("{value:?} is no UUID")))
}

/// How long to wait, in seconds: a number, which may be infinite.
pub(crate) fn timeout(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds = seconds("timeout", value)?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(timeout) => Ok(timeout),
        // The number is infinite, or larger than a `Duration` can hold.
        Err(_) if seconds > 0.0 => Ok(Duration::MAX),
        Err(_) => Err(invalid(
            "timeout",
            format!("{seconds} is no number of seconds from 0 on"),
        )),
    }
}
