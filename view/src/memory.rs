//! Allocations that give an error if there is no memory. Whatever grows with data or arguments is asked for here,
//! because the process ends when any other allocation fails.

use std::hint::black_box;

use dcc_mcp_shm::Error;

/// A vector that has the same value `len` times.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>, Error> {
    let mut vector = with_room(len)?;
    vector.resize(len, value);
    Ok(vector)
}

/// An empty vector with room for `len` values.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn with_room<T>(len: usize) -> Result<Vec<T>, Error> {
    let mut vector = Vec::new();
    vector
        .try_reserve_exact(len)
        .map_err(|_| Error::no_memory_for((len as u64).saturating_mul(size_of::<T>() as u64)))?;
    Ok(vector)
}

/// Makes a vector `len` long. New places get `value`.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn resize<T: Clone>(vector: &mut Vec<T>, len: usize, value: T) -> Result<(), Error> {
    reserve(vector, len)?;
    vector.resize(len, value);
    Ok(())
}

/// Makes room for `len` values in a vector.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn reserve<T>(vector: &mut Vec<T>, len: usize) -> Result<(), Error> {
    vector
        .try_reserve(len.saturating_sub(vector.len()))
        .map_err(|_| Error::no_memory_for((len as u64).saturating_mul(size_of::<T>() as u64)))
}

/// Checks that `bytes` can be allocated, because code of other crates ends the process when it cannot allocate them.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn expect(bytes: usize) -> Result<(), Error> {
    // Without `black_box`, the compiler may leave out an allocation that is not used.
    drop(black_box(with_room::<u8>(bytes)?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_an_error_with_its_size() {
        for len in [usize::MAX, usize::MAX / 16, isize::MAX.unsigned_abs()] {
            let error = filled(len, [0_u32; 4]).expect_err("more than there is");
            assert!(
                matches!(error, Error::OutOfMemory { requested: Some(requested), .. } if requested >= len as u64),
                "{error}"
            );
        }
        assert!(expect(usize::MAX).is_err() && resize(&mut vec![0_u8], usize::MAX, 0).is_err());
        assert_eq!(filled(3, 7).expect("memory"), [7; 3]);
    }
}
