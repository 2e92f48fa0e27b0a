//! The faces of a mesh in order.

use dcc_mcp_shm::DataReader;

use crate::error::LookError;
use crate::memory;
use crate::mesh_layout::{Division, FacesLayout, IndexArray, MAX_CORNERS};
use crate::number_stream::Numbers;
use crate::progress::Progress;

/// A face.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Face<'a> {
    /// The points of three or more corners.
    Corners(&'a [u32]),
    /// It has fewer than three corners, or corners that are not there.
    Damaged,
}

/// Reads faces in order.
pub(super) struct FaceStream<'a> {
    corners: Numbers<'a, u32>,
    /// How many corners there are, and how many were read.
    total: u64,
    at: u64,
    spans: Spans<'a>,
    left: u64,
    /// Corners that were passed by.
    skipped: u64,
    points: Vec<u32>,
}

/// How many corners each face has.
enum Spans<'a> {
    Even(u64),
    Padded(u64, Numbers<'a, u32>),
    Sizes(Numbers<'a, u32>),
    /// The first corner of the next face, and the starts of those behind it.
    Starts(Option<u32>, Numbers<'a, u32>),
}

impl<'a> FaceStream<'a> {
    pub(super) fn new(reader: &'a DataReader, faces: &FacesLayout<'a>, progress: &'a dyn Progress) -> Self {
        let numbers = |array: IndexArray<'a>| Numbers::new(reader, array.array, array.decode, progress);
        let spans = match faces.division {
            Division::Rows(each) => Spans::Even(each),
            Division::Unsaid => Spans::Even(faces.corners_of_each().unwrap_or(1)),
            Division::PaddedRows { each, sizes } => Spans::Padded(each, numbers(sizes)),
            Division::Sizes(sizes) => Spans::Sizes(numbers(sizes)),
            Division::Starts(starts) => Spans::Starts(None, numbers(starts)),
        };
        Self {
            corners: numbers(faces.corner_vert),
            total: faces.corner_vert.len,
            at: 0,
            spans,
            left: faces.count,
            skipped: 0,
            points: Vec::new(),
        }
    }

    /// Corners that belong to none of the faces that were read.
    pub(super) fn loose(&self) -> u64 {
        self.skipped + (self.total - self.at)
    }

    /// The next face; `None` behind the last one.
    pub(super) fn next_face(&mut self) -> Result<Option<Face<'_>>, LookError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        // How many corners the face has, and how many behind them belong to none.
        let (count, skipped) = match &mut self.spans {
            Spans::Even(each) => (*each, 0),
            Spans::Padded(each, sizes) => {
                let size = u64::from(sizes.next_number()?.unwrap_or(0));
                if size <= *each {
                    (size, *each - size)
                } else {
                    (0, *each)
                }
            }
            Spans::Sizes(sizes) => (sizes.next_number()?.unwrap_or(0).into(), 0),
            Spans::Starts(next, starts) => {
                let start = match next.take() {
                    Some(start) => u64::from(start),
                    None => starts.next_number()?.unwrap_or(0).into(),
                };
                *next = starts.next_number()?;
                let end = next.map_or(self.total, u64::from);
                // Starts that go back, or corners before the first start, cannot be read in order.
                if start < self.at || end < start {
                    return Ok(Some(Face::Damaged));
                }
                while self.at < start {
                    self.corners.next_number()?;
                    self.at += 1;
                    self.skipped += 1;
                }
                (end - start, 0)
            }
        };
        if count > self.total - self.at || count > MAX_CORNERS {
            // Nothing that follows can be found.
            self.at = self.total;
            return Ok(Some(Face::Damaged));
        }
        self.at += count + skipped;
        self.skipped += skipped;
        self.points.clear();
        memory::reserve(&mut self.points, usize::try_from(count).unwrap_or(usize::MAX))?;
        for _ in 0..count {
            self.points.extend(self.corners.next_number()?);
        }
        for _ in 0..skipped {
            self.corners.next_number()?;
        }
        Ok(Some(if self.points.len() < 3 {
            Face::Damaged
        } else {
            Face::Corners(&self.points)
        }))
    }
}
