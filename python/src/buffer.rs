//! The Python classes of buffers that can be rewritten.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dcc_mcp_shm::{BufferEdit, SharedBuffer};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMemoryView, PyString, PyType};

use crate::arguments::{self, reference, text, time_to_live, whole};
use crate::errors::{ShmError, raise};
use crate::exporter::{ArrayView, Input, Memory, NewBytes};
use crate::handle::Handle;
use crate::masked::refuse_masked;
use crate::options::{OF_BUFFERS, Options};
use crate::store::{PyStore, store_or_default};
use crate::wait;

/// Memory that any process can rewrite at any time, and whose readers get one complete write.
///
/// Dropping the handle does not delete the data: it stays for its time to live (15 minutes after the last handle
/// anywhere is gone, unless ``ttl`` says otherwise). ``unlink()`` deletes it; so does letting go of a buffer made with
/// ``unlink_on_close=True`` and of its views. A ``with`` block closes the handle.
#[pyclass(frozen, name = "SharedBuffer", module = "dcc_mcp_shm", weakref)]
pub(crate) struct PySharedBuffer(Handle<SharedBuffer>);

impl PySharedBuffer {
    pub(crate) fn wrap(buffer: SharedBuffer) -> Self {
        Self(Handle::new(buffer))
    }

    fn get(&self) -> PyResult<SharedBuffer> {
        self.0.get()
    }
}

#[pymethods]
impl PySharedBuffer {
    /// Makes a buffer for up to ``capacity`` bytes, which are reserved at once.
    ///
    /// Options: ``kind``, ``source_dcc``, ``name`` (unique in the store; ``replace=True`` takes it over), ``ttl``
    /// (seconds after the last handle is gone; 0 means until the buffer is deleted), ``group``, ``attrs``,
    /// ``unlink_on_close``, ``store``.
    ///
    /// Raises:
    ///     InvalidArgument, NameTaken.
    ///     StoreFull: there is no room; nothing was created.
    #[classmethod]
    #[pyo3(signature = (capacity, **options))]
    fn create(
        _class: &Bound<'_, PyType>,
        capacity: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = Options::read(options, OF_BUFFERS)?;
        let (py, capacity) = (capacity.py(), whole("capacity", capacity)?);
        let buffer = py
            .detach(|| SharedBuffer::create(&options.store, capacity, &options.buffer))
            .map_err(raise)?;
        buffer.set_unlink_on_close(options.unlink_on_close);
        Ok(Self::wrap(buffer))
    }

    /// Opens a buffer or pool slot by id, name or descriptor: ``open("name")``, or ``open(id="name")``; or by the ``path``
    /// and ``id`` that another process passed on.
    ///
    /// Raises:
    ///     NotFound, Stale, WrongRole, InvalidDescriptor, UnsafeStore, Damaged, Busy.
    #[classmethod]
    #[pyo3(signature = (path=None, id=None, *, store=None))]
    fn open(
        class: &Bound<'_, PyType>,
        path: Option<&Bound<'_, PyAny>>,
        id: Option<&Bound<'_, PyAny>>,
        store: Option<&Bound<'_, PyStore>>,
    ) -> PyResult<Self> {
        let py = class.py();
        let buffer = match (path, id) {
            (Some(path), Some(id)) => {
                let (path, id) = (arguments::path("path", path)?, arguments::id(id)?);
                py.detach(|| SharedBuffer::open_path(&path, id))
            }
            // Alone, the first argument is what it is of a scene.
            (Some(which), None) if !is_path(which) => {
                let (store, reference) = (store_or_default(store)?, reference(which)?);
                py.detach(|| SharedBuffer::open(&store, &reference))
            }
            (None, Some(id)) => {
                let (store, reference) = (store_or_default(store)?, reference(id)?);
                py.detach(|| SharedBuffer::open(&store, &reference))
            }
            _ => {
                return Err(crate::errors::invalid(
                    "id",
                    "is missing: a path alone does not say which buffer it was; give the id with it, or a name, an id or a \
                     descriptor alone",
                ));
            }
        };
        buffer.map(Self::wrap).map_err(raise)
    }

