//! The faces of a mesh, read by their index: which corners belong together.

use dcc_mcp_shm::PlacedArray;
use indexmap::IndexMap;

use super::element;
use super::size::size;
use super::source::{Part, Source};
use crate::decode::Decode;
use crate::error::LookError;
use crate::memory;

/// Most corners of one face. Faces of meshes have fewer; a damaged size may say billions.
const MAX_CORNERS: u64 = 1 << 16;
/// Corners of each face if a mesh does not say how many its faces have.
const UNSAID_CORNERS: u64 = 3;
/// Faces of a group, whose sizes are added up together.
const TOGETHER: usize = 1 << 12;
/// Most faces that are found by adding up sizes, because all sizes are read for that.
const MAX_SIZES: u64 = 1 << 28;

/// How a mesh says where its faces are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faces<'a> {
    corner_vert: &'a PlacedArray,
    division: Division<'a>,
    /// How many faces there are.
    pub(super) count: u64,
}

#[derive(Debug, Clone, Copy)]
enum Division<'a> {
    /// All faces have the same number of corners.
    Even(u64),
    /// The mesh does not say it, so each face has three corners.
    Unsaid,
    /// An array has the number of corners of each face.
    Sizes(&'a PlacedArray),
    /// An array has the first corner of each face.
    Starts(&'a PlacedArray),
}

/// The corners from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    fn is_face_of(self, corners: u64) -> bool {
        let count = self.end.checked_sub(self.start);
        self.end <= corners && count.is_some_and(|count| (3..=MAX_CORNERS).contains(&count))
    }
}

impl<'a> Faces<'a> {
    /// The faces that these arrays describe, if they do.
    pub(super) fn of(arrays: &'a IndexMap<String, PlacedArray>) -> Option<Self> {
        let integers = |name: &str| arrays.get(name).filter(|array| element::indices(array.dtype).is_some());
        let corner_vert = integers("corner_vert")?;
        let list = |name: &str| integers(name).filter(|array| array.shape.len() == 1);
        let (division, count) = match corner_vert.shape[..] {
            [faces, corners] if (3..=MAX_CORNERS).contains(&corners) => (Division::Even(corners), faces),
            [corners] => match (list("face_size"), list("face_start")) {
                (Some(sizes), _) => (Division::Sizes(sizes), sizes.shape[0]),
                (None, Some(starts)) => (Division::Starts(starts), starts.shape[0]),
                (None, None) => (Division::Unsaid, corners / UNSAID_CORNERS),
            },
            _ => return None,
        };
        Some(Self {
            corner_vert,
            division,
            count,
        })
    }

    /// Whether faces are taken for triangles because the scene does not say how many corners they have.
    pub(super) fn are_taken_for_triangles(&self) -> bool {
        matches!(self.division, Division::Unsaid)
    }

    /// Whether each face can be found without adding up too many sizes.
    pub(super) fn can_be_found(&self) -> bool {
        !matches!(self.division, Division::Sizes(_)) || self.count <= MAX_SIZES
    }

    /// Makes ready to read faces by their index.
    pub(super) fn open(&self, source: &'a Source<'a>) -> Result<FaceReader<'a>, LookError> {
        source.plan(self.corner_vert.size());
        let spans = match self.division {
            Division::Even(each) => Spans::Even(each),
            Division::Unsaid => Spans::Even(UNSAID_CORNERS),
            Division::Sizes(sizes) => Spans::Sizes(Sizes::new(source, sizes, self.count)?),
            Division::Starts(starts) => Spans::Starts(Numbers::new(source, starts), self.count),
        };
        Ok(FaceReader {
            corners: self.corner_vert.shape.iter().product(),
            corner_vert: Numbers::new(source, self.corner_vert),
            spans,
            points: Vec::new(),
        })
    }
}

/// Reads faces by their index, fastest in ascending order.
pub(super) struct FaceReader<'a> {
    corner_vert: Numbers<'a>,
    /// How many corners all faces have together.
    corners: u64,
    spans: Spans<'a>,
    points: Vec<u32>,
}

impl FaceReader<'_> {
    /// The points of a face's corners; `None` if it has fewer than three corners, or too many, or corners that do not exist.
    pub(super) fn read(&mut self, face: u64) -> Result<Option<&[u32]>, LookError> {
        let span = self.spans.of(face, self.corners)?;
        if !span.is_face_of(self.corners) {
            return Ok(None);
        }
        self.points.resize(size(span.end - span.start), 0);
        self.corner_vert.read(span.start, &mut self.points)?;
        Ok(Some(&self.points))
    }
}

