//! Buffers taken from Python objects.

use std::ffi::{CStr, c_char, c_int, c_void};

use dcc_mcp_shm::{Dtype, Source};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyErr, ffi};

#[allow(
    clippy::cast_possible_wrap,
    reason = "an ASCII letter; c_char is i8 or u8 by platform"
)]
const C_ORDER: c_char = b'C' as c_char;

/// How the error begins that refuses a buffer which says two things of itself.
const CONTRADICTION: &str = "this buffer contradicts itself";

/// A buffer taken from a Python object, released when dropped. This stays on its thread, with the GIL; only its [`Source`] goes
/// where the GIL is released. Until the buffer is released, its exporter neither moves nor frees the memory.
///
/// `PyUntypedBuffer` cannot be used, because it refuses scalars and asks for a format, which NumPy refuses for dates.
pub(crate) struct Input<'py> {
    /// Boxed because exporters point into it: `PyBuffer_FillInfo` makes `shape` point to `len`.
    raw: Box<ffi::Py_buffer>,
    /// Bytes of all elements. `raw.len` is what the exporter says of that, which may be wrong.
    size: usize,
    _attached: Python<'py>,
}

impl<'py> Input<'py> {
    /// Whether a buffer was refused because it says two things of itself. Other code would believe one of them.
    pub(crate) fn is_contradiction(py: Python<'_>, error: &PyErr) -> bool {
        error.is_instance_of::<PyBufferError>(py) && error.value(py).to_string().contains(CONTRADICTION)
    }

    /// The bytes of anything C-contiguous, whatever its elements.
    ///
    /// # Errors
    /// `TypeError` for an object without a buffer, and for one whose elements are addresses. For an object that is not
    /// contiguous, the exporter's own error (`BufferError`, or `ValueError` from NumPy).
    pub(crate) fn contiguous(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        // Some exporters give a shape only with strides.
        let shaped = match Self::request(object, ffi::PyBUF_ND | ffi::PyBUF_FORMAT) {
            Err(error) if Self::is_contradiction(object.py(), &error) => return Err(error),
            shaped => shaped.ok(),
        };
        let shaped = shaped.or_else(|| Self::described(object).ok().filter(Self::is_contiguous));
        let (input, holds_addresses) = if let Some(input) = shaped {
            let holds_addresses = input.holds_addresses();
            (input, holds_addresses)
        } else {
            // NumPy has no format for dates, but their bytes can be shared all the same.
            let input = Self::request(object, ffi::PyBUF_SIMPLE).inspect_err(|error| advise(object.py(), error))?;
            (input, has_objects(object)?)
        };
        if holds_addresses {
            return Err(PyTypeError::new_err(
                "these elements are addresses (object dtype or a ctypes pointer), which mean nothing elsewhere",
            ));
        }
        Ok(input)
    }

    /// The elements with format, shape and strides, contiguous or not.
    pub(crate) fn described(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let input = Self::request(object, ffi::PyBUF_FULL_RO)?;
        if input.raw.ndim > 0 && input.raw.shape.is_null() {
            return Err(PyTypeError::new_err("this buffer has no shape"));
        }
        Ok(input)
    }

