//! Views as DLPack capsules, by which array libraries (NumPy, torch, JAX) take the memory as it is.
//!
//! The structures are those of `dlpack.h`, version 1.0, and of the versions before, whose capsules have another name and
//! cannot say that memory is read-only.

use std::ffi::{CStr, c_void};

use dcc_mcp_shm::Dtype;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::memory::Memory;

/// The memory of this machine's processors, in the numbers of DLPack.
pub(super) const CPU: (i32, i32) = (1, 0);
const READ_ONLY: u64 = 1;
const IS_COPIED: u64 = 2;
const UNVERSIONED: &CStr = c"dltensor";
const VERSIONED: &CStr = c"dltensor_versioned";

#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device_type: i32,
    device_id: i32,
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

#[repr(C)]
struct Managed {
    tensor: Tensor,
    context: *mut c_void,
    deleter: unsafe extern "C" fn(*mut Managed),
}

#[repr(C)]
struct ManagedVersioned {
    major: u32,
    minor: u32,
    context: *mut c_void,
    deleter: unsafe extern "C" fn(*mut ManagedVersioned),
    flags: u64,
    tensor: Tensor,
}

/// What an array library is given: where the elements are, and what keeps them there.
pub(super) struct Exported {
    pub(super) memory: Memory,
    pub(super) start: *mut u8,
    pub(super) dtype: Dtype,
    pub(super) shape: Box<[i64]>,
    /// In elements.
    pub(super) strides: Box<[i64]>,
    pub(super) is_copy: bool,
}

impl Exported {
    fn tensor(&mut self) -> PyResult<Tensor> {
        let [order, kind, ..] = *self.dtype.typestr().as_bytes() else {
            return Err(PyBufferError::new_err("DLPack has no such elements"));
        };
        let code = match kind {
            _ if order == b'>' => None,
            b'i' => Some(0),
            b'u' => Some(1),
            b'f' => Some(2),
            b'c' => Some(5),
            b'b' => Some(6),
            _ => None,
        };
        let no_such = || PyBufferError::new_err(format!("DLPack has no elements of {}", self.dtype.typestr()));
        Ok(Tensor {
            data: self.start.cast(),
            device_type: CPU.0,
            device_id: CPU.1,
            ndim: i32::try_from(self.shape.len()).map_err(|_| no_such())?,
            code: code.ok_or_else(no_such)?,
            bits: u8::try_from(self.dtype.size() * 8).map_err(|_| no_such())?,
            lanes: 1,
            shape: self.shape.as_mut_ptr(),
            strides: self.strides.as_mut_ptr(),
            byte_offset: 0,
        })
    }

    /// The capsule for a consumer that knows this version of DLPack, none for one that did not say.
    ///
    /// # Errors
    /// `BufferError` for elements that DLPack does not have, and for memory that must not be written to, which an older
    /// consumer would not know.
    pub(super) fn capsule(self, py: Python<'_>, version: Option<(u32, u32)>) -> PyResult<Bound<'_, PyAny>> {
        let mut boxed = Box::new(self);
        let tensor = boxed.tensor()?;
        let is_writable = boxed.memory.is_writable() || boxed.is_copy;
        if version.is_some_and(|(major, _)| major >= 1) {
            let flags = if is_writable { 0 } else { READ_ONLY } | if boxed.is_copy { IS_COPIED } else { 0 };
            let managed = Box::into_raw(Box::new(ManagedVersioned {
                major: 1,
                minor: 0,
                context: Box::into_raw(boxed).cast(),
                deleter: delete_versioned,
                flags,
                tensor,
            }));
            // SAFETY: a valid pointer and a name that lives for ever.
            let capsule = unsafe { ffi::PyCapsule_New(managed.cast(), VERSIONED.as_ptr(), Some(destroy_versioned)) };
            if capsule.is_null() {
                // SAFETY: nobody else has it.
                unsafe { delete_versioned(managed) };
            }
            // SAFETY: a new reference or null with an exception set.
            return unsafe { Bound::from_owned_ptr_or_err(py, capsule) };
        }
        if !is_writable && !boxed.memory.is_private() {
            return Err(PyBufferError::new_err(
                "this memory is read-only, which a consumer of DLPack before 1.0 would not know; use numpy.asarray(view)",
            ));
        }
        let managed = Box::into_raw(Box::new(Managed {
            tensor,
            context: Box::into_raw(boxed).cast(),
            deleter: delete,
        }));
        // SAFETY: a valid pointer and a name that lives for ever.
        let capsule = unsafe { ffi::PyCapsule_New(managed.cast(), UNVERSIONED.as_ptr(), Some(destroy)) };
        if capsule.is_null() {
            // SAFETY: nobody else has it.
            unsafe { delete(managed) };
        }
        // SAFETY: a new reference or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, capsule) }
    }
}

/// Called by the consumer, on any thread, with or without the GIL: nothing of Python is let go here.
///
/// # Safety
/// `managed` must come from [`Exported::capsule`], and not be used again.
unsafe extern "C" fn delete(managed: *mut Managed) {
    if managed.is_null() {
        return;
    }
    // SAFETY: the box that `capsule` made, which is let go once.
    let managed = unsafe { Box::from_raw(managed) };
    // SAFETY: the same of what it keeps.
    drop(unsafe { Box::from_raw(managed.context.cast::<Exported>()) });
}

/// As [`delete`].
///
/// # Safety
/// As for [`delete`].
unsafe extern "C" fn delete_versioned(managed: *mut ManagedVersioned) {
    if managed.is_null() {
        return;
    }
    // SAFETY: the box that `capsule` made, which is let go once.
    let managed = unsafe { Box::from_raw(managed) };
    // SAFETY: the same of what it keeps.
    drop(unsafe { Box::from_raw(managed.context.cast::<Exported>()) });
}

/// Lets go of what no consumer has taken. One that has taken it gave the capsule another name.
///
/// # Safety
/// Called by Python with a capsule of [`Exported::capsule`].
unsafe extern "C" fn destroy(capsule: *mut ffi::PyObject) {
    // SAFETY: a live capsule, of whatever name.
    if unsafe { ffi::PyCapsule_IsValid(capsule, UNVERSIONED.as_ptr()) } == 1 {
        // SAFETY: it has this name, and so the pointer that it was made with.
        let managed = unsafe { ffi::PyCapsule_GetPointer(capsule, UNVERSIONED.as_ptr()) };
        // SAFETY: nobody has taken it.
        unsafe { delete(managed.cast()) };
    }
}

/// As [`destroy`].
///
/// # Safety
/// As for [`destroy`].
unsafe extern "C" fn destroy_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: a live capsule, of whatever name.
    if unsafe { ffi::PyCapsule_IsValid(capsule, VERSIONED.as_ptr()) } == 1 {
        // SAFETY: it has this name, and so the pointer that it was made with.
        let managed = unsafe { ffi::PyCapsule_GetPointer(capsule, VERSIONED.as_ptr()) };
        // SAFETY: nobody has taken it.
        unsafe { delete_versioned(managed.cast()) };
    }
}
