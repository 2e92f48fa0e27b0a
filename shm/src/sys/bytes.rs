//! Memory that belongs to somebody else: where data to be written comes from, and where data read goes to.
#![allow(unsafe_code)]

use std::hint::black_box;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::{ptr, slice};

use super::stream::stream;

/// Bytes to be written, which another thread may change meanwhile (a `bytearray` of Python, say).
///
/// They are only ever copied, so that a change made during the copy ends up in the copy or does not; a `&[u8]` would
/// promise the compiler that there are no changes.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    start: *const u8,
    len: usize,
    memory: PhantomData<&'a [u8]>,
}

// SAFETY: a Source only reads memory that, by the contract of `from_raw`, is readable for 'a from anywhere.
unsafe impl Send for Source<'_> {}
// SAFETY: as above; it has no interior state.
unsafe impl Sync for Source<'_> {}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            start: bytes.as_ptr(),
            len: bytes.len(),
            memory: PhantomData,
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Source<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl<'a> From<&'a Vec<u8>> for Source<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl Source<'_> {
    /// Bytes of memory that others may write.
    ///
    /// # Safety
    /// `len` bytes from `start` must be readable for all of `'a`; `start` may be anything if `len` is 0.
    pub unsafe fn from_raw(start: *const u8, len: usize) -> Self {
        Self {
            start,
            len,
            memory: PhantomData,
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first byte, readable with the others for as long as this exists.
    pub(super) fn as_ptr(self) -> *const u8 {
        self.start
    }

    /// `len` bytes from `offset` on, or what there is of them.
    pub(crate) fn part(self, offset: usize, len: usize) -> Self {
        let offset = offset.min(self.len);
        Self {
            start: self.start.wrapping_add(offset),
            len: len.min(self.len - offset),
            memory: PhantomData,
        }
    }

    /// Copies all bytes to the start of `destination`.
    pub(crate) fn copy_to(self, destination: &mut [u8]) {
        let destination = &mut destination[..self.len];
        // SAFETY: `destination` is as long as the source (the line above panics otherwise), exclusively
        // borrowed, and so apart from it; the source is readable by the contract of `from_raw`.
        unsafe { self.copy_to_ptr(destination.as_mut_ptr()) }
    }

    /// Copies all bytes to `destination`.
    ///
    /// # Safety
    /// As many bytes as the source has must be writable there.
    pub(super) unsafe fn copy_to_ptr(self, destination: *mut u8) {
        if self.len > 0 {
            // SAFETY: readable by the contract of `from_raw`, writable by that of this function; `copy` allows overlap.
            unsafe { ptr::copy(self.start, destination, self.len) }
        }
    }

    /// The same past the caches.
    ///
    /// # Safety
    /// As many bytes as the source has must be writable there, and none of them may be the source's.
    pub(super) unsafe fn stream_to_ptr(self, destination: *mut u8) {
        if self.len > 0 {
            // SAFETY: readable by the contract of `from_raw`, writable and apart by that of this function.
            unsafe { stream(self.start, destination, self.len) }
        }
    }

    /// Whether it shares bytes with as many that start at `other`.
    pub(super) fn overlaps(self, other: *const u8) -> bool {
        self.start.addr().abs_diff(other.addr()) < self.len
    }
}

/// Memory to be filled, whose present content is of no interest.
pub(crate) type Destination = [MaybeUninit<u8>];

/// The same memory, filled with zeros, for code that can only write to initialised memory.
pub(crate) fn zeroed(destination: &mut Destination) -> &mut [u8] {
    destination.fill(MaybeUninit::new(0));
    // SAFETY: every byte was just initialised, and MaybeUninit<u8> has the layout of u8.
    unsafe { slice::from_raw_parts_mut(destination.as_mut_ptr().cast(), destination.len()) }
}

/// Initialised memory as a destination. The functions of this module only ever write initialised bytes to one.
pub(crate) fn as_destination(bytes: &mut [u8]) -> &mut Destination {
    let (start, len) = (bytes.as_mut_ptr(), bytes.len());
    // SAFETY: MaybeUninit<u8> has the layout of u8, and as said above the bytes stay initialised.
    unsafe { slice::from_raw_parts_mut(start.cast(), len) }
}

/// There is no memory for `bytes` bytes of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoMemory {
    pub(crate) bytes: u64,
}

impl NoMemory {
    /// For `len` elements of a type.
    pub(crate) fn for_elements<T>(len: usize) -> Self {
        Self {
            bytes: len.saturating_mul(size_of::<T>()) as u64,
        }
    }
}

/// A vector whose content is yet to come. It is not zeroed first, and asking for too much is an error.
pub(crate) struct NewVec {
    bytes: Vec<u8>,
    len: usize,
}

/// A vector with room for `len` elements. Pushing more of them would end the process if there is no memory.
pub(crate) fn reserved<T>(len: usize) -> Result<Vec<T>, NoMemory> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len)
        .map_err(|_| NoMemory::for_elements::<T>(len))?;
    Ok(vec)
}

/// Checks that `len` bytes can be allocated now, before code that would abort the process if its allocations failed.
///
/// What is freed in one piece, as here, also tells the C library how much to keep for the next time when smaller pieces are
/// freed; else it gives them back to the system, and has to ask for new pages.
pub(crate) fn expect_memory(len: usize) -> Result<(), NoMemory> {
    // Or the compiler may leave out an allocation that is not used.
    drop(black_box(reserved::<u8>(len)?));
    Ok(())
}

/// A vector of `len` zeros.
pub(crate) fn zeros(len: usize) -> Result<Vec<u8>, NoMemory> {
    let mut bytes = reserved(len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

impl NewVec {
    pub(crate) fn with_len(len: usize) -> Result<Self, NoMemory> {
        let bytes = reserved(len)?;
        Ok(Self { bytes, len })
    }

    pub(crate) fn memory(&mut self) -> &mut Destination {
        &mut self.bytes.spare_capacity_mut()[..self.len]
    }

    /// The vector, all of which `fill` must have filled when it succeeds, as all that writes to destinations does.
    pub(crate) fn filled<E>(mut self, fill: impl FnOnce(&mut Destination) -> Result<(), E>) -> Result<Vec<u8>, E> {
        fill(self.memory())?;
        // SAFETY: `len` bytes are reserved, and were just filled.
        unsafe { self.bytes.set_len(self.len) }
        Ok(self.bytes)
    }
}