    /// Opens the buffer that a descriptor means, in whatever store it lies.
    ///
    /// Raises:
    ///     As :meth:`open`.
    #[classmethod]
    fn from_descriptor_json(_class: &Bound<'_, PyType>, json: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, json) = (json.py(), text("json", json)?);
        py.detach(|| SharedBuffer::from_descriptor(&json))
            .map(Self::wrap)
            .map_err(raise)
    }

    /// Unique id: a UUID.
    #[getter]
    fn id(&self) -> PyResult<String> {
        Ok(self.get()?.id().to_string())
    }

    /// How long the buffer stays when nobody has it open, in seconds; 0 is until it is deleted. It can be set, except for a slot.
    #[getter]
    fn ttl(&self) -> PyResult<f64> {
        Ok(self.get()?.descriptor().map_err(raise)?.ttl_seconds)
    }

    #[setter]
    fn set_ttl(&self, ttl: &Bound<'_, PyAny>) -> PyResult<()> {
        let (buffer, seconds) = (self.get()?, time_to_live(ttl)?);
        ttl.py().detach(|| buffer.set_ttl(seconds)).map_err(raise)
    }

    /// Path of the file.
    fn path(&self) -> PyResult<String> {
        Ok(self.get()?.path().display().to_string())
    }

    /// Most bytes that can be stored.
    fn capacity(&self) -> PyResult<u64> {
        Ok(self.get()?.capacity())
    }

    /// Bytes that are stored now.
    fn data_len(&self) -> PyResult<u64> {
        self.get()?.data_len().map_err(raise)
    }

    /// Counts writes: each write adds two, and the number is odd while one is under way.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.get()?.sequence().map_err(raise)
    }

    /// Waits, without polling, for a complete write whose sequence is not ``after``, and returns its sequence:
    /// ``while seen := buf.wait(seen): show(buf.read())``, with ``seen = 0`` before the first. Of several writes that
    /// came meanwhile, the newest counts. With a ``timeout`` (seconds), returns None if no write came in time. Other
    /// threads go on, and Ctrl-C ends the wait.
    ///
    /// Raises:
    ///     NotFound: the buffer has been deleted. Stale: the slot has been given to somebody else.
    #[pyo3(signature = (after, timeout=None))]
    fn wait(&self, after: &Bound<'_, PyAny>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u64>> {
        let (buffer, seen) = (self.get()?, whole("after", after)?);
        let timeout = timeout.map_or(Ok(Duration::MAX), arguments::timeout)?;
        wait::wait(after.py(), |go_on| buffer.wait_while(seen, timeout, go_on))
    }

    /// Replaces the data by the bytes of anything with the buffer protocol: one copy, other threads go on. Returns
    /// the number of bytes.
    ///
    /// Raises:
    ///     CapacityExceeded: the bytes do not fit; nothing was changed.
    ///     Busy: others read or write for too long, or have this pool slot open.
    ///     BufferError, ValueError: the object is not C-contiguous; copy it first (``numpy.ascontiguousarray``).
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<u64> {
        refuse_masked("data", data)?;
        let (buffer, input) = (self.get()?, Input::contiguous(data)?);
        let source = input.source();
        data.py().detach(move || buffer.write(source)).map_err(raise)
    }

    /// A copy of the data: one complete write, never parts of two. Other threads go on.
    ///
    /// Raises:
    ///     Interrupted: the last writer died while it wrote.
    ///     Busy: a writer takes too long.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let buffer = self.get()?;
        // `try_attach` gives `None` while the interpreter ends. Python lets no thread go on that began to attach before that.
        let allocate = |len| Python::try_attach(|py| NewBytes::with_len(py, len));
        let bytes = py.detach(|| {
            buffer.read_with(allocate, |bytes| match bytes {
                Some(Ok(bytes)) => bytes.memory(),
                _ => &mut [],
            })
        });
        let ending = || Err(PyRuntimeError::new_err("the interpreter is ending"));
        Ok(bytes.map_err(raise)?.unwrap_or_else(ending)?.into_bytes(py))
    }

    /// A read-only memoryview of the data, without a copy. Until it is released, nobody can write to the buffer.
    ///
    /// Raises:
    ///     As :meth:`read`.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let buffer = self.get()?;
        let view = py.detach(|| buffer.view()).map_err(raise)?;
        memory_view(py, ArrayView::bytes(Memory::Buffer(Arc::new(view)))?)
    }

    /// A block in which the first ``size`` bytes are written in place: ``with buf.edit(n) as view``, a memoryview. They are
    /// published when the block ends. A view that is kept may show what others write later, and writing to it reaches nobody.
    /// If the block ends with an exception, the old data is lost, and readers get ``Interrupted`` until the next write.
    ///
    /// Raises:
    ///     As :meth:`write`, on entering.
    fn edit(&self, size: &Bound<'_, PyAny>) -> PyResult<PyBufferEdit> {
        Ok(PyBufferEdit {
            buffer: self.get()?,
            size: whole("size", size)?,
            edit: Mutex::new(None),
        })
    }

    /// Empties the buffer; its capacity stays.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let buffer = self.get()?;
        py.detach(|| buffer.clear()).map_err(raise)
    }

    /// JSON descriptor for other processes, some 500 bytes.
    fn descriptor_json(&self) -> PyResult<String> {
        Ok(self.get()?.descriptor().map_err(raise)?.to_json())
    }

    /// Deletes the buffer. Handles that are open keep it until they are dropped.
    fn unlink(&self, py: Python<'_>) -> PyResult<()> {
        let buffer = self.get()?;
        py.detach(|| buffer.unlink()).map_err(raise)
    }

    /// Lets go of the buffer; views stay valid.
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
            Ok(buffer) => format!(
                "SharedBuffer(id='{}', data_len={}, capacity={})",
                buffer.id(),
                buffer.data_len().unwrap_or(0),
                buffer.capacity()
            ),
            Err(_) => "SharedBuffer(closed)".to_owned(),
        }
    }
}

