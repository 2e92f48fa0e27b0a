//! The faces of a mesh, read by their index: which corners belong together.

use super::size::size;
use super::source::{Part, Source};
use crate::decode::Decode;
use crate::error::LookError;
use crate::memory;
use crate::mesh_layout::{Division, FacesLayout, IndexArray, MAX_CORNERS};

/// Faces of a group, whose sizes are added up together.
const TOGETHER: usize = 1 << 12;
/// Most faces that are found by adding up sizes, because all sizes are read for that.
const MAX_SIZES: u64 = 1 << 28;

/// Why corners make no face that can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFace {
    /// There are fewer than three.
    Few,
    /// There are more than [`MAX_CORNERS`].
    Many,
    /// Some of them do not exist.
    Missing,
}

/// The corners from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// How many corners a face has whose corners are these, of `corners` in all.
    fn len_of_face(self, corners: u64) -> Result<u64, NoFace> {
        match self.end.checked_sub(self.start) {
            Some(0..=2) => Err(NoFace::Few),
            Some(count) if self.end <= corners && count <= MAX_CORNERS => Ok(count),
            Some(_) if self.end <= corners => Err(NoFace::Many),
            _ => Err(NoFace::Missing),
        }
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

/// Whether each face can be found without adding up too many sizes.
pub(super) fn can_be_found(faces: &FacesLayout<'_>) -> bool {
    !matches!(faces.division, Division::Sizes(_)) || faces.count <= MAX_SIZES
}

impl<'a> FaceReader<'a> {
    pub(super) fn new(source: &'a Source<'a>, faces: &FacesLayout<'a>) -> Result<Self, LookError> {
        source.plan(faces.corner_vert.array.size());
        let spans = match faces.division {
            Division::Sizes(sizes) => Spans::Sizes(Sizes::new(source, sizes)?),
            Division::Starts(starts) => Spans::Starts(Numbers::new(source, starts), faces.count),
            Division::PaddedRows { each, sizes } => Spans::Padded(each, Numbers::new(source, sizes)),
            Division::Rows(_) | Division::Unsaid => Spans::Even(faces.corners_of_each().unwrap_or(1)),
        };
        Ok(Self {
            corners: faces.corner_vert.len,
            corner_vert: Numbers::new(source, faces.corner_vert),
            spans,
            points: Vec::new(),
        })
    }
}

impl FaceReader<'_> {
    /// The points of a face's corners, or why it is no face.
    pub(super) fn read(&mut self, face: u64) -> Result<Result<&[u32], NoFace>, LookError> {
        let span = self.spans.of(face, self.corners)?;
        let count = match span.len_of_face(self.corners) {
            Ok(count) => size(count),
            Err(why) => return Ok(Err(why)),
        };
        memory::resize(&mut self.points, count, 0)?;
        self.corner_vert.read(span.start, &mut self.points)?;
        Ok(Ok(&self.points))
    }
}

/// Where the corners of each face are.
enum Spans<'a> {
    Even(u64),
    /// Corners of a row, and how many of them the face has.
    Padded(u64, Numbers<'a>),
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
            Self::Padded(each, sizes) => {
                let mut size = [0];
                sizes.read(face, &mut size)?;
                let (start, size) = (face * *each, u64::from(size[0]));
                // More corners than the row has are not there.
                let end = if size <= *each { start + size } else { u64::MAX };
                Ok(Span { start, end })
            }
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
    fn new(source: &'a Source<'a>, sizes: IndexArray<'a>) -> Result<Self, LookError> {
        let count = sizes.len;
        source.plan(sizes.array.size());
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

/// An array of indices, read from anywhere in it.
struct Numbers<'a> {
    bytes: Part<'a>,
    width: u64,
    decode: Decode<u32>,
    raw: Vec<u8>,
}

impl<'a> Numbers<'a> {
    fn new(source: &'a Source<'a>, numbers: IndexArray<'a>) -> Self {
        Self {
            bytes: source.array(numbers.array),
            width: numbers.array.dtype.size() as u64,
            decode: numbers.decode,
            raw: Vec::new(),
        }
    }

    fn read(&mut self, first: u64, numbers: &mut [u32]) -> Result<(), LookError> {
        memory::resize(&mut self.raw, numbers.len() * size(self.width), 0)?;
        self.bytes.read(first * self.width, &mut self.raw)?;
        (self.decode)(&self.raw, numbers);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_face_says_why() {
        use NoFace::{Few, Many, Missing};
        let spans = [(0, 3), (3, 7), (7, 9), (9, 9), (5, 2), (10, 13), (0, u64::MAX), (9, 12)];
        let faces = spans.map(|(start, end)| Span { start, end }.len_of_face(12));
        assert_eq!(
            faces,
            [
                Ok(3),
                Ok(4),
                Err(Few),
                Err(Few),
                Err(Missing),
                Err(Missing),
                Err(Missing),
                Ok(3)
            ]
        );
        let many = |end| Span { start: 1, end }.len_of_face(u64::MAX);
        assert_eq!(many(1 + MAX_CORNERS), Ok(MAX_CORNERS));
        assert_eq!(many(2 + MAX_CORNERS), Err(Many));
    }
}
