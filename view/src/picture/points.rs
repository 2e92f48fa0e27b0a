//! Reading the positions of a mesh, or of the frames of an animation cache, in order.

use super::size::size;
use super::source::Source;
use crate::error::LookError;
use crate::memory;
use crate::mesh_layout::PointsLayout;

/// Points read at a time.
const CHUNK: u64 = 1 << 16;
/// What it costs to look at a point, beside reading it.
const POINT: u64 = 8;

/// Which points are looked at: one chunk of points in `chunks` is read, and of it the points whose index is a multiple
/// of `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) chunks: u64,
    pub(super) step: u64,
}

impl Share {
    /// About one point in this many is looked at.
    pub(super) fn one_in(self) -> u64 {
        self.chunks.saturating_mul(self.step)
    }
}

impl PointsLayout<'_> {
    /// Reads a share of the points of one frame in order.
    pub(super) fn read(
        &self,
        source: &Source<'_>,
        frame: u64,
        share: Share,
        mut use_point: impl FnMut([f64; 3]) -> Result<(), LookError>,
    ) -> Result<(), LookError> {
        self.read_chunks(source, frame, share, |first, points| {
            let before = first.next_multiple_of(share.step) - first;
            let points = points.iter().skip(size(before));
            points.step_by(size(share.step)).try_for_each(|&point| use_point(point))
        })
    }

    /// Reads a share of the points of one frame in order, and gives all points of each chunk with the index of its first.
    pub(super) fn read_chunks(
        &self,
        source: &Source<'_>,
        frame: u64,
        share: Share,
        mut use_points: impl FnMut(u64, &[[f64; 3]]) -> Result<(), LookError>,
    ) -> Result<(), LookError> {
        source.plan(self.frame_bytes() / share.chunks);
        let mut bytes = source.array(self.array);
        let most = size(CHUNK.min(self.count));
        let mut raw = memory::filled(most * size(self.width()), 0)?;
        let mut values = memory::filled(most * 3, 0.0)?;
        for chunk in (0..self.count.div_ceil(CHUNK)).step_by(size(share.chunks)) {
            let first = chunk * CHUNK;
            let count = size(CHUNK.min(self.count - first));
            let raw = &mut raw[..count * size(self.width())];
            bytes.read(frame * self.frame_bytes() + first * self.width(), raw)?;
            let values = &mut values[..count * 3];
            (self.decode)(raw, values);
            use_points(first, values.as_chunks().0)?;
            source.spend(count as u64 / share.step * POINT)?;
        }
        Ok(())
    }
}