/// A block in which a buffer is written in place; see ``SharedBuffer.edit``.
#[pyclass(frozen, name = "BufferEdit", module = "dcc_mcp_shm")]
pub(crate) struct PyBufferEdit {
    buffer: SharedBuffer,
    size: u64,
    edit: Mutex<Option<BufferEdit>>,
}

#[pymethods]
impl PyBufferEdit {
    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let current = || self.edit.lock().unwrap_or_else(PoisonError::into_inner);
        // A second edit would wait for the first one to end.
        if current().is_some() {
            return Err(ShmError::new_err("this block has been entered already"));
        }
        let edit = py.detach(|| self.buffer.edit(self.size)).map_err(raise)?;
        let memory = Memory::Writable(edit.memory().clone());
        *current() = Some(edit);
        memory_view(py, ArrayView::bytes(memory)?)
    }

    fn __exit__(
        &self,
        error: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let edit = self.edit.lock().unwrap_or_else(PoisonError::into_inner).take();
        match edit {
            Some(edit) if error.is_none() => error.py().detach(|| edit.finish()).map_err(raise),
            _ => Ok(()),
        }
    }
}

/// Whether a value is a path and not a reference: an object with `__fspath__`, or the whole path of a file of a store.
fn is_path(value: &Bound<'_, PyAny>) -> bool {
    if value.is_instance_of::<PyDict>() {
        return false;
    }
    value
        .extract::<String>()
        .map_or(!value.is_instance_of::<PyString>(), |text| {
            text.starts_with('/') && Path::new(&text).extension() == Some("shm".as_ref())
        })
}

pub(crate) fn memory_view(py: Python<'_>, view: ArrayView) -> PyResult<Bound<'_, PyMemoryView>> {
    PyMemoryView::from(Bound::new(py, view)?.as_any())
}
