//! Drawing points as balls, within a bounded amount of work: all points, or some of them.

use super::camera::Camera;
use super::points::Share;
use super::raster::Samples;
use super::source::Source;
use super::tally::Tally;
use crate::error::LookError;
use crate::mesh_layout::PointsLayout;

/// Most points that are drawn: several for each sample of a picture.
const MAX_DRAWN: u64 = 1 << 22;
/// What it costs to draw a point, beside the samples of its ball.
const POINT: u64 = 16;
/// Largest radius of the balls, in shares of the picture's edge.
const MAX_RADIUS: f32 = 0.009;
/// Least radius, in samples, because smaller balls would fall between them.
const MIN_RADIUS: f32 = 1.5;

/// The share of points that is drawn of each of `frames` frames, if one chunk of points in `chunks` is read.
pub(super) fn share(points: &PointsLayout<'_>, frames: u64, chunks: u64) -> Share {
    let read = points.count.saturating_mul(frames) / chunks;
    Share {
        chunks,
        step: read.div_ceil(MAX_DRAWN).max(1),
    }
}

/// Draws a share of the points of a frame.
pub(super) fn draw(
    source: &Source<'_>,
    points: &PointsLayout<'_>,
    frame: u64,
    share: Share,
    camera: &Camera,
    edge: usize,
    drawing: &mut Tally,
) -> Result<Samples, LookError> {
    let mut samples = Samples::new(edge)?;
    let projection = camera.projection(edge);
    let radius = radius(points.count.div_ceil(share.one_in()), edge);
    points.read(source, frame, share, |point| {
        let seen = camera.seen(point);
        // A stray point may be where the eye is.
        if seen[0].is_nan() || seen[2] > projection.nearest() {
            return Ok(());
        }
        drawing.drawn += 1;
        source.spend(POINT + samples.ball(projection.project(seen), radius, None))
    })?;
    drawing.covered += samples.covered();
    Ok(samples)
}

/// The radius of `count` balls, which leave gaps if they are few, and close up if they are many.
#[expect(clippy::cast_precision_loss, reason = "a size in a picture")]
pub(super) fn radius(count: u64, edge: usize) -> f32 {
    let edge = edge as f32;
    (0.6 * edge / (count as f32).sqrt())
        .min(MAX_RADIUS * edge)
        .max(MIN_RADIUS)
}
