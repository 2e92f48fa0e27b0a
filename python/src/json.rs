//! Conversion between values of the crate and values of Python, by way of JSON.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A value of the crate as JSON text.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("maps with text keys and finite numbers are JSON")
}

/// JSON text as Python values.
pub(crate) fn from_json<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

/// A Python value as JSON text.
pub(crate) fn to_json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    let keywords = PyDict::new(py);
    // NaN is not JSON, and an error here is better than one at the reader.
    keywords.set_item("allow_nan", false)?;
    let json = py.import("json")?;
    json.call_method("dumps", (value,), Some(&keywords))?.extract()
}
