//! The typed view of shared memory, for NumPy and Blender alike.

use std::ffi::{c_int, c_void};
use std::ptr;

use dcc_mcp_shm::{ArraySpec, Dtype};
use pyo3::exceptions::{PyBufferError, PyIndexError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyMemoryView, PyTuple};

use super::input::Input;
use super::memory::Memory;
use crate::element;
use crate::errors::invalid;

/// Elements of one type in shared memory, in C order, as a buffer: `numpy.asarray(view)` and `memoryview(view)` share
/// the memory.
///
/// `len()` is the number of elements, not of rows. A consumer that asks for a shape (NumPy, memoryview) gets `shape`;
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

    fn element_offset(&self, index: isize) -> PyResult<usize> {
        let at = if index < 0 {
            index.checked_add_unsigned(self.count)
        } else {
            Some(index)
        };
        at.and_then(|at| usize::try_from(at).ok())
            .filter(|&at| at < self.count)
            .map(|at| at * self.dtype.size())
            .ok_or_else(|| PyIndexError::new_err(format!("index {index} is outside of {} elements", self.count)))
    }

    /// The buffer structure for a consumer that asked with `flags`. Its owner is still missing.
    fn fill(&self, flags: c_int) -> PyResult<ffi::Py_buffer> {
        let wants = |flag: c_int| flags & flag == flag;
        let writable = self.memory.is_writable();
        if wants(ffi::PyBUF_WRITABLE) && !writable {
            return Err(read_only());
        }
        let in_one_row = self.count == 0 || self.shape.iter().filter(|&&n| n > 1).count() <= 1;
        if wants(ffi::PyBUF_F_CONTIGUOUS) && !in_one_row {
            return Err(PyBufferError::new_err("this view is in C order"));
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

    /// Number of elements, not of rows.
    fn __len__(&self) -> usize {
        self.count
    }

    /// The element at a flat index. Blender takes only sequences, so this has to exist; for more than a few elements
    /// use `numpy.asarray(view)` or `memoryview(view)`.
    fn __getitem__<'py>(slf: &Bound<'py, Self>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let offset = this.element_offset(index)?;
        let format = element::struct_format(this.dtype);
        let parts = py
            .import("struct")?
            .call_method1("unpack_from", (format, slf, offset))?
            .cast_into::<PyTuple>()?;
        if this.dtype.is_complex() {
            return py.get_type::<PyComplex>().call1(parts);
        }
        parts.get_item(0)
    }

    /// Sets the element at a flat index. Blender does so for each element of a property that it does not keep as an
    /// array, such as `polygons.loop_total`.
    fn __setitem__(&self, index: isize, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let offset = self.offset + self.element_offset(index)?;
        let Memory::Writable(memory) = &self.memory else {
            return Err(read_only());
        };
        if !memory.is_open() {
            return Err(read_only());
        }
        let bytes = element::encode(self.dtype, value)?;
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
