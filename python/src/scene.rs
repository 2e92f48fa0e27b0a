//! The Python class of scenes, which are written once and then sealed.

use std::sync::Arc;

use dcc_mcp_shm::{BufferState, Descriptor, SharedSceneBuffer, Source};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView, PyString, PyType};

use crate::arguments::{self, reference, text, time_to_live, whole};
use crate::arrays;
use crate::buffer::memory_view;
use crate::errors::{invalid, raise};
use crate::exporter::{ArrayView, Input, Memory, filled_bytes};
use crate::handle::Handle;
use crate::json::{from_json, json};
use crate::kind::SceneDataKind;
use crate::masked::refuse_masked;
use crate::options::{OF_SCENES, Options, with_positional};
use crate::store::{PyStore, store_or_default};
use crate::writer::PySceneWriter;

/// Data that is written once and never changes, so that anybody can read it without a copy.
///
/// Dropping the handle does not delete the data: it stays for its time to live (15 minutes after the last handle
/// anywhere is gone, unless ``ttl`` says otherwise). ``unlink()`` deletes it; so does letting go of a scene made with
/// ``unlink_on_close=True`` and of its views. A ``with`` block closes the handle.
///
/// ``scene["position"]`` is a typed view of an array; ``numpy.asarray(scene["position"])`` shares the memory.
#[pyclass(frozen, name = "SharedSceneBuffer", module = "dcc_mcp_shm", weakref)]
pub(crate) struct PySharedSceneBuffer(Handle<SharedSceneBuffer>);

impl PySharedSceneBuffer {
    fn wrap(scene: SharedSceneBuffer) -> Self {
        Self(Handle::new(scene))
    }

    fn python_object(py: Python<'_>, scene: SharedSceneBuffer) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Self::wrap(scene))?.into_any())
    }

    fn get(&self) -> PyResult<SharedSceneBuffer> {
        self.0.get()
    }

    fn descriptor(&self) -> PyResult<Descriptor> {
        self.get()?.descriptor().map_err(raise)
    }
}

