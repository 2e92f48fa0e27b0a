//! The keyword arguments of everything that is made: buffers, scenes and pools.

use dcc_mcp_shm::{BufferOptions, Store};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{text, time_to_live};
use crate::attrs::attrs;
use crate::default_store::default_store;
use crate::kind::KindArgument;
use crate::store::PyStore;

/// Keyword arguments that scenes, buffers and pools share.
const COMMON: [&str; 7] = ["kind", "source_dcc", "name", "replace", "group", "attrs", "store"];
/// Further keyword arguments of scenes.
pub(crate) const OF_SCENES: &[&str] = &["use_compression", "ttl", "unlink_on_close"];
/// Further keyword arguments of buffers.
pub(crate) const OF_BUFFERS: &[&str] = &["ttl", "unlink_on_close"];
/// Further keyword arguments of pools.
pub(crate) const OF_POOLS: &[&str] = &["persistent"];

/// The keyword arguments of a new buffer, scene or pool, converted.
pub(crate) struct Options {
    pub(crate) store: Store,
    pub(crate) buffer: BufferOptions,
    pub(crate) unlink_on_close: bool,
}

impl Options {
    /// Reads common keyword arguments and those in `of_this`. The caller must already have removed any that it handles itself.
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
                _ => store = Some(value.cast::<PyStore>()?.get().store()?),
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
