//! The faces of a mesh: which of its corners belong together, read batch by batch.

use std::ops::Range;

use dcc_mcp_shm::PlacedArray;
use indexmap::IndexMap;

use super::element::{self, Read};
use super::size;
use super::source::{Bytes, Source};
use crate::reply::ToolError;

/// Most corners of one face. A real one has fewer; a number that is none may have billions.
const MAX_CORNERS: u64 = 1 << 16;
/// Most faces and most corners of a batch: milliseconds of work.
const BATCH_FACES: u64 = 1 << 15;
const BATCH_CORNERS: u64 = 1 << 19;

/// Corners of a face of which nothing is said.
const UNSAID_CORNERS: u64 = 3;

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
    /// All have the same number of corners.
    Even(u64),
    /// Nothing is said, so three corners each.
    Unsaid,
    /// Each has its number of corners.
    Sizes(&'a PlacedArray),
    /// Each has its first corner.
    Starts(&'a PlacedArray),
}

/// Some faces, with the points of their corners.
#[derive(Debug)]
pub(super) struct Batch {
    points: Vec<u32>,
    /// Where among the points each face begins and ends.
    faces: Vec<Span>,
    /// Faces that are left out: they have fewer than three corners, or too many, or corners that are not there.
    pub(super) broken: u64,
}

impl Batch {
    /// The points of each face.
    pub(super) fn faces(&self) -> impl Iterator<Item = &[u32]> {
        self.faces
            .iter()
            .map(|face| &self.points[size(face.start)..size(face.end)])
    }
}

/// From one corner to before another.
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

    /// Whether the scene does not say how many corners faces have.
    pub(super) fn are_taken_for_triangles(&self) -> bool {
        matches!(self.division, Division::Unsaid)
    }

    /// Reads all faces, in batches.
    pub(super) fn read(&self, source: &'a Source<'_>, mut use_batch: impl FnMut(Batch)) -> Result<(), ToolError> {
        let corners = self.corner_vert.shape.iter().product();
        let mut points = Numbers::new(source, self.corner_vert);
        let mut spans = Spans::new(source, self.division);
        let mut first = 0;
        while first < self.count {
            let count = (self.count - first).min(BATCH_FACES);
            for window in windows(&spans.read(first..first + count, self.count, corners)?, corners) {
                let mut batch = Batch {
                    points: vec![0; size(window.corners.end - window.corners.start)],
                    faces: window.faces,
                    broken: window.broken,
                };
                points.read(window.corners.start, &mut batch.points)?;
                use_batch(batch);
            }
            first += count;
        }
        Ok(())
    }
}

/// Where faces are, read in order.
enum Spans<'a> {
    Even(u64),
    /// Sizes, and where the last face that was read ends.
    Sizes(Numbers<'a>, u64),
    Starts(Numbers<'a>),
}

impl<'a> Spans<'a> {
    fn new(source: &'a Source<'_>, division: Division<'_>) -> Self {
        match division {
            Division::Even(each) => Self::Even(each),
            Division::Unsaid => Self::Even(UNSAID_CORNERS),
            Division::Sizes(sizes) => Self::Sizes(Numbers::new(source, sizes), 0),
            Division::Starts(starts) => Self::Starts(Numbers::new(source, starts)),
        }
    }

    /// The next of `all` faces.
    fn read(&mut self, faces: Range<u64>, all: u64, corners: u64) -> Result<Vec<Span>, ToolError> {
        let count = size(faces.end - faces.start);
        match self {
            Self::Even(each) => {
                let span = |face: u64| Span {
                    start: face * *each,
                    end: (face + 1) * *each,
                };
                Ok(faces.map(span).collect())
            }
            Self::Sizes(sizes, end) => {
                let mut numbers = vec![0; count];
                sizes.read(faces.start, &mut numbers)?;
                let span = |size| {
                    let start = *end;
                    *end = start.saturating_add(u64::from(size));
                    Span { start, end: *end }
                };
                Ok(numbers.into_iter().map(span).collect())
            }
            Self::Starts(starts) => {
                // A face ends where the next one starts, and the last with the corners.
                let mut numbers = vec![0; size((faces.end + 1).min(all) - faces.start)];
                starts.read(faces.start, &mut numbers)?;
                let mut ends: Vec<u64> = numbers.into_iter().map(u64::from).collect();
                ends.resize(count + 1, corners);
                let spans = ends.windows(2).map(|pair| Span {
                    start: pair[0],
                    end: pair[1],
                });
                Ok(spans.collect())
            }
        }
    }
}

/// Faces whose corners lie close together.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    /// The corners of all of them.
    corners: Span,
    /// Each, counted from the first of these corners.
    faces: Vec<Span>,
    /// What was passed over because it is no face.
    broken: u64,
}

