//! The store that is used when none is named.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dcc_mcp_shm::{QuotaSetting, Store, StoreOptions, relative_directory_variable, reserve_of_environment};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;

use crate::errors::raise;

/// The directory of the store of this user. A relative one is warned of, because another process may mean another by it.
pub(crate) fn default_path() -> PyResult<PathBuf> {
    if let Some(problem) = relative_directory_variable() {
        Python::attach(|py| {
            let problem = CString::new(problem)?;
            PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &problem, 2)
        })?;
    }
    Ok(Store::default_path())
}

/// The store of this user, opened again only when its directory was changed. That sweeps it, and other threads go on
/// meanwhile.
pub(crate) fn default_store() -> PyResult<Store> {
    static DEFAULT: Mutex<Option<(PathBuf, Store)>> = Mutex::new(None);
    // Only ever locked with the GIL, so that no child is forked meanwhile that would find it locked for ever.
    let default = || DEFAULT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = default_path()?;
    if let Some((opened, store)) = &*default()
        && *opened == path
        && store.is_current()
    {
        return Ok(store.clone());
    }
    let options = options_of_environment(&path)?;
    let store = Python::attach(|py| py.detach(|| Store::open(&options))).map_err(raise)?;
    *default() = Some((path, store.clone()));
    Ok(store)
}

/// How a store is opened, as the variables say. They are read with the GIL, as other threads set them with it.
pub(crate) fn options_of_environment(path: &Path) -> PyResult<StoreOptions> {
    let quota = QuotaSetting::of_environment().map_err(raise)?;
    let reserve = reserve_of_environment().map_err(raise)?;
    Ok(StoreOptions::at(path).quota(quota).reserve(reserve))
}
