//! The typed view of shared memory, for NumPy and Blender alike.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;

use dcc_mcp_shm::{ArraySpec, Dtype};
use pyo3::exceptions::{PyBufferError, PyIndexError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyComplex, PyDict, PyEllipsis, PyMemoryView, PyTuple};

use super::basic_index::Axes;
use super::dlpack::{self, Exported};
use super::input::Input;
use super::memory::Memory;
use super::rows::Rows;
use crate::element;
use crate::errors::invalid;
use crate::masked::refuse_masked;

/// Elements of one type in shared memory, in C order, as a buffer: `numpy.asarray(view)` and `memoryview(view)` share
/// the memory.
///
/// `len()` is the number of elements, not of rows, and `view[i]` the element at a flat index: so Blender reads it. `rows` is
/// the sequence of rows, `view[a:b]` and `view[i, j]` are parts as NumPy has them. A consumer that asks for a shape (NumPy, memoryview) gets `shape`;
/// one that does not (Blender's `foreach_get`) gets the elements flat. The view keeps the memory and its buffer alive.
#[pyclass(frozen, sequence, module = "dcc_mcp_shm")]
pub(crate) struct ArrayView {
    memory: Memory,
    /// Bytes from the start of the memory to the first element.
    offset: usize,
    dtype: Dtype,
    /// In the type of the buffer protocol, because exports point here. The pointers stay valid: a frozen class never
    /// changes these fields, and every export holds a reference to this object.
    shape: Box<[ffi::Py_ssize_t]>,
    strides: Box<[ffi::Py_ssize_t]>,
    count: usize,
}

impl ArrayView {
    /// A view of an array that lies at `offset` of the memory.
    pub(crate) fn new(memory: Memory, offset: usize, spec: &ArraySpec) -> PyResult<Self> {
        let outside = || invalid("shape", "the array does not lie within its memory");
        let size = spec
            .size()
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(outside)?;
        if offset.checked_add(size).is_none_or(|end| end > memory.len()) {
            return Err(outside());
        }
        let width = spec.dtype.size();
        let signed = |&n: &u64| ffi::Py_ssize_t::try_from(n).map_err(|_| outside());
        let shape: Box<[_]> = spec.shape.iter().map(signed).collect::<PyResult<_>>()?;
        let mut strides = vec![0; shape.len()].into_boxed_slice();
        let mut step = width.cast_signed();
        for (stride, &n) in strides.iter_mut().zip(&shape).rev() {
            *stride = step;
            // This cannot overflow, because `ArraySpec::size` is known only if the product of all dimensions fits, with
            // empty ones taken as 1.
            step *= n.max(1);
        }
        Ok(Self {
            memory,
            offset,
            dtype: spec.dtype,
            shape,
            strides,
            count: size / width,
        })
    }

    /// A part of this view, in the same memory.
    fn part(&self, axes: Axes) -> Self {
        let count = axes.shape.iter().map(|&n| n.unsigned_abs()).product();
        Self {
            memory: self.memory.clone(),
            offset: axes.offset,
            dtype: self.dtype,
            shape: axes.shape.into(),
            strides: axes.strides.into(),
            count,
        }
    }

    fn axes(&self) -> Axes {
        Axes {
            offset: self.offset,
            shape: self.shape.to_vec(),
            strides: self.strides.to_vec(),
        }
    }

