//! The Python class of pools.

use dcc_mcp_shm::{BufferOptions, BufferPool, Store};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::arguments::{self, count, optional_text, reference, whole};
use crate::buffer::PySharedBuffer;
use crate::errors::raise;
use crate::handle::Handle;
use crate::json::{from_json, json};
use crate::options::{OF_POOLS, Options};
use crate::store::{PyStore, store_or_default};
use crate::wait;

/// A set of buffers of one size that are made once and given out again and again.
///
/// ``capacity`` is the number of buffers, ``buffer_size`` the size of each in bytes; the memory of all is reserved at once.
/// Other processes open the pool by its ``name``. Making a second pool of that name raises ``NameTaken``; ``open_or_create``
/// opens the first one instead. The pool is deleted when the last process that has it open lets go of it, unless
/// ``persistent=True``. Other options: ``replace``, ``group``, ``attrs``, ``kind``, ``source_dcc``, ``store``.
///
/// Raises:
///     InvalidArgument, NameTaken.
///     StoreFull: there is no room; nothing was created.
#[pyclass(frozen, name = "BufferPool", module = "dcc_mcp_shm", weakref)]
pub(crate) struct PyBufferPool(Handle<BufferPool>);

impl PyBufferPool {
    fn get(&self) -> PyResult<BufferPool> {
        self.0.get()
    }

    fn make(
        make: impl Fn(&Store, usize, u64, &BufferOptions) -> dcc_mcp_shm::Result<BufferPool> + Sync,
        capacity: &Bound<'_, PyAny>,
        buffer_size: &Bound<'_, PyAny>,
        name: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut options = Options::read(options, OF_POOLS)?;
        if let Some(name) = optional_text("name", name)? {
            options.buffer = options.buffer.name(name);
        }
        let (py, capacity, size) = (
            capacity.py(),
            count("capacity", capacity)?,
            whole("buffer_size", buffer_size)?,
        );
        py.detach(|| make(&options.store, capacity, size, &options.buffer))
            .map(|pool| Self(Handle::new(pool)))
            .map_err(raise)
    }
}

#[pymethods]
impl PyBufferPool {
    #[new]
    #[pyo3(signature = (capacity, buffer_size, name=None, **options))]
    fn new(
        capacity: &Bound<'_, PyAny>,
        buffer_size: &Bound<'_, PyAny>,
        name: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::make(BufferPool::create, capacity, buffer_size, name, options)
    }

    /// Opens the pool of this ``name``, or makes it if it does not exist. If several processes do so at once, one makes the
    /// pool and the others open it, whatever their options say. Arguments are those of ``BufferPool``, except ``replace``.
    ///
    /// Raises:
    ///     InvalidArgument: the pool has another number of buffers than ``capacity``, or they have another size.
    ///     WrongRole, StoreFull, Damaged.
    #[classmethod]
    #[pyo3(signature = (capacity, buffer_size, name, **options))]
    fn open_or_create(
        _class: &Bound<'_, PyType>,
        capacity: &Bound<'_, PyAny>,
        buffer_size: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::make(BufferPool::open_or_create, capacity, buffer_size, Some(name), options)
    }

    /// Opens a pool by name, id or descriptor.
    ///
    /// Raises:
    ///     NotFound, WrongRole, Damaged.
    #[classmethod]
    #[pyo3(signature = (name, *, store=None))]
    fn open(_class: &Bound<'_, PyType>, name: &Bound<'_, PyAny>, store: Option<&Bound<'_, PyStore>>) -> PyResult<Self> {
        let (store, reference) = (store_or_default(store)?, reference(name)?);
        let pool = name
            .py()
            .detach(|| BufferPool::open(&store, &reference))
            .map_err(raise)?;
        Ok(Self(Handle::new(pool)))
    }

    /// Takes a free buffer, emptied. The buffer returns to the pool when it and all views of it are collected or closed.
    ///
    /// With a ``timeout`` (seconds; ``math.inf`` for ever), waits for a buffer if none is free, without polling. The
    /// waiter that has waited longest is first. Other threads go on, and Ctrl-C ends the wait.
    ///
    /// Raises:
    ///     Exhausted: all buffers are in use; ``holders`` says by whom.
    #[pyo3(signature = (timeout=None))]
    fn acquire(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<PySharedBuffer> {
        let pool = self.get()?;
        let buffer = match timeout {
            None => py.detach(|| pool.acquire()).map_err(raise),
            Some(seconds) => {
                let timeout = arguments::timeout(seconds)?;
                wait::wait(py, |go_on| pool.acquire_timeout_while(timeout, go_on))
            }
        };
        buffer.map(PySharedBuffer::wrap)
    }

    /// Number of free buffers, which no process holds.
    fn available(&self) -> PyResult<usize> {
        self.get()?.available().map_err(raise)
    }

    /// Number of buffers.
    fn capacity(&self) -> PyResult<usize> {
        Ok(self.get()?.capacity())
    }

    /// Bytes that each buffer holds.
    fn buffer_size(&self) -> PyResult<u64> {
        Ok(self.get()?.buffer_size())
    }

    /// Bytes of all buffers together.
    #[getter]
    fn total_bytes(&self) -> PyResult<u64> {
        Ok(self.get()?.total_bytes())
    }

    /// Unique id: a UUID.
    #[getter]
    fn id(&self) -> PyResult<String> {
        Ok(self.get()?.id().to_string())
    }

    /// The pool as all processes see it: a dict with id, name, buffer_size, persistent, created_at and the list of
    /// slots. The ``holder`` of a slot is a dict with pid, program and since, or None.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        from_json(py, &json(&self.get()?.status().map_err(raise)?))
    }

    /// Deletes the pool. Buffers that were acquired stay until they are dropped.
    fn unlink(&self, py: Python<'_>) -> PyResult<()> {
        let pool = self.get()?;
        py.detach(|| pool.unlink()).map_err(raise)
    }

    /// Lets go of the pool; acquired buffers stay.
    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(&self, error: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>, _traceback: &Bound<'_, PyAny>) {
        self.close(error.py());
    }

    fn __repr__(&self) -> String {
        match self.get() {
            Ok(pool) => format!(
                "BufferPool(id='{}', capacity={}, available={}, buffer_size={})",
                pool.id(),
                pool.capacity(),
                pool.available()
                    .map_or_else(|_| "unknown".to_owned(), |free| free.to_string()),
                pool.buffer_size()
            ),
            Err(_) => "BufferPool(closed)".to_owned(),
        }
    }
}