/// Where the corners of each face are.
enum Spans<'a> {
    Even(u64),
    Sizes(Sizes<'a>),
    /// First corners, and how many faces there are.
    Starts(Numbers<'a>, u64),
}

impl Spans<'_> {
    fn of(&mut self, face: u64, corners: u64) -> Result<Span, LookError> {
        match self {
            Self::Even(each) => Ok(Span {
                start: face * *each,
                end: (face + 1) * *each,
            }),
            Self::Sizes(sizes) => sizes.span(face),
            Self::Starts(starts, count) => {
                // A face ends where the next one starts, and the last face with the last corner.
                let mut found = [0; 2];
                let is_last = face + 1 == *count;
                starts.read(face, &mut found[..if is_last { 1 } else { 2 }])?;
                Ok(Span {
                    start: found[0].into(),
                    end: if is_last { corners } else { found[1].into() },
                })
            }
        }
    }
}

/// Finds faces by adding up their sizes.
struct Sizes<'a> {
    numbers: Numbers<'a>,
    source: &'a Source<'a>,
    count: u64,
    /// The first corner of each group of faces.
    starts: Vec<u64>,
    /// The group that was read last: its number, the first corner of each of its faces, and the end of the last face.
    group: usize,
    ends: Vec<u64>,
}

impl<'a> Sizes<'a> {
    fn new(source: &'a Source<'a>, sizes: &PlacedArray, count: u64) -> Result<Self, LookError> {
        source.plan(sizes.size());
        let groups = size(count).div_ceil(TOGETHER);
        let mut new = Self {
            numbers: Numbers::new(source, sizes),
            source,
            count,
            starts: memory::with_room(groups)?,
            group: usize::MAX,
            ends: vec![0],
        };
        let mut end = 0;
        for group in 0..groups {
            new.starts.push(end);
            new.open(group)?;
            end = new.ends.last().copied().unwrap_or_default();
        }
        Ok(new)
    }

    fn open(&mut self, group: usize) -> Result<(), LookError> {
        let first = group * TOGETHER;
        let mut sizes = [0; TOGETHER];
        let sizes = &mut sizes[..TOGETHER.min(size(self.count) - first)];
        self.numbers.read(first as u64, sizes)?;
        let mut end = self.starts[group];
        self.ends.clear();
        self.ends.push(end);
        self.ends.extend(sizes.iter().map(|&size| {
            end = end.saturating_add(size.into());
            end
        }));
        self.group = group;
        self.source.spend(TOGETHER as u64)
    }

    fn span(&mut self, face: u64) -> Result<Span, LookError> {
        let (group, within) = (size(face) / TOGETHER, size(face) % TOGETHER);
        if group != self.group {
            self.open(group)?;
        }
        Ok(Span {
            start: self.ends[within],
            end: self.ends[within + 1],
        })
    }
}

/// An array of integers, read from anywhere in it.
struct Numbers<'a> {
    bytes: Part<'a>,
    width: u64,
    decode: Option<Decode<u32>>,
    raw: Vec<u8>,
}

impl<'a> Numbers<'a> {
    fn new(source: &'a Source<'a>, array: &PlacedArray) -> Self {
        Self {
            bytes: source.array(array),
            width: array.dtype.size() as u64,
            decode: element::indices(array.dtype),
            raw: Vec::new(),
        }
    }

    fn read(&mut self, first: u64, numbers: &mut [u32]) -> Result<(), LookError> {
        self.raw.resize(numbers.len() * size(self.width), 0);
        self.bytes.read(first * self.width, &mut self.raw)?;
        if let Some(decode) = self.decode {
            decode(&self.raw, numbers);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_too_few_corners_or_corners_that_are_not_there_is_no_face() {
        let spans = [(0, 3), (3, 7), (7, 9), (9, 9), (5, 2), (10, 13), (0, u64::MAX), (9, 12)];
        let faces = spans.map(|(start, end)| Span { start, end }.is_face_of(12));
        assert_eq!(faces, [true, true, false, false, false, false, false, true]);
        let many = |end| Span { start: 1, end }.is_face_of(u64::MAX);
        assert!(many(1 + MAX_CORNERS) && !many(2 + MAX_CORNERS));
    }
}