    fn request(object: &Bound<'py, PyAny>, flags: c_int) -> PyResult<Self> {
        let py = object.py();
        let mut raw = Box::new(ffi::Py_buffer::new());
        // SAFETY: a live object and an empty Py_buffer at an address that does not change.
        let status = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut *raw, flags) };
        if status < 0 {
            return Err(PyErr::fetch(py));
        }
        // The buffer is released also if its size makes no sense.
        let mut input = Self {
            raw,
            size: 0,
            _attached: py,
        };
        input.size = input.size_of_elements()?;
        Ok(input)
    }

    /// Bytes of all elements: the product of shape and width. Some exporters say another length (PyImath's arrays of vectors
    /// that of one row), so that is believed only of a buffer without a shape.
    fn size_of_elements(&self) -> PyResult<usize> {
        let (declared, width) = (self.raw.len, self.raw.itemsize);
        let impossible = |what: String| Err(PyBufferError::new_err(format!("{CONTRADICTION}: {what}")));
        let Ok(bytes) = usize::try_from(declared) else {
            return impossible(format!("its length is {declared} bytes"));
        };
        if self.raw.ndim > 0 && self.raw.shape.is_null() {
            return Ok(bytes);
        }
        if width < 0 || self.raw.ndim < 0 || (width == 0 && bytes > 0) {
            return impossible(format!(
                "{bytes} bytes of elements of {width} bytes in {} dimensions",
                self.raw.ndim
            ));
        }
        let shape = self.shape();
        let size = shape.iter().try_fold(width.unsigned_abs(), |size, &n| {
            size.checked_mul(usize::try_from(n).ok()?)
        });
        match size {
            Some(size) if isize::try_from(size).is_ok() => Ok(size),
            _ => impossible(format!("elements of {width} bytes in the shape {shape:?}")),
        }
    }

    /// Bytes of all elements.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The bytes, which other threads may change meanwhile.
    pub(crate) fn source(&self) -> Source<'_> {
        // SAFETY: the exporter keeps all elements readable until the buffer is released, and self outlives the source.
        unsafe { Source::from_raw(self.raw.buf.cast(), self.size) }
    }

    /// Copies the elements in C order to `target`, which must have room for all of them and be valid during the call.
    pub(super) fn gather(&self, py: Python<'_>, target: *mut c_void) -> PyResult<()> {
        let exact = self.with_exact_len();
        // SAFETY: a live buffer of exactly `size` bytes; the caller, of this module, checked that they fit.
        let status = unsafe { ffi::PyBuffer_ToContiguous(target, &raw const exact, exact.len, C_ORDER) };
        if status < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
    }

    /// The same buffer with its true length. What is released is the exporter's own, whose `shape` may point to its `len`.
    fn with_exact_len(&self) -> ffi::Py_buffer {
        // SAFETY: a plain structure; the copy is not released, and used only while `self` lives.
        let mut exact = unsafe { std::ptr::read(&raw const *self.raw) };
        exact.len = self.size.cast_signed();
        exact
    }

    fn format(&self) -> &CStr {
        if self.raw.format.is_null() {
            return c"B";
        }
        // SAFETY: not null, so it is a C string that lives as long as the buffer.
        unsafe { CStr::from_ptr(self.raw.format) }
    }

    /// Whether an element is or contains an object (`O`) or a pointer: to something (`&`, `P`), to text (`z`, and `Z`
    /// if no complex number begins with it), to a function (`X`). Field names, which stand between colons, are skipped.
    fn holds_addresses(&self) -> bool {
        let mut fields = self.format().to_bytes().split(|&b| b == b':').step_by(2);
        fields.any(|field| field.iter().any(|b| b"O&PzX".contains(b)) || field.ends_with(b"Z"))
    }

    /// Whether this is the buffer of a ctypes pointer. It has the pointer itself as its element, not what the pointer
    /// points at.
    pub(crate) fn is_pointer(&self) -> bool {
        self.format().to_bytes().starts_with(b"&")
    }

    /// Whether the elements are single bytes, as those of `bytes`.
    pub(crate) fn is_of_bytes(&self) -> bool {
        self.raw.itemsize == 1 && matches!(self.format().to_bytes(), b"B" | b"b" | b"c" | b"<B" | b"@B")
    }

    /// The element type, if it is one that arrays can have.
    pub(crate) fn dtype(&self) -> PyResult<Dtype> {
        let format = self.format().to_string_lossy();
        Dtype::from_struct_format(&format)
            .ok()
            .filter(|dtype| dtype.size() == self.raw.itemsize.cast_unsigned())
            .ok_or_else(|| {
                PyTypeError::new_err(format!(
                    "elements of format {format:?} and {} bytes make no typed array; possible are booleans, integers, floats \
                     and complex numbers (of a structure, share each field by itself; bytes of any other type can be shared \
                     without arrays)",
                    self.raw.itemsize
                ))
            })
    }

    pub(crate) fn is_contiguous(&self) -> bool {
        let exact = self.with_exact_len();
        // SAFETY: a buffer that PyObject_GetBuffer filled.
        unsafe { ffi::PyBuffer_IsContiguous(&raw const exact, C_ORDER) != 0 }
    }

    /// Number of elements along each dimension, if this comes from [`Input::described`].
    pub(crate) fn shape(&self) -> &[ffi::Py_ssize_t] {
        if self.raw.ndim == 0 || self.raw.shape.is_null() {
            return &[];
        }
        let len = self.raw.ndim.unsigned_abs() as usize;
        // SAFETY: `shape` is not null, so it has `ndim` entries that live as long as the buffer.
        unsafe { std::slice::from_raw_parts(self.raw.shape, len) }
    }
}

/// Whether an array of NumPy has objects among its elements.
fn has_objects(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Some(dtype) = object.getattr_opt("dtype")? else {
        return Ok(false);
    };
    dtype
        .getattr_opt("hasobject")?
        .map_or(Ok(false), |has_objects| has_objects.is_truthy())
}

/// Adds to the exporter's error what to do about elements that do not lie one after the other.
fn advise(py: Python<'_>, error: &PyErr) {
    if error.is_instance_of::<PyBufferError>(py) || error.is_instance_of::<PyValueError>(py) {
        let note = "Copy it first, with numpy.ascontiguousarray.";
        // It does not matter if the note cannot be added, because the error is told anyway.
        drop(error.value(py).call_method1("add_note", (note,)));
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        // SAFETY: filled by PyObject_GetBuffer, released once, and `_attached` shows that this thread may call Python.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.raw) }
    }
}