impl Window {
    fn at(start: u64) -> Self {
        Self {
            corners: Span { start, end: start },
            faces: Vec::new(),
            broken: 0,
        }
    }
}

/// Groups faces so that the corners of each group can be read at once.
fn windows(spans: &[Span], corners: u64) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut window = Window::at(0);
    for &span in spans {
        if !span.is_face_of(corners) {
            window.broken += 1;
            continue;
        }
        let is_close = span.start >= window.corners.start && span.end - window.corners.start <= BATCH_CORNERS;
        if window.faces.is_empty() || !is_close {
            let broken = std::mem::take(&mut window.broken);
            if !window.faces.is_empty() {
                windows.push(window);
            }
            window = Window::at(span.start);
            window.broken = broken;
        }
        let start = window.corners.start;
        window.corners.end = window.corners.end.max(span.end);
        window.faces.push(Span {
            start: span.start - start,
            end: span.end - start,
        });
    }
    windows.push(window);
    windows
}

/// An array of integers, read from anywhere in it.
struct Numbers<'a> {
    bytes: Bytes<'a>,
    width: u64,
    decode: Option<Read<u32>>,
    raw: Vec<u8>,
}

impl<'a> Numbers<'a> {
    fn new(source: &'a Source<'_>, array: &PlacedArray) -> Self {
        Self {
            bytes: source.array(array),
            width: array.dtype.size() as u64,
            decode: element::indices(array.dtype),
            raw: Vec::new(),
        }
    }

    fn read(&mut self, first: u64, numbers: &mut [u32]) -> Result<(), ToolError> {
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

    fn spans(ends: &[(u64, u64)]) -> Vec<Span> {
        ends.iter().map(|&(start, end)| Span { start, end }).collect()
    }

    fn window(corners: (u64, u64), faces: &[(u64, u64)], broken: u64) -> Window {
        Window {
            corners: spans(&[corners])[0],
            faces: spans(faces),
            broken,
        }
    }

    #[test]
    fn faces_are_grouped_and_what_is_none_is_counted() {
        let windows = windows(&spans(&[(0, 3), (3, 7), (7, 9), (9, 9), (5, 2), (7, 10), (10, 13)]), 12);
        assert_eq!(windows, [window((0, 10), &[(0, 3), (3, 7), (7, 10)], 4)]);
    }

    #[test]
    fn faces_far_apart_are_read_apart() {
        let far = 1 << 40;
        let windows = windows(&spans(&[(0, 3), (far, far + 4), (3, 6), (0, far)]), u64::MAX);
        let expected = [
            window((0, 3), &[(0, 3)], 0),
            window((far, far + 4), &[(0, 4)], 0),
            window((3, 6), &[(0, 3)], 1),
        ];
        assert_eq!(windows, expected);
    }

    #[test]
    fn nothing_but_broken_faces_is_still_counted() {
        assert_eq!(
            windows(&spans(&[(0, 0), (9, 3), (0, u64::MAX)]), 9),
            [window((0, 0), &[], 3)]
        );
    }
}
