//! Positions: of a mesh, or of one frame of an animation cache after the other.

use dcc_mcp_shm::PlacedArray;

use super::element::{self, Read};
use super::size;
use super::source::Source;
use crate::reply::ToolError;

/// Most points that are held, at 12 bytes each. Of more, evenly spaced ones are read.
const MAX_POINTS: u64 = 1 << 24;
/// Points read at a time, about.
const CHUNK: u64 = 1 << 16;

/// An array of positions.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    array: &'a PlacedArray,
    decode: Read<f32>,
    /// How many frames there are; a mesh has one.
    pub(super) frames: u64,
    /// Points of each frame.
    pub(super) count: u64,
    /// Every how many-th point is read.
    pub(super) stride: u64,
}

impl<'a> Points<'a> {
    /// The points of an array of shape (points, 3) or (frames, points, 3) in floating point.
    pub(super) fn of(array: &'a PlacedArray) -> Option<Self> {
        let (frames, count) = match array.shape[..] {
            [count, 3] => (1, count),
            [frames, count, 3] => (frames, count),
            _ => return None,
        };
        Some(Self {
            array,
            decode: element::reals(array.dtype)?,
            frames,
            count,
            stride: count.div_ceil(MAX_POINTS).max(1),
        })
    }

    /// Whether there are so many points that some are passed over.
    pub(super) fn is_sampled(&self) -> bool {
        self.stride > 1
    }

    /// Reads the points of one frame in order.
    pub(super) fn read(
        &self,
        source: &Source<'_>,
        frame: u64,
        mut use_points: impl FnMut(&mut dyn Iterator<Item = [f32; 3]>),
    ) -> Result<(), ToolError> {
        let width = 3 * self.array.dtype.size() as u64;
        let len = self.count * width;
        let mut bytes = source.part(self.array.offset + frame * len, len);
        let chunk = (CHUNK / self.stride).max(1) * self.stride;
        let (mut raw, mut values) = (Vec::new(), Vec::new());
        let mut first = 0;
        while first < self.count {
            let count = chunk.min(self.count - first);
            raw.resize(size(count * width), 0);
            values.resize(size(count * 3), 0.0);
            bytes.read(first * width, &mut raw)?;
            (self.decode)(&raw, &mut values);
            use_points(&mut values.as_chunks().0.iter().copied().step_by(size(self.stride)));
            first += count;
        }
        Ok(())
    }
}
