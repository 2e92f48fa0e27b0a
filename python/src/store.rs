//! The store.

use std::time::Duration;

use dcc_mcp_shm::{BufferFilter, NameFilter, Store};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::arguments::{self, descriptors, reference, whole};
use crate::default_store::{default_store, options_of_environment};
use crate::errors::raise;
use crate::json::{from_json, json};
use crate::kind::KindArgument;
use crate::wait;

/// A directory of shared buffers that belongs to this user alone.
///
/// ``Store()`` is the one that everything uses unless told otherwise: ``DCC_MCP_SHM_DIR``, else
/// ``/dev/shm/dcc-mcp-shm-<uid>``. It is made if it is not there.
///
/// Raises:
///     UnsafeStore: others could tamper with the directory.
///     SystemFailure: it cannot be made or opened.
#[pyclass(frozen, name = "Store", module = "dcc_mcp_shm")]
pub(crate) struct PyStore(Store);

impl PyStore {
    pub(crate) fn store(&self) -> &Store {
        &self.0
    }
}

#[pymethods]
impl PyStore {
    #[new]
    #[pyo3(signature = (path=None))]
    fn new(py: Python<'_>, path: Option<std::path::PathBuf>) -> PyResult<Self> {
        let path = path.unwrap_or_else(Store::default_path);
        let options = options_of_environment(&path)?;
        py.detach(|| Store::open(&options)).map(Self).map_err(raise)
    }

    /// The directory.
    #[getter]
    fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    /// Most bytes that the store may hold, or None. Setting it is for all who use the store.
    #[getter]
    fn quota(&self) -> PyResult<Option<u64>> {
        self.0.quota().map_err(raise)
    }

    #[setter]
    fn set_quota(&self, py: Python<'_>, bytes: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let bytes = bytes.map(|bytes| whole("quota", &bytes)).transpose()?;
        py.detach(|| self.0.set_quota(bytes)).map_err(raise)
    }

