//! How far the points of a buffer reach, and the camera that sees all of them.

use super::camera::{Camera, Extent, Orientation};
use super::points::{Points, Share};
use super::sheet;
use super::source::Source;
use crate::error::LookError;

/// Most points that are looked at, of all frames together: about a second's work.
const MAX_POINTS: u64 = 1 << 27;

/// The result of looking at points.
pub(super) struct Survey {
    pub(super) camera: Camera,
    pub(super) low: [f32; 3],
    pub(super) high: [f32; 3],
    /// Positions with values that are NaN or infinite.
    pub(super) not_finite: u64,
    /// One chunk of points in this many was looked at.
    pub(super) chunks: u64,
}

impl Survey {
    /// Looks at the points of the frames that are shown, and of others besides, so that the camera is much the same
    /// whatever frame is asked for.
    pub(super) fn of(
        source: &Source<'_>,
        points: &Points<'_>,
        shown: &[u64],
        orientation: Orientation,
    ) -> Result<Self, LookError> {
        let mut frames = sheet::evenly_spaced(points.frames);
        frames.extend(shown);
        frames.sort_unstable();
        frames.dedup();
        let all = points.count.saturating_mul(frames.len() as u64);
        let chunks = all.div_ceil(MAX_POINTS).max(1);
        let mut extent = Extent::new(orientation);
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        let (mut finite, mut not_finite) = (0_u64, 0);
        for frame in frames {
            points.read(source, frame, Share { chunks, step: 1 }, |point| {
                if point.iter().all(|value| value.is_finite()) {
                    finite += 1;
                    extent.add(point);
                    low = [0, 1, 2].map(|axis| low[axis].min(point[axis]));
                    high = [0, 1, 2].map(|axis| high[axis].max(point[axis]));
                } else {
                    not_finite += 1;
                }
                Ok(())
            })?;
        }
        if let Some(camera) = extent.camera() {
            return Ok(Self {
                camera,
                low,
                high,
                not_finite,
                chunks,
            });
        }
        Err(match (finite, not_finite) {
            (0, 0) => LookError::NoPoints,
            (0, _) => LookError::NowhereFinite { one_in: chunks },
            _ => LookError::OnePlace {
                one_in: chunks,
                place: low,
            },
        })
    }
}
