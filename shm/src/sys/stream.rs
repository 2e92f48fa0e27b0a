//! Copies of more memory than caches hold.
//!
//! An ordinary copy reads what it overwrites into the cache first, and drives out what was there. Copies past the caches do
//! neither; `memcpy` makes such for much larger sizes only. What it saves is seen in `make bench`, at a slot of 64 MiB.
#![allow(unsafe_code)]

use std::ptr;

/// From this size on, neither the copy nor its readers find much of it in a cache.
pub(super) const WORTH_STREAMING: usize = 32 << 20;

/// Copies `len` bytes past the caches.
///
/// # Safety
/// `len` bytes must be readable at `source` and writable at `destination`, and the two must not overlap.
#[cfg(target_arch = "x86_64")]
#[allow(clippy::cast_ptr_alignment, reason = "loads need no alignment, and stores have it")]
pub(super) unsafe fn stream(source: *const u8, destination: *mut u8, len: usize) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};
    const UNIT: usize = size_of::<__m128i>();

    let head = destination.align_offset(UNIT).min(len);
    let units = (len - head) / UNIT;
    let tail = head + units * UNIT;
    // SAFETY: the first `head` of the bytes that are readable and writable by this function's contract.
    unsafe { ptr::copy_nonoverlapping(source, destination, head) };
    let from = source.wrapping_add(head).cast::<__m128i>();
    let to = destination.wrapping_add(head).cast::<__m128i>();
    for i in 0..units {
        // SAFETY: `units` units behind `head` are readable, aligned or not.
        let unit = unsafe { _mm_loadu_si128(from.wrapping_add(i)) };
        // SAFETY: as many are writable, and behind `head` they are aligned.
        unsafe { _mm_stream_si128(to.wrapping_add(i), unit) };
    }
    // SAFETY: `tail` is at most `len`, and this is the rest.
    unsafe { ptr::copy_nonoverlapping(source.wrapping_add(tail), destination.wrapping_add(tail), len - tail) };
    // What is stored after this, such as the word that publishes the copy, must not be seen before the copy.
    // SAFETY: every x86-64 processor has it.
    unsafe { _mm_sfence() };
}

/// Copies `len` bytes.
///
/// # Safety
/// `len` bytes must be readable at `source` and writable at `destination`, and the two must not overlap.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn stream(source: *const u8, destination: *mut u8, len: usize) {
    // SAFETY: by this function's contract.
    unsafe { ptr::copy_nonoverlapping(source, destination, len) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::properties::config(256))]

        #[test]
        fn exactly_the_bytes_are_copied(from in 0usize..40, to in 0usize..40, len in 0usize..200) {
            let source: Vec<u8> = (0..=255).collect();
            let mut copy = vec![0xEE; 256];
            // SAFETY: the ranges lie within these two vectors, as `from` + `len` is below 240.
            unsafe { stream(source[from..].as_ptr(), copy[to..].as_mut_ptr(), len) };
            let mut expected = vec![0xEE; 256];
            expected[to..][..len].copy_from_slice(&source[from..][..len]);
            prop_assert_eq!(copy, expected);
        }
    }
}