    /// Bytes taken by everything in the store, and by what was deleted and is still in use.
    fn used_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.0.used_bytes()).map_err(raise)
    }

    /// Bytes of deleted buffers that are kept for the next ones for a few seconds. They are part of ``used_bytes()``, and go before
    /// anything is refused for want of room; ``DCC_MCP_SHM_RESERVE_BYTES`` limits them.
    fn reserve_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.0.reserve_bytes()).map_err(raise)
    }

    /// Descriptors (dicts) of all buffers and scenes, newest first. Looking renews no time to live.
    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let listing = py.detach(|| self.0.list()).map_err(raise)?;
        from_json(py, &json(&listing.buffers))
    }

    /// Status (dicts) of all pools, newest first.
    fn pools<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let listing = py.detach(|| self.0.list()).map_err(raise)?;
        from_json(py, &json(&listing.pools))
    }

    /// Descriptor (a dict) of one buffer, by id, name or descriptor.
    ///
    /// Raises:
    ///     NotFound, Stale, InvalidDescriptor, Damaged.
    fn describe<'py>(&self, buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, reference) = (buffer.py(), reference(buffer)?);
        let descriptor = py.detach(|| self.0.describe(&reference)).map_err(raise)?;
        from_json(py, &descriptor.to_json())
    }

    /// Waits until something that matches is shared and can be read (a scene when it is sealed), without polling, and
    /// returns the descriptors of all that is new, oldest first. With a ``timeout`` (seconds) the list is empty when nothing
    /// came in time. Other threads go on, and Ctrl-C ends the wait.
    ///
    /// What is in ``after`` is not new, so that nothing falls between looking and waiting::
    ///
    ///     seen = store.list()
    ///     while came := store.wait(kind="Geometry", after=seen):
    ///         seen += came
    ///
    /// With an empty ``after``, what is there already ends the wait; without one, only what comes from now on does.
    /// ``name`` and ``group`` are whole, ``source_dcc`` is how the program's name begins, in upper or
    /// lower case. A buffer is new when it is made; pools are never waited for.
    ///
    /// Raises:
    ///     NotFound: the store's directory is removed.
    ///     UnsafeStore, TooManyOpenFiles, InvalidDescriptor.
    #[expect(clippy::too_many_arguments, reason = "each is a keyword argument in Python")]
    #[pyo3(signature = (*, kind=None, source_dcc=None, name=None, group=None, after=None, timeout=None))]
    fn wait<'py>(
        &self,
        py: Python<'py>,
        kind: Option<KindArgument>,
        source_dcc: Option<String>,
        name: Option<String>,
        group: Option<String>,
        after: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wanted = BufferFilter {
            kind: kind.map(|kind| kind.0),
            source_dcc,
            name: name.map(NameFilter::Is),
            group,
        };
        let after = after.map(descriptors).transpose()?;
        let timeout = timeout.map_or(Ok(Duration::MAX), arguments::timeout)?;
        let came = wait::wait(py, |go_on| self.0.wait_while(&wanted, after.as_deref(), timeout, go_on))?;
        from_json(py, &json(&came))
    }

    /// Deletes a buffer, or a pool with its slots, by id, name or descriptor. Processes that have it open keep what they see,
    /// and its memory until the last of them lets go of it.
    ///
    /// Returns:
    ///     A dict: ``id``, ``name`` (or None), ``freed_bytes``, ``pending_bytes`` (still in use), ``held_by`` (what keeps them,
    ///     in words) and ``holders`` (a list of dicts with pid, program, stopped).
    ///
    /// Raises:
    ///     NotFound: it is not there. WrongRole: it is a slot, which goes with its pool.
    fn delete<'py>(&self, buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, reference) = (buffer.py(), reference(buffer)?);
        let deleted = py.detach(|| self.0.delete(&reference)).map_err(raise)?;
        from_json(py, &json(&deleted))
    }

    /// What was deleted and is still in use, largest first: dicts with id, name, bytes, ``held_by`` (what keeps it, in words:
    /// the processes, or "mapped without a lock") and ``holders`` (a list of dicts with pid, program, stopped).
    fn pending<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pending = py.detach(|| self.0.pending()).map_err(raise)?;
        from_json(py, &json(&pending))
    }

    /// Removes what expired and what dead processes left; see :func:`gc`.
    #[pyo3(signature = (dry_run=None), text_signature = "($self, dry_run=False)")]
    fn gc<'py>(&self, py: Python<'py>, dry_run: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        collect(py, &self.0, dry_run)
    }

    fn __repr__(&self) -> String {
        format!("Store({:?})", self.path())
    }
}

/// The store in an argument, or this user's.
pub(crate) fn store_or_default(store: Option<&Bound<'_, PyStore>>) -> PyResult<Store> {
    store.map_or_else(default_store, |store| Ok(store.get().store().clone()))
}

/// Removes buffers whose time to live has passed, what dead processes left half made, and pools that nobody has open.
/// What anybody holds is never touched. With ``dry_run`` nothing is changed, and the report says what would be.
///
/// Returns:
///     A dict: ``removed`` and ``kept`` (lists of dicts with id, bytes, reason) and ``freed_bytes``.
#[pyfunction]
#[pyo3(signature = (dry_run=None, *, store=None), text_signature = "(dry_run=False, *, store=None)")]
pub(crate) fn gc<'py>(
    py: Python<'py>,
    dry_run: Option<&Bound<'py, PyAny>>,
    store: Option<&Bound<'py, PyStore>>,
) -> PyResult<Bound<'py, PyAny>> {
    collect(py, &store_or_default(store)?, dry_run)
}

fn collect<'py>(py: Python<'py>, store: &Store, dry_run: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    // PyO3's own conversion to a bool interns names when it first meets something else.
    let dry_run = match dry_run {
        None => false,
        Some(dry_run) if dry_run.is_instance_of::<PyBool>() => dry_run.is_truthy()?,
        Some(_) => return Err(PyTypeError::new_err("dry_run must be a bool")),
    };
    let report = py.detach(|| store.gc(dry_run)).map_err(raise)?;
    from_json(py, &json(&report))
}
