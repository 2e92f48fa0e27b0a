//! The store.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcc_mcp_shm::{BufferFilter, NameFilter, Store};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::arguments::{self, descriptors, optional_text, reference, time_to_live, whole};
use crate::default_store::{default_path, default_store, options_of_environment};
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
pub(crate) struct PyStore(Mutex<Store>);

impl PyStore {
    /// The store, opened again if its directory was removed or another took its place.
    pub(crate) fn store(&self) -> PyResult<Store> {
        let store = self.kept();
        if store.is_current() {
            return Ok(store);
        }
        // What is recorded as its quota went with it.
        let options = options_of_environment(store.path())?;
        let opened = Python::attach(|py| py.detach(|| Store::open(&options))).map_err(raise)?;
        self.locked().clone_from(&opened);
        Ok(opened)
    }

    /// The store as it was opened, whatever became of its directory.
    fn kept(&self) -> Store {
        self.locked().clone()
    }

    /// Only ever locked with the GIL, so that no child is forked meanwhile that would find it locked for ever.
    fn locked(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyStore {
    #[new]
    #[pyo3(signature = (path=None))]
    fn new(py: Python<'_>, path: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let path = path
            .filter(|path| !path.is_none())
            .map(|path| arguments::path("path", path))
            .transpose()?;
        let options = options_of_environment(&path.map_or_else(default_path, Ok)?)?;
        py.detach(|| Store::open(&options))
            .map(|store| Self(Mutex::new(store)))
            .map_err(raise)
    }

    /// The directory.
    #[getter]
    fn path(&self) -> String {
        self.kept().path().display().to_string()
    }

    /// Most bytes that the store may hold, or None. Setting it is for all who use the store.
    #[getter]
    fn quota(&self) -> PyResult<Option<u64>> {
        self.store()?.quota().map_err(raise)
    }

    #[setter]
    fn set_quota(&self, py: Python<'_>, bytes: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let bytes = bytes.map(|bytes| whole("quota", &bytes)).transpose()?;
        let store = self.store()?;
        py.detach(|| store.set_quota(bytes)).map_err(raise)
    }

    /// Bytes taken by everything in the store, and by what was deleted and is still in use.
    fn used_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        let store = self.store()?;
        py.detach(|| store.used_bytes()).map_err(raise)
    }

    /// Bytes of deleted buffers that are kept for the next ones for a few seconds. They are part of ``used_bytes()``, and go before
    /// anything is refused for want of room; ``DCC_MCP_SHM_RESERVE_BYTES`` limits them.
    fn reserve_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        let store = self.store()?;
        py.detach(|| store.reserve_bytes()).map_err(raise)
    }

    /// Descriptors (dicts) of all buffers and scenes, newest first, or of those that match: the filters are those of
    /// :meth:`wait`. Looking renews no time to live.
    #[pyo3(signature = (*, kind=None, source_dcc=None, name=None, group=None))]
    fn list<'py>(
        &self,
        py: Python<'py>,
        kind: Option<KindArgument>,
        source_dcc: Option<&Bound<'py, PyAny>>,
        name: Option<&Bound<'py, PyAny>>,
        group: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (wanted, store) = (filter(kind, source_dcc, name, group)?, self.store()?);
        let listing = py.detach(|| store.list()).map_err(raise)?;
        let found: Vec<_> = listing
            .buffers
            .into_iter()
            .filter(|buffer| wanted.matches_described(buffer))
            .collect();
        from_json(py, &json(&found))
    }

    /// Status (dicts) of all pools, newest first.
    fn pools<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let store = self.store()?;
        let listing = py.detach(|| store.list()).map_err(raise)?;
        from_json(py, &json(&listing.pools))
    }

    /// Descriptor (a dict) of one buffer, by id, name or descriptor.
    ///
    /// Raises:
    ///     NotFound, Stale, InvalidDescriptor, Damaged.
    fn describe<'py>(&self, buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, reference, store) = (buffer.py(), reference(buffer)?, self.store()?);
        let descriptor = py.detach(|| store.describe(&reference)).map_err(raise)?;
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
        source_dcc: Option<&Bound<'py, PyAny>>,
        name: Option<&Bound<'py, PyAny>>,
        group: Option<&Bound<'py, PyAny>>,
        after: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wanted = filter(kind, source_dcc, name, group)?;
        let after = after.map(descriptors).transpose()?;
        let timeout = timeout.map_or(Ok(Duration::MAX), arguments::timeout)?;
        // Nothing comes to a directory that is not there.
        let kept = self.kept();
        let store = if kept.path().exists() { self.store()? } else { kept };
        let came = wait::wait(py, |go_on| store.wait_while(&wanted, after.as_deref(), timeout, go_on))?;
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
        let (py, reference, store) = (buffer.py(), reference(buffer)?, self.store()?);
        let deleted = py.detach(|| store.delete(&reference)).map_err(raise)?;
        from_json(py, &json(&deleted))
    }

    /// What was deleted and is still in use, largest first: dicts with id, name, bytes, ``held_by`` (what keeps it, in words:
    /// the processes, or "mapped without a lock") and ``holders`` (a list of dicts with pid, program, stopped).
    fn pending<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let store = self.store()?;
        let pending = py.detach(|| store.pending()).map_err(raise)?;
        from_json(py, &json(&pending))
    }

    /// Changes how long a buffer or scene stays when nobody has it open, by id, name or descriptor: ``ttl`` seconds, or until it
    /// is deleted. If nobody has it open, that time begins now. It stays in memory: a reboot loses it.
    ///
    /// Raises:
    ///     NotFound: it is not there. WrongRole: it is a pool or a slot.
    ///     InvalidArgument; StoreFull: the file system has no inode left.
    #[pyo3(signature = (buffer, ttl=None), text_signature = "($self, buffer, ttl=0)")]
    fn keep(&self, buffer: &Bound<'_, PyAny>, ttl: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let (reference, ttl) = (reference(buffer)?, ttl.map_or(Ok(Duration::ZERO), time_to_live)?);
        let store = self.store()?;
        buffer
            .py()
            .detach(|| store.set_ttl(&reference, ttl).map(drop))
            .map_err(raise)
    }

    /// Removes what expired and what dead processes left; see :func:`gc`.
    #[pyo3(signature = (dry_run=None), text_signature = "($self, dry_run=False)")]
    fn gc<'py>(&self, py: Python<'py>, dry_run: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        collect(py, &self.store()?, dry_run)
    }

    fn __repr__(&self) -> String {
        format!("Store({:?})", self.path())
    }
}

/// Which buffers the keyword arguments of `list` and `wait` mean.
fn filter(
    kind: Option<KindArgument>,
    source_dcc: Option<&Bound<'_, PyAny>>,
    name: Option<&Bound<'_, PyAny>>,
    group: Option<&Bound<'_, PyAny>>,
) -> PyResult<BufferFilter> {
    Ok(BufferFilter {
        kind: kind.map(|kind| kind.0),
        source_dcc: optional_text("source_dcc", source_dcc)?,
        name: optional_text("name", name)?.map(NameFilter::Is),
        group: optional_text("group", group)?,
    })
}

/// The store in an argument, or this user's.
pub(crate) fn store_or_default(store: Option<&Bound<'_, PyStore>>) -> PyResult<Store> {
    store.map_or_else(default_store, |store| store.get().store())
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
