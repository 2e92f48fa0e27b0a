//! The Python class of a writer, which fills a scene in place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcc_mcp_shm::{Layout, Reference, SceneWriter, SharedSceneBuffer, Store, WritableMemory};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::arguments::text;
use crate::assign::assign;
use crate::errors::{ShmError, raise};
use crate::exporter::{ArrayView, Memory};
use crate::options::Options;

/// Makes the Python object of a sealed scene. This module cannot do so itself, because the module of scenes uses it.
type MakeScene = fn(Python<'_>, SharedSceneBuffer) -> PyResult<Py<PyAny>>;

/// A scene that is being filled; see ``SharedSceneBuffer.writer``.
///
/// Views and arrays that are kept when the block has ended stay valid, but writing to them reaches nobody.
#[pyclass(frozen, name = "SceneWriter", module = "dcc_mcp_shm", weakref)]
pub(crate) struct PySceneWriter {
    /// `None` once the block has ended.
    writer: Mutex<Option<SceneWriter>>,
    memory: Arc<WritableMemory>,
    layout: Layout,
    unlink_on_close: bool,
    make_scene: MakeScene,
    scene: Mutex<Option<Py<PyAny>>>,
}

impl PySceneWriter {
    pub(crate) fn create(py: Python<'_>, layout: Layout, options: Options, make_scene: MakeScene) -> PyResult<Self> {
        let unlink_on_close = options.unlink_on_close;
        let writer = py
            .detach(move || SceneWriter::new(&options.store, layout, options.buffer))
            .map_err(raise)?;
        Ok(Self::wrap(writer, unlink_on_close, make_scene))
    }

    pub(crate) fn fill(py: Python<'_>, store: &Store, reference: &Reference, make_scene: MakeScene) -> PyResult<Self> {
        let writer = py.detach(|| SceneWriter::fill(store, reference)).map_err(raise)?;
        Ok(Self::wrap(writer, false, make_scene))
    }

    fn wrap(writer: SceneWriter, unlink_on_close: bool, make_scene: MakeScene) -> Self {
        Self {
            memory: writer.memory().clone(),
            layout: writer.layout().clone(),
            writer: Mutex::new(Some(writer)),
            unlink_on_close,
            make_scene,
            scene: Mutex::new(None),
        }
    }

    /// A view of one array.
    fn view(&self, name: &str) -> PyResult<ArrayView> {
        let array = self.layout.arrays().get(name).ok_or_else(|| {
            let names: Vec<_> = self.layout.arrays().keys().cloned().collect();
            pyo3::exceptions::PyKeyError::new_err(format!("no array {name:?}; there are: {}", names.join(", ")))
        })?;
        let offset = usize::try_from(array.offset)?;
        ArrayView::new(Memory::Writable(self.memory.clone()), offset, &array.spec())
    }

    fn current(&self) -> MutexGuard<'_, Option<SceneWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PySceneWriter {
    /// A typed view of the memory of one array, writable until the block ends.
    ///
    /// Raises:
    ///     KeyError: the layout has no array of this name.
    fn __getitem__(&self, name: &Bound<'_, PyAny>) -> PyResult<ArrayView> {
        self.view(&text("name", name)?)
    }

    /// Copies anything array-like or any ctypes array into one array. The type is converted within its kind as NumPy does it
    /// (float64 to float32, not float to int; ints that do not fit wrap). The shape is that of the array, or flat. ``bytes``
    /// of the array's size are taken as they are. A masked array is refused.
    ///
    /// Raises:
    ///     ValueError: the shape does not fit. TypeError: the type cannot be converted.
    fn __setitem__(&self, name: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, name) = (name.py(), text("name", name)?);
        if !self.memory.is_open() {
            return Err(ShmError::new_err("this block has ended; write a new scene"));
        }
        assign(&name, &Bound::new(py, self.view(&name)?)?, source)
    }

    /// Names of the arrays, in order.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.layout.arrays().keys())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.keys(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, name: &Bound<'_, PyString>) -> bool {
        name.to_str().is_ok_and(|name| self.layout.arrays().contains_key(name))
    }

    /// Number of arrays.
    fn __len__(&self) -> usize {
        self.layout.arrays().len()
    }

    /// The scene, once the block has ended.
    ///
    /// Raises:
    ///     ShmError: the block has not ended, or has ended with an exception.
    #[getter]
    fn scene(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let scene = self.scene.lock().unwrap_or_else(PoisonError::into_inner);
        scene
            .as_ref()
            .map(|scene| scene.clone_ref(py))
            .ok_or_else(|| ShmError::new_err("there is no scene: the block has not ended, or with an exception"))
    }

    /// Seals the scene, lets everybody see it, and returns it. The end of a ``with`` block calls this.
    ///
    /// Raises:
    ///     StillWritable: something else can write to the file. Nothing is published.
    ///     NameTaken: somebody took the name meanwhile. Nothing is published.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let writer = self.current().take();
        let Some(writer) = writer else {
            return self.scene(py);
        };
        let scene = py.detach(|| writer.finish()).map_err(raise)?;
        scene.set_unlink_on_close(self.unlink_on_close);
        let scene = (self.make_scene)(py, scene)?;
        *self.scene.lock().unwrap_or_else(PoisonError::into_inner) = Some(scene.clone_ref(py));
        Ok(scene)
    }

    /// Gives up: nothing is published, and the memory is freed.
    fn abort(&self) {
        drop(self.current().take());
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if slf.get().current().is_none() {
            return Err(ShmError::new_err("this block has ended; write a new scene"));
        }
        Ok(slf)
    }

    fn __exit__(
        &self,
        error: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if !error.is_none() {
            self.abort();
            return Ok(());
        }
        // `finish` or `abort` may have been called inside of the block.
        let open = self.current().is_some();
        if open {
            self.finish(error.py()).map(drop)
        } else {
            Ok(())
        }
    }

    fn __repr__(&self) -> String {
        let names: Vec<_> = self.layout.arrays().keys().map(String::as_str).collect();
        let state = if self.memory.is_open() { "filling" } else { "ended" };
        format!(
            "SceneWriter(size_bytes={}, arrays=[{}], state='{state}')",
            self.layout.size(),
            names.join(", ")
        )
    }
}
