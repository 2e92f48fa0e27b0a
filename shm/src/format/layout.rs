//! Where named arrays lie in a payload.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::dtype::Dtype;
use super::kind::Domain;
use super::labels::check_name;
use super::shuffle::Shuffle;
use crate::error::{Error, Result};
use crate::sys;

/// Arrays start at multiples of this many bytes: a cache line, and enough for every vector instruction.
pub const ARRAY_ALIGNMENT: u64 = 64;
/// Most dimensions of an array.
pub const MAX_DIMENSIONS: usize = 8;

/// The type, shape and meaning of one array, in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArraySpec {
    /// Element type.
    pub dtype: Dtype,
    /// Length of each dimension, in elements; none for a single value.
    pub shape: Vec<u64>,
    /// What one row belongs to, if it is known.
    pub domain: Option<Domain>,
}

impl ArraySpec {
    /// An array of this element type and shape.
    pub fn new(dtype: Dtype, shape: impl Into<Vec<u64>>) -> Self {
        Self {
            dtype,
            shape: shape.into(),
            domain: None,
        }
    }

    /// The same, saying what one row belongs to.
    #[must_use]
    pub fn with_domain(mut self, domain: Domain) -> Self {
        self.domain = Some(domain);
        self
    }

    /// Size in bytes, or `None` when it exceeds what an address can be.
    pub fn size(&self) -> Option<u64> {
        let width = self.dtype.size() as u64;
        // A zero anywhere makes the array empty, so it may not hide an overflow of the other dimensions:
        // readers compute strides from them.
        self.shape
            .iter()
            .try_fold(width, |size, &n| size.checked_mul(n.max(1)))
            .filter(|&size| i64::try_from(size).is_ok())
            .map(|size| if self.shape.contains(&0) { 0 } else { size })
    }
}

/// One array's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedArray {
    /// Element type.
    pub dtype: Dtype,
    /// Length of each dimension, in elements.
    pub shape: Vec<u64>,
    /// What one row belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Start in the uncompressed payload, in bytes; a multiple of 64.
    pub offset: u64,
    /// How it lies in a compressed payload.
    #[serde(default, skip_serializing_if = "Shuffle::is_none")]
    pub shuffled: Shuffle,
}

impl PlacedArray {
    /// The array without its place.
    pub fn spec(&self) -> ArraySpec {
        ArraySpec {
            dtype: self.dtype,
            shape: self.shape.clone(),
            domain: self.domain,
        }
    }

    /// Size in bytes. A layout holds only arrays whose size is known to fit.
    pub fn size(&self) -> u64 {
        self.spec().size().unwrap_or(0)
    }
}

/// Named arrays one after the other, each at its alignment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    arrays: IndexMap<String, PlacedArray>,
    size: u64,
}

impl Layout {
    /// Places arrays in the order given.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a name that is empty, too long or not printable or occurs twice, for too
    /// many dimensions, and for sizes beyond 2⁶³ bytes.
    pub fn new<N: Into<String>>(specs: impl IntoIterator<Item = (N, ArraySpec)>) -> Result<Self> {
        sys::check_random().map_err(Error::random)?;
        let mut layout = Self::default();
        for (name, spec) in specs {
            layout.push(name.into(), spec)?;
        }
        Ok(layout)
    }

    /// Bytes without any arrays.
    pub(crate) fn of_bytes(size: u64) -> Result<Self> {
        sys::check_random().map_err(Error::random)?;
        Ok(Self {
            arrays: IndexMap::new(),
            size,
        })
    }

    fn push(&mut self, name: String, spec: ArraySpec) -> Result<()> {
        check_name("arrays", &name)?;
        let too_large = || Error::invalid("shape", format!("array {name:?} {:?} exceeds 2^63 bytes", spec.shape));
        if spec.shape.len() > MAX_DIMENSIONS {
            return Err(Error::invalid(
                "shape",
                format!(
                    "array {name:?} has {} dimensions; {MAX_DIMENSIONS} are possible",
                    spec.shape.len()
                ),
            ));
        }
        let size = spec.size().ok_or_else(too_large)?;
        let offset = self
            .size
            .checked_next_multiple_of(ARRAY_ALIGNMENT)
            .ok_or_else(too_large)?;
        let end = offset.checked_add(size).ok_or_else(too_large)?;
        i64::try_from(end).map_err(|_| too_large())?;
        let placed = PlacedArray {
            dtype: spec.dtype,
            shape: spec.shape,
            domain: spec.domain,
            offset,
            shuffled: Shuffle::None,
        };
        if self.arrays.contains_key(&name) {
            return Err(Error::invalid("arrays", format!("{name:?} occurs twice")));
        }
        self.arrays.insert(name, placed);
        self.size = end;
        Ok(())
    }

    /// Takes over arrays that were read from a file or descriptor, if each lies where [`Layout::new`] would allow it.
    pub(crate) fn from_placed(arrays: IndexMap<String, PlacedArray>, size: u64) -> Result<Self> {
        let mut end = 0;
        if arrays.values().next().is_some_and(|first| first.offset != 0) {
            return Err(Error::invalid(
                "arrays",
                "the first does not lie at the start of the payload",
            ));
        }
        for (name, array) in &arrays {
            check_name("arrays", name)?;
            let fits = array.shape.len() <= MAX_DIMENSIONS
                && array.offset.is_multiple_of(ARRAY_ALIGNMENT)
                && array.offset >= end;
            end = array
                .spec()
                .size()
                .and_then(|bytes| array.offset.checked_add(bytes))
                .filter(|&end| fits && end <= size)
                .ok_or_else(|| Error::invalid("arrays", format!("{name:?} does not lie within the payload")))?;
        }
        Ok(Self { arrays, size })
    }

    /// The arrays in order.
    pub fn arrays(&self) -> &IndexMap<String, PlacedArray> {
        &self.arrays
    }

    pub(crate) fn arrays_mut(&mut self) -> &mut IndexMap<String, PlacedArray> {
        &mut self.arrays
    }

    /// Size of the payload in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::properties::config(256))]

        #[test]
        fn arrays_are_aligned_apart_and_within(sizes in proptest::collection::vec((0u64..5000, 1u64..5), 0..20)) {
            let dtype = "f4".parse().expect("dtype");
            let layout = Layout::new(
                sizes.iter().enumerate().map(|(i, &(n, m))| (i.to_string(), ArraySpec::new(dtype, vec![n, m]))),
            )?;
            let mut end = 0;
            for array in layout.arrays().values() {
                prop_assert_eq!(array.offset % ARRAY_ALIGNMENT, 0);
                prop_assert!(array.offset >= end);
                end = array.offset + array.size();
            }
            prop_assert_eq!(end.max(layout.size()), layout.size());
            prop_assert_eq!(Layout::from_placed(layout.arrays().clone(), layout.size())?, layout);
        }
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        let f8 = "f8".parse().expect("dtype");
        for shape in [
            vec![u64::MAX],
            vec![1 << 61],
            vec![1 << 32, 1 << 32],
            vec![0, u64::MAX, 2],
            vec![1; 9],
        ] {
            assert!(
                Layout::new([("a", ArraySpec::new(f8, shape.clone()))]).is_err(),
                "{shape:?}"
            );
        }
    }

    #[test]
    fn a_name_occurs_once() {
        let spec = ArraySpec::new("f4".parse().expect("dtype"), [1]);
        assert!(Layout::new([("a", spec.clone()), ("a", spec)]).is_err());
    }
}
