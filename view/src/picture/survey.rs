//! How far the points of a buffer reach, and the cameras that see most of them.

use super::bounds::Bounds;
use super::camera::{Camera, Extent, Orientation};
use super::points::Share;
use super::sheet;
use super::source::Source;
use super::usual::{Kept, Usual, distance};
use crate::coordinates::Reach;
use crate::error::LookError;
use crate::mesh_layout::PointsLayout;

/// Most points that are looked at, of all frames together: about a second's work.
const MAX_POINTS: u64 = 1 << 27;
/// Points that are looked at together.
const BLOCK: usize = 256;
/// Most points that are looked at of frames that are not shown, to say how far the whole cache reaches.
const MAX_OTHER_POINTS: u64 = 1 << 25;

/// The result of looking at points.
pub(super) struct Survey {
    /// One for each side.
    pub(super) cameras: Vec<Camera>,
    /// The points of the frames that are shown.
    pub(super) shown: Bounds,
    /// The points of all frames that were looked at, and how many frames these are.
    pub(super) all: Bounds,
    pub(super) frames: u64,
    /// One chunk of points in this many was looked at.
    pub(super) chunks: u64,
    /// What the picture does not take in, if it does not take in everything.
    pub(super) outside: Option<Outside>,
}

/// Stray points of the frames that are shown, beside the box of all others.
pub(super) struct Outside {
    pub(super) count: u64,
    /// The box of the points that are not stray.
    pub(super) framed: Reach,
    /// The stray point that lies furthest from the middle of the others, and its distance along an axis.
    pub(super) furthest: [f64; 3],
    pub(super) distance: f64,
}

/// A look at the points of some frames.
struct Look<'a> {
    source: &'a Source<'a>,
    points: &'a PointsLayout<'a>,
    frames: Vec<u64>,
    shown: &'a [u64],
    chunks: u64,
    orientations: &'a [Orientation],
}

/// What the first look at all points gave.
struct Found {
    /// How far the points reach as each side sees them; empty if there is none.
    extents: Vec<Extent>,
    shown: Bounds,
    all: Bounds,
    kept: Kept,
}

impl Survey {
    /// Looks at the points of the frames that are shown, and of others besides, so that the cameras are much the same
    /// whatever frame is asked for.
    pub(super) fn of(
        source: &Source<'_>,
        points: &PointsLayout<'_>,
        shown: &[u64],
        orientations: &[Orientation],
    ) -> Result<Self, LookError> {
        let most = MAX_OTHER_POINTS.checked_div(points.count).unwrap_or(0);
        let mut frames = sheet::surveyed(points.frames, most);
        frames.extend(shown);
        frames.sort_unstable();
        frames.dedup();
        let all = points.count.saturating_mul(frames.len() as u64);
        let look = Look {
            source,
            points,
            frames,
            shown,
            chunks: all.div_ceil(MAX_POINTS).max(1),
            orientations,
        };
        let found = look.at_all()?;
        let chunks = look.chunks;
        if found.shown.finite == 0 {
            return Err(match found.shown.not_finite {
                0 => LookError::NoPoints,
                _ => LookError::NowhereFinite { one_in: chunks },
            });
        }
        let usual = found.kept.usual(&found.all.reach)?;
        let (extents, outside) = match usual {
            Some(usual) => look.at_usual(usual)?,
            None => (found.extents, None),
        };
        let cameras: Option<Vec<_>> = extents.iter().map(Extent::camera).collect();
        Ok(Self {
            cameras: cameras.ok_or(LookError::OnePlace {
                one_in: chunks,
                place: found.all.reach.low,
            })?,
            shown: found.shown,
            all: found.all,
            frames: look.frames.len() as u64,
            chunks,
            outside,
        })
    }
}

impl Look<'_> {
    /// Calls `use_points` with some points after the other of each frame, and says whether the frame is shown.
    fn each(&self, mut use_points: impl FnMut(&[[f64; 3]], bool) -> Result<(), LookError>) -> Result<(), LookError> {
        let share = Share {
            chunks: self.chunks,
            step: 1,
        };
        for &frame in &self.frames {
            let is_shown = self.shown.contains(&frame);
            self.points.read_chunks(self.source, frame, share, |_, points| {
                let mut blocks = points.chunks(BLOCK);
                blocks.try_for_each(|block| use_points(block, is_shown))
            })?;
        }
        Ok(())
    }

    /// Nothing yet, as each side will see it from around a place.
    fn extents(&self, origin: [f64; 3]) -> Vec<Extent> {
        let around = self.orientations.iter().map(|orientation| orientation.around(origin));
        around.map(Extent::new).collect()
    }

    fn at_all(&self) -> Result<Found, LookError> {
        let mut extents: Vec<Extent> = Vec::new();
        let (mut shown, mut others, mut kept) = (Bounds::new(), Bounds::new(), Kept::new()?);
        self.each(|points, is_shown| {
            let bounds = if is_shown { &mut shown } else { &mut others };
            // Most blocks of a mesh lie among points that were looked at before.
            let is_inside = |block: &Bounds| extents.iter().all(|extent| extent.takes_in(&block.reach));
            if let Some(block) = Bounds::around(points).filter(|block| !extents.is_empty() && is_inside(block)) {
                bounds.merge(&block);
                kept.add_all(points);
                return Ok(());
            }
            for &point in points {
                if bounds.add(point) {
                    if extents.is_empty() {
                        extents = self.extents(point);
                    }
                    for extent in &mut extents {
                        extent.add(point);
                    }
                    kept.add(point);
                }
            }
            Ok(())
        })?;
        let mut all = others;
        all.merge(&shown);
        Ok(Found {
            extents,
            shown,
            all,
            kept,
        })
    }

    /// Looks once more, at what is not stray by itself.
    fn at_usual(&self, usual: Usual) -> Result<(Vec<Extent>, Option<Outside>), LookError> {
        let mut extents = self.extents(usual.middle);
        let (mut framed, mut count, mut furthest) = (Bounds::new(), 0, usual.middle);
        self.each(|points, is_shown| {
            for &point in points {
                if !point.iter().all(|value| value.is_finite()) {
                    continue;
                }
                if usual.has(point) {
                    for extent in &mut extents {
                        extent.add(point);
                    }
                    framed.add(point);
                } else if is_shown {
                    count += 1;
                    if distance(point, usual.middle) > distance(furthest, usual.middle) {
                        furthest = point;
                    }
                }
            }
            Ok(())
        })?;
        let outside = Outside {
            count,
            framed: framed.reach,
            furthest,
            distance: distance(furthest, usual.middle),
        };
        Ok((extents, Some(outside).filter(|outside| outside.count > 0)))
    }
}
