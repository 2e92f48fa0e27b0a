//! Where the points of a mesh or of a cache are: the array `position`.

use dcc_mcp_shm::{PlacedArray, SceneDataKind};
use indexmap::IndexMap;

use super::numbers;
use crate::decode::Decode;

/// An array of positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointsLayout<'a> {
    pub(crate) array: &'a PlacedArray,
    pub(crate) decode: Decode<f64>,
    /// How many frames there are; a mesh has one.
    pub(crate) frames: u64,
    /// Points of each frame.
    pub(crate) count: u64,
    /// Whether the three numbers of a point are no axis of their own.
    pub(crate) is_flat: bool,
}

impl<'a> PointsLayout<'a> {
    /// The positions among the arrays of a buffer, if there are any.
    ///
    /// # Errors
    /// The reason, in words, why the array `position` has no points.
    pub(crate) fn of(arrays: &'a IndexMap<String, PlacedArray>, kind: SceneDataKind) -> Result<Option<Self>, String> {
        let Some(array) = arrays.get("position") else {
            return Ok(None);
        };
        let (dtype, shape) = (array.dtype, &array.shape);
        let decode = numbers::coordinates(dtype)
            .ok_or_else(|| format!("\"position\" is of type {dtype}, which coordinates do not have"))?;
        let (frames, count, is_flat) = match shape[..] {
            [count, 3] => (1, count, false),
            [frames, count, 3] => (frames, count, false),
            [numbers] | [numbers, 1] | [1, numbers] => {
                if !numbers.is_multiple_of(3) {
                    return Err(format!(
                        "\"position\" has {numbers} numbers, which are not three for each point"
                    ));
                }
                (1, numbers / 3, true)
            }
            [frames, numbers] if kind == SceneDataKind::AnimationCache && numbers.is_multiple_of(3) => {
                (frames, numbers / 3, true)
            }
            _ => {
                return Err(format!(
                    "\"position\" has the shape {shape:?}, and should have (points, 3) or (frames, points, 3)"
                ));
            }
        };
        Ok(Some(Self {
            array,
            decode,
            frames,
            count,
            is_flat,
        }))
    }

    /// Bytes of a point.
    pub(crate) fn width(&self) -> u64 {
        3 * self.array.dtype.size() as u64
    }

    /// Bytes of a frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        self.count * self.width()
    }

    /// Says that numbers were taken for points, if the shape leaves that open.
    pub(crate) fn note(&self) -> Option<String> {
        let shape = &self.array.shape;
        self.is_flat.then(|| {
            format!(
                "\"position\" of shape {shape:?} was taken for {} points of three numbers each",
                self.count
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm::Shuffle;

    use super::*;

    /// Frames and points of an array, or why it has none.
    fn of(dtype: &str, shape: &[u64], kind: SceneDataKind) -> Result<[u64; 2], String> {
        let array = PlacedArray {
            dtype: dtype.parse().expect("a type"),
            shape: shape.to_vec(),
            domain: None,
            offset: 0,
            shuffled: Shuffle::None,
        };
        let arrays = IndexMap::from([("position".to_owned(), array)]);
        let layout = PointsLayout::of(&arrays, kind)?.expect("an array");
        assert_eq!(layout.note().is_some(), layout.is_flat);
        Ok([layout.frames, layout.count])
    }

    #[test]
    fn each_shape_is_understood_or_refused_with_the_reason() {
        let geometry = SceneDataKind::Geometry;
        let cases: [(&[u64], [u64; 2]); 9] = [
            (&[5, 3], [1, 5]),
            (&[2, 5, 3], [2, 5]),
            (&[12], [1, 4]),
            (&[12, 1], [1, 4]),
            (&[1, 12], [1, 4]),
            (&[1, 3], [1, 1]),
            (&[3, 1], [1, 1]),
            (&[0], [1, 0]),
            (&[0, 3], [1, 0]),
        ];
        for (shape, expected) in cases {
            for dtype in ["<f4", ">f8", "<i2"] {
                assert_eq!(of(dtype, shape, geometry), Ok(expected), "{shape:?}");
            }
        }
        assert_eq!(of("<f4", &[4, 12], SceneDataKind::AnimationCache), Ok([4, 4]));
        for shape in [&[13][..], &[4, 12], &[8, 4], &[2, 2, 5, 3], &[], &[5, 2]] {
            let why = of("<f4", shape, geometry).expect_err("no points");
            assert!(why.contains("position"), "{why}");
        }
        let why = of("<c8", &[5, 3], geometry).expect_err("no coordinates");
        assert!(why.contains("<c8"), "{why}");
    }
}
