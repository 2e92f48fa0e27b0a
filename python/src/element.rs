//! Conversion of single elements, for consumers that take one at a time.

use dcc_mcp_shm::Dtype;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// The format of one element for Python's `struct`. It makes a complex number two floats, because `struct` has no
/// complex numbers before Python 3.14.
pub(crate) fn struct_format(dtype: Dtype) -> String {
    let format = dtype.struct_format().to_string_lossy();
    match format.split_once('Z') {
        Some((order, part)) => format!("{order}2{part}"),
        None => format.into_owned(),
    }
}

/// The bytes of one element as it lies in memory.
///
/// # Errors
/// `TypeError` or `OverflowError` if `value` does not fit the type; `TypeError` for half precision, complex numbers and
/// big-endian types, which nobody assigns one by one.
pub(crate) fn encode(dtype: Dtype, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Ok(match dtype.typestr() {
        "|b1" => vec![u8::from(value.is_truthy()?)],
        "|i1" => value.extract::<i8>()?.to_le_bytes().to_vec(),
        "|u1" => value.extract::<u8>()?.to_le_bytes().to_vec(),
        "<i2" => value.extract::<i16>()?.to_le_bytes().to_vec(),
        "<u2" => value.extract::<u16>()?.to_le_bytes().to_vec(),
        "<i4" => value.extract::<i32>()?.to_le_bytes().to_vec(),
        "<u4" => value.extract::<u32>()?.to_le_bytes().to_vec(),
        "<i8" => value.extract::<i64>()?.to_le_bytes().to_vec(),
        "<u8" => value.extract::<u64>()?.to_le_bytes().to_vec(),
        "<f4" => value.extract::<f32>()?.to_le_bytes().to_vec(),
        "<f8" => value.extract::<f64>()?.to_le_bytes().to_vec(),
        other => {
            return Err(PyTypeError::new_err(format!(
                "{other} elements cannot be set one by one; use numpy.asarray(view)"
            )));
        }
    })
}
