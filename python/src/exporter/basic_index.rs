//! Indices as NumPy's basic ones: numbers, slices and an ellipsis, for the axes of a view in turn.

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PySlice, PyTuple};

/// The axes of a view, and where its first element is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes {
    /// Bytes from the start of the memory.
    pub(super) offset: usize,
    pub(super) shape: Vec<isize>,
    /// In bytes.
    pub(super) strides: Vec<isize>,
}

impl Axes {
    /// The axes that remain after an index: a slice, an ellipsis, or a tuple of numbers, slices and at most one ellipsis.
    ///
    /// # Errors
    /// `IndexError` for a number outside of its axis and for more indices than axes; `TypeError` for any other index.
    pub(super) fn indexed(&self, index: &Bound<'_, PyAny>) -> PyResult<Self> {
        let items: Vec<_> = match index.cast::<PyTuple>() {
            Ok(items) => items.iter().collect(),
            Err(_) => vec![index.clone()],
        };
        let is_ellipsis = |item: &Bound<'_, PyAny>| item.is_instance_of::<PyEllipsis>();
        let given = items.iter().filter(|item| !is_ellipsis(item)).count();
        if given > self.shape.len() || items.len() > given + 1 {
            let problem = format!("{} indices are too many for {} axes", items.len(), self.shape.len());
            return Err(PyIndexError::new_err(problem));
        }
        let mut found = Self {
            offset: self.offset,
            shape: Vec::new(),
            strides: Vec::new(),
        };
        let mut axis = 0;
        for item in &items {
            if is_ellipsis(item) {
                let left_out = self.shape.len() - given;
                found.keep(self, axis, left_out);
                axis += left_out;
                continue;
            }
            let (len, stride) = (self.shape[axis], self.strides[axis]);
            if let Ok(slice) = item.cast::<PySlice>() {
                let indices = slice.indices(len)?;
                let count = isize::try_from(indices.slicelength)?;
                // An empty slice may begin behind the last element.
                if count > 0 {
                    found.move_by(indices.start * stride);
                }
                found.shape.push(count);
                found.strides.push(stride * indices.step);
            } else {
                found.move_by(position(item, len)? * stride);
            }
            axis += 1;
        }
        found.keep(self, axis, self.shape.len() - axis);
        Ok(found)
    }

    fn keep(&mut self, of: &Self, first: usize, count: usize) {
        self.shape.extend_from_slice(&of.shape[first..first + count]);
        self.strides.extend_from_slice(&of.strides[first..first + count]);
    }

    fn move_by(&mut self, bytes: isize) {
        // It stays within the memory, because each index lies within its axis.
        self.offset = self.offset.wrapping_add_signed(bytes);
    }
}

/// The place in an axis of this length that a number means.
fn position(item: &Bound<'_, PyAny>, len: isize) -> PyResult<isize> {
    let index: isize = item.extract().map_err(|_| {
        let kind = item
            .get_type()
            .qualname()
            .map_or_else(|_| "value".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!(
            "an index is a number, a slice, an ellipsis or a tuple of them, not a {kind}; use numpy.asarray(view)"
        ))
    })?;
    let at = if index < 0 { index + len } else { index };
    if (0..len).contains(&at) {
        return Ok(at);
    }
    Err(PyIndexError::new_err(format!("index {index} is outside of {len} rows")))
}
