//! The keyword arguments that all new buffers share.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dcc_mcp_shm::{BufferOptions, Descriptor, Error, QuotaSetting, Reference, Store};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use uuid::Uuid;

use crate::attrs::attrs;
use crate::errors::{invalid, raise};
use crate::kind::KindArgument;
use crate::store::PyStore;

/// What can be said about all that is made.
const COMMON: [&str; 7] = ["kind", "source_dcc", "name", "replace", "group", "attrs", "store"];
/// What can be said about a scene beside that.
pub(crate) const OF_SCENES: &[&str] = &["use_compression", "ttl", "unlink_on_close"];
/// What can be said about a buffer beside that.
pub(crate) const OF_BUFFERS: &[&str] = &["ttl", "unlink_on_close"];
/// What can be said about a pool beside that.
pub(crate) const OF_POOLS: &[&str] = &["persistent"];

/// The keyword arguments of a new buffer, read.
pub(crate) struct Options {
    pub(crate) store: Store,
    pub(crate) buffer: BufferOptions,
    pub(crate) unlink_on_close: bool,
}

impl Options {
    /// Reads keyword arguments: the common ones, and those of what is made; those that a caller names itself it has taken
    /// out.
    pub(crate) fn read(options: Option<&Bound<'_, PyDict>>, of_this: &[&str]) -> PyResult<Self> {
        let mut store = None;
        let mut buffer = BufferOptions::default();
        let mut unlink_on_close = false;
        for (key, value) in options.into_iter().flatten() {
            let key: String = key.extract()?;
            if !COMMON.contains(&key.as_str()) && !of_this.contains(&key.as_str()) {
                return Err(PyTypeError::new_err(format!(
                    "unexpected keyword argument '{key}'; possible are {}",
                    [&COMMON, of_this].concat().join(", ")
                )));
            }
            if value.is_none() {
                continue;
            }
            match key.as_str() {
                "unlink_on_close" => unlink_on_close = value.is_truthy()?,
                "replace" => buffer = buffer.replace(value.is_truthy()?),
                "persistent" => buffer = buffer.persistent(value.is_truthy()?),
                "use_compression" => buffer = buffer.compress(value.is_truthy()?),
                "kind" => buffer = buffer.kind(value.extract::<KindArgument>()?.0),
                "source_dcc" => buffer = buffer.source_dcc(text("source_dcc", &value)?),
                "name" => buffer = buffer.name(text("name", &value)?),
                "group" => buffer = buffer.group(text("group", &value)?),
                "ttl" => buffer = buffer.ttl(time_to_live(&value)?),
                "attrs" => buffer = buffer.attrs(attrs(&value)?),
                _ => store = Some(value.cast::<PyStore>()?.get().store().clone()),
            }
        }
        Ok(Self {
            store: store.map_or_else(default_store, Ok)?,
            buffer,
            unlink_on_close,
        })
    }
}

/// Keyword arguments together with those that may also be given by position.
pub(crate) fn with_positional<'py>(
    py: Python<'py>,
    options: Option<Bound<'py, PyDict>>,
    positional: [(&str, Option<Bound<'py, PyAny>>); 3],
) -> PyResult<Bound<'py, PyDict>> {
    let options = options.unwrap_or_else(|| PyDict::new(py));
    for (key, value) in positional {
        if let Some(value) = value {
            options.set_item(key, value)?;
        }
    }
    Ok(options)
}

/// The store in an argument, or this user's.
pub(crate) fn store_or_default(store: Option<&Bound<'_, PyStore>>) -> PyResult<Store> {
    store.map_or_else(default_store, |store| Ok(store.get().store().clone()))
}

/// The store of this user, opened again only when its directory was changed. That sweeps it, and other threads go on
/// meanwhile.
pub(crate) fn default_store() -> PyResult<Store> {
    static DEFAULT: Mutex<Option<(PathBuf, Store)>> = Mutex::new(None);
    // Only ever locked with the GIL, so that no child is forked meanwhile that would find it locked for ever.
    let default = || DEFAULT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Store::default_path();
    if let Some((opened, store)) = &*default()
        && *opened == path
        && store.is_current()
    {
        return Ok(store.clone());
    }
    // Variables are read with the GIL, as other threads set them with it.
    let quota = QuotaSetting::of_environment().map_err(raise)?;
    let store = Python::attach(|py| py.detach(|| Store::open_with(&path, quota))).map_err(raise)?;
    *default() = Some((path, store.clone()));
    Ok(store)
}

fn text(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    value
        .cast::<PyString>()
        .map_err(|_| PyTypeError::new_err(format!("{argument} must be a str")))?
        .extract()
}

/// How long a buffer stays; 0 is for ever, and no other number is.
fn time_to_live(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
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

/// A number of seconds, whatever it is.
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

/// A size or count; what no size can be is an error of ours, as is what is only too large.
pub(crate) fn whole(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let index = value
        .call_method0("__index__")
        .map_err(|_| PyTypeError::new_err(format!("{argument} must be an int")))?;
    index
        .extract::<u64>()
        .map_err(|_| invalid(argument, format!("{index} is not between 0 and 2^63 - 1")))
}

/// The same for what counts things in memory.
pub(crate) fn count(argument: &'static str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number = whole(argument, value)?;
    usize::try_from(number).map_err(|_| invalid(argument, format!("{number} is more than memory can hold")))
}

/// An id, a name, a descriptor as JSON or as a dict.
pub(crate) fn reference(value: &Bound<'_, PyAny>) -> PyResult<Reference> {
    if let Ok(descriptor) = value.cast::<PyDict>() {
        return Ok(Reference::Descriptor(to_json(descriptor.as_any())?));
    }
    text("reference", value)?.parse().map_err(raise)
}

/// Descriptors as a listing has them, a list of dicts.
pub(crate) fn descriptors(value: &Bound<'_, PyAny>) -> PyResult<Vec<Descriptor>> {
    serde_json::from_str(&to_json(value)?).map_err(|error| {
        raise(Error::InvalidDescriptor {
            problem: format!("after must be a list of descriptors, as Store.list returns it: {error}"),
        })
    })
}

pub(crate) fn id(value: &str) -> PyResult<Uuid> {
    Uuid::parse_str(value).map_err(|_| invalid("id", format!("{value:?} is no UUID")))
}

fn to_json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    let keywords = PyDict::new(py);
    // NaN is no JSON: an error here is better than one at the reader.
    keywords.set_item("allow_nan", false)?;
    let json = py.import("json")?;
    json.call_method("dumps", (value,), Some(&keywords))?.extract()
}

/// JSON text as Python values.
pub(crate) fn from_json<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}