#[pymethods]
impl PySharedSceneBuffer {
    /// Shares the bytes of anything with the buffer protocol: one copy, other threads go on.
    ///
    /// Options: ``kind``, ``source_dcc``, ``use_compression`` (stored compressed if that is smaller), ``name`` (unique in the
    /// store; ``replace=True`` takes it over), ``ttl`` (seconds after the last handle is gone; 0 means until the scene is
    /// deleted), ``group``, ``attrs`` (a dict of scalars and short lists, at most 4 KiB), ``unlink_on_close``, ``store``.
    ///
    /// Raises:
    ///     InvalidArgument, NameTaken.
    ///     StoreFull: there is no room; nothing was created.
    ///     BufferError, ValueError: the object is not C-contiguous; copy it first (``numpy.ascontiguousarray``).
    #[classmethod]
    #[pyo3(signature = (data, kind=None, source_dcc=None, use_compression=None, **options))]
    fn write<'py>(
        _class: &Bound<'py, PyType>,
        data: &Bound<'py, PyAny>,
        kind: Option<Bound<'py, PyAny>>,
        source_dcc: Option<Bound<'py, PyAny>>,
        use_compression: Option<Bound<'py, PyAny>>,
        options: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let py = data.py();
        let positional = [
            ("kind", kind),
            ("source_dcc", source_dcc),
            ("use_compression", use_compression),
        ];
        let options = Options::read(Some(&with_positional(py, options, positional)?), OF_SCENES)?;
        refuse_masked("data", data)?;
        let input = Input::contiguous(data)?;
        let source = input.source();
        let scene = py
            .detach(|| SharedSceneBuffer::write(&options.store, source, &options.buffer))
            .map_err(raise)?;
        scene.set_unlink_on_close(options.unlink_on_close);
        Ok(Self::wrap(scene))
    }

    /// Shares named arrays, each with its type and shape: one copy of each, other threads go on. ``domains`` says what
    /// one row belongs to: point, corner, face, edge, instance, frame or constant. Options as for :meth:`write`.
    ///
    /// Raises:
    ///     As :meth:`write`, but InvalidArgument for an array that is not C-contiguous; TypeError or ValueError for
    ///     elements that are not numbers.
    #[classmethod]
    #[pyo3(signature = (arrays, *, domains=None, **options))]
    fn write_arrays<'py>(
        _class: &Bound<'py, PyType>,
        arrays: &Bound<'py, PyAny>,
        domains: Option<&Bound<'py, PyDict>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let (py, options) = (arrays.py(), Options::read(options, OF_SCENES)?);
        let mut inputs = Vec::new();
        for item in arrays::items("arrays", arrays)?.try_iter()? {
            let (name, array) = arrays::entry(&item?)?;
            let (spec, input) = arrays::described(&name, &array, domains)?;
            inputs.push((name, spec, input));
        }
        for name in domains.into_iter().flatten().map(|(name, _)| name) {
            let name = text("domains", &name)?;
            if !inputs.iter().any(|(known, ..)| *known == name) {
                return Err(invalid("domains", format!("there is no array {name:?}")));
            }
        }
        let parts: Vec<(String, _, Source<'_>)> = inputs
            .iter()
            .map(|(name, spec, input)| (name.clone(), spec.clone(), input.source()))
            .collect();
        let scene = py
            .detach(|| SharedSceneBuffer::write_arrays(&options.store, parts, &options.buffer))
            .map_err(raise)?;
        scene.set_unlink_on_close(options.unlink_on_close);
        Ok(Self::wrap(scene))
    }

    /// A block in which arrays are filled in place, without a copy:
    /// ``with SharedSceneBuffer.writer({"position": ("f4", (n, 3))}) as w`` (a third element gives the domain). In the
    /// block, ``w["position"]`` can be passed straight to Blender's ``foreach_get`` or ``numpy.asarray``, and
    /// ``w["position"] = source`` is one converting copy. When the block ends, the scene is sealed and is ``w.scene``;
    /// if it ends with an exception, nothing is published. Options as for :meth:`write`.
    ///
    /// Raises:
    ///     As :meth:`write`.
    #[classmethod]
    #[pyo3(signature = (arrays, **options))]
    fn writer(
        _class: &Bound<'_, PyType>,
        arrays: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PySceneWriter> {
        let options = Options::read(options, OF_SCENES)?;
        PySceneWriter::create(arrays.py(), arrays::layout(arrays)?, options, Self::python_object)
    }

    /// Makes a scene that another process will fill (:meth:`fill`), with its memory reserved. Reading it raises
    /// ``NotSealed`` until it is filled. Arguments as for :meth:`writer`, but the scene cannot be compressed.
    #[classmethod]
    #[pyo3(signature = (arrays, **options))]
    fn create_empty(
        _class: &Bound<'_, PyType>,
        arrays: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (layout, options) = (arrays::layout(arrays)?, Options::read(options, OF_SCENES)?);
        let scene = arrays
            .py()
            .detach(|| SharedSceneBuffer::create_empty(&options.store, &layout, &options.buffer))
            .map_err(raise)?;
        scene.set_unlink_on_close(options.unlink_on_close);
        Ok(Self::wrap(scene))
    }

    /// A block in which an empty scene, made by :meth:`create_empty`, is filled in place; see :meth:`writer`. ``buffer``
    /// is its id, name or descriptor. If the block ends with an exception, the scene can be filled anew; what was
    /// written so far stays in its memory until it is overwritten.
    ///
    /// Raises:
    ///     NotFound, Sealed, WrongRole.
    ///     Busy: somebody else is filling the scene.
    #[classmethod]
    #[pyo3(signature = (buffer, *, store=None))]
    fn fill(
        _class: &Bound<'_, PyType>,
        buffer: &Bound<'_, PyAny>,
        store: Option<&Bound<'_, PyStore>>,
    ) -> PyResult<PySceneWriter> {
        let (store, reference) = (store_or_default(store)?, reference(buffer)?);
        PySceneWriter::fill(buffer.py(), &store, &reference, Self::python_object)
    }

    /// Opens a scene by id, name or descriptor.
    ///
    /// Raises:
    ///     NotFound, WrongRole, InvalidDescriptor, Damaged.
    #[classmethod]
    #[pyo3(signature = (buffer, *, store=None))]
    fn open(
        _class: &Bound<'_, PyType>,
        buffer: &Bound<'_, PyAny>,
        store: Option<&Bound<'_, PyStore>>,
    ) -> PyResult<Self> {
        let (store, reference) = (store_or_default(store)?, reference(buffer)?);
        buffer
            .py()
            .detach(|| SharedSceneBuffer::open(&store, &reference))
            .map(Self::wrap)
            .map_err(raise)
    }

    /// Opens the scene of a file that another process passed on.
    ///
    /// Raises:
    ///     As :meth:`open`; UnsafeStore.
    #[classmethod]
    fn open_path(_class: &Bound<'_, PyType>, path: &Bound<'_, PyAny>, id: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, path, id) = (path.py(), arguments::path("path", path)?, arguments::id(id)?);
        py.detach(|| SharedSceneBuffer::open_path(&path, id))
            .map(Self::wrap)
            .map_err(raise)
    }

    /// Opens the scene that a descriptor means, in whatever store it lies.
    ///
    /// Raises:
    ///     As :meth:`open`; UnsafeStore.
    #[classmethod]
    fn from_descriptor_json(_class: &Bound<'_, PyType>, json: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, json) = (json.py(), text("json", json)?);
        py.detach(|| SharedSceneBuffer::from_descriptor(&json))
            .map(Self::wrap)
            .map_err(raise)
    }

    /// Unique id: a UUID.
    #[getter]
    fn id(&self) -> PyResult<String> {
        Ok(self.get()?.id().to_string())
    }

    /// Name; None if the scene has none, or if another scene has taken it over.
    #[getter]
    fn name(&self) -> PyResult<Option<String>> {
        Ok(self.descriptor()?.name)
    }

    /// Kind of the data.
    #[getter]
    fn kind(&self) -> PyResult<SceneDataKind> {
        self.get()?.kind().map(SceneDataKind::from).map_err(raise)
    }

    /// Program that wrote the data; empty if it did not say.
    #[getter]
    fn source_dcc(&self) -> PyResult<String> {
        Ok(self.descriptor()?.source_dcc)
    }

    /// Scene or set that the data is part of, or None.
    #[getter]
    fn group(&self) -> PyResult<Option<String>> {
        Ok(self.descriptor()?.group)
    }

    /// Free-form facts (a dict).
    #[getter]
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        from_json(py, &json(&self.descriptor()?.attrs))
    }

    /// Whether the stored bytes are compressed. False also if compression was asked for but did not make the data smaller.
    #[getter]
    fn use_compression(&self) -> PyResult<bool> {
        self.get()?.use_compression().map_err(raise)
    }

    /// Size of the data in bytes, before compression.
    #[getter]
    fn size_bytes(&self) -> PyResult<u64> {
        self.get()?.size_bytes().map_err(raise)
    }

    /// The same as ``size_bytes``, under the name that dcc-mcp-core uses.
    #[getter]
    fn total_bytes(&self) -> PyResult<u64> {
        self.size_bytes()
    }

    /// Whether the data is one file: always. (dcc-mcp-core splits large data.)
    #[getter]
    #[expect(clippy::unused_self, reason = "a property of dcc-mcp-core")]
    fn is_inline(&self) -> bool {
        true
    }

    /// Whether the data is split over several files: never.
    #[getter]
    #[expect(clippy::unused_self, reason = "a property of dcc-mcp-core")]
    fn is_chunked(&self) -> bool {
        false
    }

    /// ``"empty"``, ``"filling"`` or ``"sealed"``.
    #[getter]
    fn state(&self) -> PyResult<&'static str> {
        self.get()?.state().map(BufferState::as_str).map_err(raise)
    }

    /// How long the scene stays when nobody has it open, in seconds; 0 is until it is deleted. It can be set, also when the scene is
    /// sealed.
    #[getter]
    fn ttl(&self) -> PyResult<f64> {
        Ok(self.descriptor()?.ttl_seconds)
    }

    #[setter]
    fn set_ttl(&self, ttl: &Bound<'_, PyAny>) -> PyResult<()> {
        let (scene, seconds) = (self.get()?, time_to_live(ttl)?);
        ttl.py().detach(|| scene.set_ttl(seconds)).map_err(raise)
    }

    /// Path of the file.
    fn path(&self) -> PyResult<String> {
        Ok(self.get()?.path().display().to_string())
    }

    /// JSON descriptor for other processes, some 500 bytes.
    fn descriptor_json(&self) -> PyResult<String> {
        Ok(self.descriptor()?.to_json())
    }

    /// A copy of the data, or of at most ``size`` bytes from ``offset`` on, decompressed if need be. Other threads go on.
    ///
    /// Raises:
    ///     NotSealed, Damaged; MemoryError.
    ///     InvalidArgument: ``offset`` lies behind the data.
    #[pyo3(signature = (offset=None, size=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        offset: Option<&Bound<'py, PyAny>>,
        size: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let scene = self.get()?;
        let offset = offset.map_or(Ok(0), |offset| whole("offset", offset))?;
        let left = scene.size_bytes().map_err(raise)?.saturating_sub(offset);
        let size = size.map_or(Ok(left), |size| whole("size", size))?.min(left);
        filled_bytes(py, usize::try_from(size)?, |memory| scene.read_into(offset, memory))
    }

    /// A read-only memoryview of the data, without a copy and at the same cost for any size. The view outlives this object.
    ///
    /// Raises:
    ///     NotSealed; Compressed: use :meth:`read`.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let scene = self.get()?;
        let view = py.detach(|| scene.view()).map_err(raise)?;
        memory_view(py, ArrayView::bytes(Memory::Scene(view))?)
    }

    /// A typed, read-only view of one array, without a copy; of a compressed scene, a view of a decompressed copy. The
    /// view outlives this object.
    ///
    /// Raises:
    ///     NoSuchArray, NotSealed; OutOfMemory: there is no memory for the copy.
    fn __getitem__(&self, name: &Bound<'_, PyAny>) -> PyResult<ArrayView> {
        let (py, scene, name) = (name.py(), self.get()?, text("name", name)?);
        let array = scene.array(&name).map_err(raise)?;
        if !scene.use_compression().map_err(raise)? {
            let view = py.detach(|| scene.view()).map_err(raise)?;
            return ArrayView::new(Memory::Scene(view), usize::try_from(array.offset)?, &array.spec());
        }
        let copy = py
            .detach(|| scene.read_range(array.offset, array.size()))
            .map_err(raise)?;
        ArrayView::new(Memory::Owned(Arc::new(copy)), 0, &array.spec())
    }

    /// Names of the arrays, in order.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.get()?.array_names().map_err(raise)?)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.keys(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, name: &Bound<'_, PyString>) -> PyResult<bool> {
        // A text with a surrogate is no array's name.
        let Ok(name) = name.to_str() else {
            return Ok(false);
        };
        Ok(self
            .get()?
            .array_names()
            .map_err(raise)?
            .iter()
            .any(|known| known == name))
    }

    /// Number of arrays.
    fn __len__(&self) -> PyResult<usize> {
        Ok(self.get()?.array_names().map_err(raise)?.len())
    }

    /// True, also for a scene without arrays.
    #[expect(clippy::unused_self, reason = "the protocol's form")]
    fn __bool__(&self) -> bool {
        true
    }

    /// Deletes the scene. Handles that are open keep it until they are dropped.
    fn unlink(&self, py: Python<'_>) -> PyResult<()> {
        let scene = self.get()?;
        py.detach(|| scene.unlink()).map_err(raise)
    }

    /// Lets go of the scene; views stay valid.
    fn close(&self, py: Python<'_>) {
        self.0.close(py);
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(&self, error: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>, _traceback: &Bound<'_, PyAny>) {
        self.close(error.py());
    }

    fn __repr__(&self) -> PyResult<String> {
        let Ok(scene) = self.get() else {
            return Ok("SharedSceneBuffer(closed)".to_owned());
        };
        let descriptor = scene.descriptor().map_err(raise)?;
        let name = descriptor
            .name
            .map(|name| format!(", name={name:?}"))
            .unwrap_or_default();
        let arrays: Vec<_> = descriptor.arrays.keys().map(String::as_str).collect();
        Ok(format!(
            "SharedSceneBuffer(id='{}'{name}, kind={}, size_bytes={}, state='{}', arrays=[{}])",
            descriptor.id,
            descriptor.kind.as_str(),
            descriptor.size_bytes,
            descriptor.state.as_str(),
            arrays.join(", ")
        ))
    }
}