    /// Whether the elements lie one after the other, in C order.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut step = self.dtype.size().cast_signed();
        self.count == 0
            || self.shape.iter().zip(&self.strides).rev().all(|(&n, &stride)| {
                let is_next = n == 1 || stride == step;
                step *= n;
                is_next
            })
    }

    /// The part that an index means, which is no flat one: the element itself if no axis is left.
    fn indexed<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let part = self.part(self.axes().indexed(index)?);
        // An ellipsis asks for a view also where it stands for no axis.
        let has_ellipsis = index.is_instance_of::<PyEllipsis>()
            || index
                .cast::<PyTuple>()
                .is_ok_and(|items| items.iter().any(|item| item.is_instance_of::<PyEllipsis>()));
        if part.shape.is_empty() && !has_ellipsis {
            return part.element(index.py(), part.offset);
        }
        Ok(Bound::new(index.py(), part)?.into_any())
    }

    /// Length of the first axis.
    fn row_count(&self) -> PyResult<usize> {
        let rows = self.shape.first().map(|rows| rows.unsigned_abs());
        rows.ok_or_else(|| PyTypeError::new_err("one value without axes has no rows"))
    }

    /// The element whose bytes begin at `offset` of the memory.
    fn element<'py>(&self, py: Python<'py>, offset: usize) -> PyResult<Bound<'py, PyAny>> {
        let mut bytes = [0_u8; 16];
        let (from, width) = (self.memory.start().wrapping_add(offset), self.dtype.size());
        // SAFETY: elements lie within the memory, which stays there as long as this view, and none is wider than 16 bytes.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), width) };
        let format = element::struct_format(self.dtype);
        let unpack = py.import("struct")?.getattr("unpack")?;
        let parts = unpack
            .call1((format, PyBytes::new(py, &bytes[..width])))?
            .cast_into::<PyTuple>()?;
        if self.dtype.is_complex() {
            return py.get_type::<PyComplex>().call1(parts);
        }
        parts.get_item(0)
    }

    /// A view of all of the memory as bytes.
    pub(crate) fn bytes(memory: Memory) -> PyResult<Self> {
        let spec = ArraySpec::new(Dtype::BYTE, [memory.len() as u64]);
        Self::new(memory, 0, &spec)
    }

    pub(crate) fn element_type(&self) -> Dtype {
        self.dtype
    }

    pub(crate) fn dimensions(&self) -> &[ffi::Py_ssize_t] {
        &self.shape
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn start(&self) -> *mut u8 {
        self.memory.start().wrapping_add(self.offset)
    }

    /// Copies all bytes of `input` to the start of this view, with the GIL released.
    pub(crate) fn copy_from(&self, py: Python<'_>, input: &Input<'_>) -> PyResult<()> {
        let Memory::Writable(memory) = &self.memory else {
            return Err(read_only());
        };
        let source = input.source();
        py.detach(move || memory.copy_in(self.offset, source))
            .map_err(crate::errors::raise)
    }

    /// Copies the elements of `input`, which may be strided, in C order. `input` must have no more bytes than this view.
    pub(crate) fn gather_from(&self, py: Python<'_>, input: &Input<'_>) -> PyResult<()> {
        if input.source().len() > self.nbytes() || !self.memory.is_writable() {
            return Err(read_only());
        }
        input.gather(py, self.start().cast::<c_void>())
    }

    /// Where in the memory the element at a flat index is.
    fn element_offset(&self, index: isize) -> PyResult<usize> {
        let at = if index < 0 {
            index.checked_add_unsigned(self.count)
        } else {
            Some(index)
        };
        let at = at.and_then(|at| usize::try_from(at).ok()).filter(|&at| at < self.count);
        let outside = || PyIndexError::new_err(format!("index {index} is outside of {} elements", self.count));
        let (mut rest, mut offset) = (at.ok_or_else(outside)?, self.offset);
        for (&n, &stride) in self.shape.iter().zip(&self.strides).rev() {
            // No axis is empty, because there is an element; places of elements lie within the memory.
            let (place, n) = (rest % n.unsigned_abs(), n.unsigned_abs());
            offset = offset.wrapping_add_signed(place.cast_signed() * stride);
            rest /= n;
        }
        Ok(offset)
    }

    /// The buffer structure for a consumer that asked with `flags`. Its owner is still missing.
    fn fill(&self, flags: c_int) -> PyResult<ffi::Py_buffer> {
        let wants = |flag: c_int| flags & flag == flag;
        let writable = self.memory.is_writable();
        if wants(ffi::PyBUF_WRITABLE) && !writable {
            return Err(read_only());
        }
        let is_contiguous = self.is_contiguous();
        let in_one_row = self.count == 0 || self.shape.iter().filter(|&&n| n > 1).count() <= 1;
        if wants(ffi::PyBUF_F_CONTIGUOUS) && !(in_one_row && is_contiguous) {
            return Err(PyBufferError::new_err("this view is in C order"));
        }
        let takes_steps =
            wants(ffi::PyBUF_STRIDES) && !wants(ffi::PyBUF_C_CONTIGUOUS) && !wants(ffi::PyBUF_ANY_CONTIGUOUS);
        if !is_contiguous && !takes_steps {
            return Err(PyBufferError::new_err(
                "the elements of this view do not lie one after the other; copy it with numpy.ascontiguousarray",
            ));
        }
        let mut raw = ffi::Py_buffer::new();
        raw.buf = self.start().cast::<c_void>();
        raw.len = self.nbytes().cast_signed();
        raw.itemsize = self.dtype.size().cast_signed();
        raw.readonly = c_int::from(!writable);
        raw.ndim = 1;
        if wants(ffi::PyBUF_FORMAT) {
            raw.format = self.dtype.struct_format().as_ptr().cast_mut();
        }
        if wants(ffi::PyBUF_ND) {
            raw.ndim = c_int::try_from(self.shape.len()).unwrap_or(c_int::MAX);
        }
        // `shape` and `strides` stay null if there are no axes.
        if wants(ffi::PyBUF_ND) && raw.ndim > 0 {
            raw.shape = self.shape.as_ptr().cast_mut();
        }
        if wants(ffi::PyBUF_STRIDES) && raw.ndim > 0 {
            raw.strides = self.strides.as_ptr().cast_mut();
        }
        Ok(raw)
    }
}

