//! Where the faces of a mesh are: the arrays `corner_vert`, `face_size` and `face_start`.

use dcc_mcp_shm::PlacedArray;
use indexmap::IndexMap;

use super::numbers;
use crate::decode::Decode;

/// Most corners of one face. Faces of meshes have fewer; a damaged size may say billions.
pub(crate) const MAX_CORNERS: u64 = 1 << 20;
/// Corners of each face if a mesh does not say how many its faces have.
const UNSAID_CORNERS: u64 = 3;

/// An array of indices, starts or sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexArray<'a> {
    pub(crate) array: &'a PlacedArray,
    pub(crate) decode: Decode<u32>,
    /// How many numbers it has.
    pub(crate) len: u64,
}

/// How a mesh says where its faces are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FacesLayout<'a> {
    pub(crate) corner_vert: IndexArray<'a>,
    pub(crate) division: Division<'a>,
    /// How many faces there are.
    pub(crate) count: u64,
}

/// Which corners make up a face.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Division<'a> {
    /// Each row of `corner_vert` is a face of this many corners.
    Rows(u64),
    /// Each row of `corner_vert` is a face, and an array has the number of corners that are used of the row.
    PaddedRows { each: u64, sizes: IndexArray<'a> },
    /// The mesh does not say it, so each face has three corners.
    Unsaid,
    /// An array has the number of corners of each face.
    Sizes(IndexArray<'a>),
    /// An array has the first corner of each face.
    Starts(IndexArray<'a>),
}

impl<'a> FacesLayout<'a> {
    /// The faces that these arrays describe, if they describe any.
    ///
    /// # Errors
    /// The reason, in words, why the arrays describe no faces although they have the names for it.
    pub(crate) fn of(arrays: &'a IndexMap<String, PlacedArray>) -> Result<Option<Self>, String> {
        let Some(corner_vert) = IndexArray::of(arrays, "corner_vert")? else {
            return Ok(None);
        };
        let (sizes, starts) = (list(arrays, "face_size")?, list(arrays, "face_start")?);
        let shape = &corner_vert.array.shape;
        let (division, count) = match (&shape[..], sizes, starts) {
            (&[1, _] | &[_, 1], Some(sizes), _) => (Division::Sizes(sizes), sizes.len),
            (&([] | [_] | [1, _] | [_, 1]), None, Some(starts)) => (Division::Starts(starts), starts.len),
            (&[faces, each], Some(sizes), _) if each >= 3 && sizes.len == faces => {
                (Division::PaddedRows { each, sizes }, faces)
            }
            (&[faces, each], None, _) if (3..=MAX_CORNERS).contains(&each) => (Division::Rows(each), faces),
            (&[faces, each], None, None) if each != 1 => {
                return Err(format!(
                    "\"corner_vert\" has {faces} rows of {each} corners, and a face has 3 to {MAX_CORNERS}"
                ));
            }
            (&([] | [_] | [_, _]), Some(sizes), _) => (Division::Sizes(sizes), sizes.len),
            (&([] | [_] | [_, 1]), None, None) => (Division::Unsaid, corner_vert.len / UNSAID_CORNERS),
            _ => {
                return Err(format!(
                    "\"corner_vert\" has the shape {shape:?}, and should be one list, or have a row for each face"
                ));
            }
        };
        if count == 0 && corner_vert.len > 0 && !matches!(division, Division::Unsaid) {
            return Err(format!(
                "the array that divides the {} corners into faces is empty",
                corner_vert.len
            ));
        }
        Ok(Some(Self {
            corner_vert,
            division,
            count,
        }))
    }

    /// Corners of each face, if all have the same number of them.
    pub(crate) fn corners_of_each(&self) -> Option<u64> {
        match self.division {
            Division::Rows(each) => Some(each),
            Division::Unsaid => Some(UNSAID_CORNERS),
            Division::PaddedRows { .. } | Division::Sizes(_) | Division::Starts(_) => None,
        }
    }

    /// Says that corners were taken for triangles because the scene does not say how many corners its faces have.
    pub(crate) fn note(&self) -> Option<String> {
        if !matches!(self.division, Division::Unsaid) {
            return None;
        }
        let rest = match self.corner_vert.len % UNSAID_CORNERS {
            0 => String::new(),
            rest => format!(", and {rest} of the corners are left over"),
        };
        Some(format!(
            "taken for triangles: there is no \"face_size\" or \"face_start\"{rest}"
        ))
    }
}

impl<'a> IndexArray<'a> {
    /// The array of a name, if there is one.
    ///
    /// # Errors
    /// The reason, in words, why it has no whole numbers.
    pub(crate) fn of(arrays: &'a IndexMap<String, PlacedArray>, name: &str) -> Result<Option<Self>, String> {
        let Some(array) = arrays.get(name) else {
            return Ok(None);
        };
        let dtype = array.dtype;
        let decode = numbers::indices(dtype)
            .ok_or_else(|| format!("\"{name}\" is of type {dtype}, which has no whole numbers"))?;
        Ok(Some(Self {
            array,
            decode,
            len: array.size() / dtype.size() as u64,
        }))
    }
}

/// An array that has one number for each face, whatever axes of length 1 it has besides.
fn list<'a>(arrays: &'a IndexMap<String, PlacedArray>, name: &str) -> Result<Option<IndexArray<'a>>, String> {
    let found = IndexArray::of(arrays, name)?;
    if let Some(IndexArray { array, .. }) = found
        && array.shape.iter().filter(|&&axis| axis != 1).count() > 1
    {
        return Err(format!(
            "\"{name}\" has the shape {:?}, and should have one number for each face",
            array.shape
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm::Shuffle;

    use super::*;

    type Array<'a> = (&'a str, &'a str, &'a [u64]);

    /// The number of faces and how they are divided, or why there are none.
    fn of(arrays: &[Array<'_>]) -> Result<(u64, &'static str), String> {
        let placed = arrays.iter().map(|(name, dtype, shape)| {
            let array = PlacedArray {
                dtype: dtype.parse().expect("a type"),
                shape: shape.to_vec(),
                domain: None,
                offset: 0,
                shuffled: Shuffle::None,
            };
            ((*name).to_owned(), array)
        });
        let placed: IndexMap<_, _> = placed.collect();
        let layout = FacesLayout::of(&placed)?.expect("an array");
        let division = match layout.division {
            Division::Rows(_) => "rows",
            Division::PaddedRows { .. } => "padded",
            Division::Unsaid => "unsaid",
            Division::Sizes(_) => "sizes",
            Division::Starts(_) => "starts",
        };
        Ok((layout.count, division))
    }

    #[test]
    fn faces_are_found_in_every_form() {
        const C: &str = "corner_vert";
        let cases: [(&[Array<'_>], (u64, &str)); 13] = [
            (&[(C, "<i4", &[24])], (8, "unsaid")),
            (&[(C, "<i4", &[24, 1])], (8, "unsaid")),
            (&[(C, "<i4", &[6, 4])], (6, "rows")),
            (&[(C, "<i4", &[1, 4])], (1, "rows")),
            (&[(C, "<f4", &[24]), ("face_size", "|i1", &[6])], (6, "sizes")),
            (&[(C, "<i4", &[24]), ("face_size", "<f8", &[6, 1])], (6, "sizes")),
            (&[(C, "<i4", &[4]), ("face_size", "<i4", &[1, 1])], (1, "sizes")),
            (&[(C, "<i4", &[4]), ("face_size", "<i4", &[])], (1, "sizes")),
            (&[(C, "<i4", &[1, 24]), ("face_size", "<i4", &[6])], (6, "sizes")),
            (&[(C, "<i4", &[12, 2]), ("face_size", "<i4", &[6])], (6, "sizes")),
            (&[(C, "<i4", &[6, 4]), ("face_size", "<i4", &[6])], (6, "padded")),
            (&[(C, "<i4", &[24]), ("face_start", "<u8", &[1, 6])], (6, "starts")),
            (&[(C, "<i4", &[0]), ("face_size", "<i4", &[0])], (0, "sizes")),
        ];
        for (arrays, expected) in cases {
            assert_eq!(of(arrays), Ok(expected), "{arrays:?}");
        }
        let refused: [(&[Array<'_>], &str); 6] = [
            (&[(C, "|b1", &[24])], "type |b1"),
            (&[(C, "<i4", &[24]), ("face_size", "<c8", &[6])], "type <c8"),
            (
                &[(C, "<i4", &[24]), ("face_size", "<i4", &[3, 2])],
                "one number for each",
            ),
            (&[(C, "<i4", &[12, 2])], "12 rows of 2"),
            (&[(C, "<i4", &[2, 3, 4])], "shape [2, 3, 4]"),
            (&[(C, "<i4", &[24]), ("face_size", "<i4", &[0])], "is empty"),
        ];
        for (arrays, reason) in refused {
            let why = of(arrays).expect_err("no faces");
            assert!(why.contains(reason), "{why}");
        }
    }
}