fn read_only() -> PyErr {
    PyBufferError::new_err("this view is read-only: it is of finished data, or its block was left")
}

#[pymethods]
impl ArrayView {
    /// Element type as NumPy spells it, for example `"<f4"`.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.dtype.typestr()
    }

    /// Number of elements along each dimension.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    /// Size of all elements in bytes.
    #[getter]
    pub(crate) fn nbytes(&self) -> usize {
        self.count * self.dtype.size()
    }

    /// Whether consumers may only read. This is always so except inside of a writing block.
    #[getter]
    fn readonly(&self) -> bool {
        !self.memory.is_writable()
    }

    /// The rows along the first axis, as a sequence: of an array of more than one axis they are views of the same memory.
    #[getter]
    fn rows(slf: Bound<'_, Self>) -> PyResult<Rows> {
        let count = slf.get().row_count()?;
        Ok(Rows::new(slf.into_any().unbind(), count))
    }

    /// A copy of all elements, in C order.
    fn tobytes<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        PyMemoryView::from(slf.as_any())?.call_method0("tobytes")
    }

    /// The memory as NumPy's array interface, version 3, describes it; Pillow's `Image.fromarray` asks for it.
    #[getter]
    fn __array_interface__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (py, this) = (slf.py(), slf.get());
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", this.dtype.typestr())?;
        interface.set_item("shape", this.shape(py)?)?;
        interface.set_item("data", (this.start().addr(), !this.memory.is_writable()))?;
        if !this.is_contiguous() {
            interface.set_item("strides", PyTuple::new(py, &this.strides)?)?;
        }
        Ok(interface)
    }

    /// Where the memory is, in the numbers of DLPack: that of this machine's processors.
    #[expect(clippy::unused_self, reason = "the protocol's form")]
    fn __dlpack_device__(&self) -> (i32, i32) {
        dlpack::CPU
    }

    /// The memory for array libraries: `numpy.from_dlpack(view)`, `torch.from_dlpack(view)`, `jax.dlpack.from_dlpack(view)`,
    /// without a copy unless `copy` is true.
    ///
    /// Raises:
    ///     BufferError: DLPack has no such elements (big-endian ones), or the memory is asked for on another device.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        slf: &Bound<'py, Self>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if stream.is_some_and(|stream| !stream.is_none()) || dl_device.is_some_and(|device| device != dlpack::CPU) {
            return Err(PyBufferError::new_err(
                "this memory is of the processor: there is no stream and no other device",
            ));
        }
        let is_copy = copy == Some(true);
        let width = this.dtype.size().cast_signed();
        let exported = if is_copy {
            let bytes: Vec<u8> = Self::tobytes(slf)?.extract()?;
            let memory = Memory::Owned(Arc::new(bytes));
            let mut step = 1;
            let steps = this.shape.iter().rev().map(|&n| {
                let stride = step;
                step *= (n as i64).max(1);
                stride
            });
            let mut strides: Vec<i64> = steps.collect();
            strides.reverse();
            (memory.start(), memory, strides)
        } else {
            let strides = this.strides.iter().map(|&stride| (stride / width) as i64).collect();
            (this.start(), this.memory.clone(), strides)
        };
        let (start, memory, strides) = exported;
        let exported = Exported {
            memory,
            start,
            dtype: this.dtype,
            shape: this.shape.iter().map(|&n| n as i64).collect(),
            strides: strides.into(),
            is_copy,
        };
        exported.capsule(py, max_version)
    }

    /// Number of elements, not of rows.
    fn __len__(&self) -> usize {
        self.count
    }

    /// With one number the element at this flat index: Blender takes only sequences, and indexes them so. With a slice, rows
    /// (of the first axis); with a tuple, what NumPy means by it: `view[3, :]` is a row, `view[:, 0]` a column. Parts are
    /// views of the same memory.
    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match index.extract::<isize>() {
            Ok(flat) => self.element(index.py(), self.element_offset(flat)?),
            Err(_) => self.indexed(index),
        }
    }

    /// Sets the element at a flat index, as Blender does for each element of a property that it does not keep as an array, such
    /// as `polygons.loop_total`; or, with NumPy, the part at another index, converting the type within its kind.
    fn __setitem__(slf: &Bound<'_, Self>, index: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let Memory::Writable(memory) = &this.memory else {
            return Err(read_only());
        };
        if !memory.is_open() {
            return Err(read_only());
        }
        let Ok(flat) = index.extract::<isize>() else {
            let part = Bound::new(py, this.part(this.axes().indexed(index)?))?;
            refuse_masked("the value", value)?;
            let numpy = py.import("numpy")?;
            let casting = [("casting", "same_kind")].into_py_dict(py)?;
            let target = numpy.call_method1("asarray", (part,))?;
            return numpy.call_method("copyto", (target, value), Some(&casting)).map(drop);
        };
        let offset = this.element_offset(flat)?;
        let bytes = element::encode(this.dtype, value)?;
        memory.copy_in(offset, bytes.as_slice()).map_err(crate::errors::raise)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        Ok(format!(
            "ArrayView(dtype='{}', shape={}, readonly={})",
            this.dtype.typestr(),
            this.shape(slf.py())?.repr()?,
            if this.readonly() { "True" } else { "False" },
        ))
    }

    /// The buffer as a memoryview. Python 3.12 and later give every buffer this method; defining it here gives it to 3.11 too.
    fn __buffer__<'py>(slf: &Bound<'py, Self>, flags: c_int) -> PyResult<Bound<'py, PyMemoryView>> {
        if flags & ffi::PyBUF_WRITABLE != 0 && slf.get().readonly() {
            return Err(read_only());
        }
        PyMemoryView::from(slf.as_any())
    }

    /// # Safety
    /// `view` must point to a `Py_buffer` that this function may fill, as it does when Python calls this.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let (raw, result) = match slf.get().fill(flags) {
            Ok(mut raw) => {
                raw.obj = slf.into_any().into_ptr();
                (raw, Ok(()))
            }
            // On failure the protocol wants a null owner, as a new structure has.
            Err(error) => (ffi::Py_buffer::new(), Err(error)),
        };
        // SAFETY: by the contract of this function, the structure is there to be filled.
        unsafe { ptr::write(view, raw) }
        result
    }
}
