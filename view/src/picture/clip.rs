//! Cuts off what of a face lies far outside of the picture or behind the viewer, where it cannot be projected.

use dcc_mcp_shm::Error;

use super::camera::Projection;
use crate::memory;

/// What is seen lies within 1 of the middle; faces that reach further than this to a side or to the back are cut there. It is
/// so far away that the cut is outside of the picture or has nearly vanished.
const ASIDE: f32 = 16.0;
const BEHIND: f32 = -64.0;

/// The space that faces are cut to, in coordinates of the camera.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clip {
    low: [f32; 3],
    high: [f32; 3],
}

impl Clip {
    pub(super) fn new(projection: Projection) -> Self {
        Self {
            low: [-ASIDE, -ASIDE, BEHIND],
            high: [ASIDE, ASIDE, projection.nearest().min(ASIDE)],
        }
    }

    /// Whether a point lies within the space.
    #[inline]
    pub(super) fn has(&self, point: [f32; 3]) -> bool {
        (0..3).all(|axis| (self.low[axis]..=self.high[axis]).contains(&point[axis]))
    }

    /// Leaves of a face what lies within the space, which may be nothing.
    pub(super) fn cut(&self, corners: &mut Vec<[f32; 3]>) -> Result<(), Error> {
        for axis in 0..3 {
            for (limit, side) in [(self.low[axis], 1.0), (self.high[axis], -1.0)] {
                let inside = |point: &[f32; 3]| (point[axis] - limit) * side >= 0.0;
                if corners.iter().all(inside) {
                    continue;
                }
                // Each corner that is kept may come after one that is not.
                let mut kept = memory::with_room(2 * corners.len())?;
                let mut before = corners.last().copied();
                for &corner in corners.iter() {
                    if let Some(before) = before.filter(|before| inside(before) != inside(&corner)) {
                        kept.push(between(before, corner, axis, limit));
                    }
                    if inside(&corner) {
                        kept.push(corner);
                    }
                    before = Some(corner);
                }
                *corners = kept;
            }
        }
        Ok(())
    }
}

/// The point between two others where they cross a limit of one axis.
#[expect(clippy::cast_possible_truncation, reason = "between two singles")]
fn between(from: [f32; 3], to: [f32; 3], axis: usize, limit: f32) -> [f32; 3] {
    let [from, to] = [from, to].map(|point| point.map(f64::from));
    let limit = f64::from(limit);
    let share = (limit - from[axis]) / (to[axis] - from[axis]);
    let mut point = [0, 1, 2].map(|other| from[other] + (to[other] - from[other]) * share);
    point[axis] = limit;
    point.map(|value| value as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLIP: Clip = Clip {
        low: [-16.0, -16.0, -64.0],
        high: [16.0, 16.0, 2.0],
    };

    fn coordinate() -> impl Strategy<Value = f32> {
        prop_oneof![-1.0_f32..1.0, -100.0_f32..100.0, -1e9_f32..1e9]
    }

    proptest! {
        #![proptest_config(crate::properties::config(500))]
        #[test]
        fn what_is_left_lies_inside_and_in_the_plane(
            corners in prop::collection::vec([coordinate(), coordinate(), coordinate()], 3)
        ) {
            let mut left = corners.clone();
            CLIP.cut(&mut left).expect("memory");
            prop_assert!(left.iter().all(|&corner| CLIP.has(corner)), "{left:?}");
            if corners.iter().all(|&corner| CLIP.has(corner)) {
                prop_assert_eq!(&left, &corners);
            }
            // A triangle between six planes has nine corners at most.
            prop_assert!(left.len() <= 9 && left.len() != 1, "{left:?}");
        }
    }

    #[test]
    fn a_face_through_the_space_is_cut_at_its_sides() {
        let mut corners = vec![[-1e6, -1.0, 0.0], [1e6, -1.0, 0.0], [0.0, 1e6, 0.0]];
        CLIP.cut(&mut corners).expect("memory");
        let least = corners.iter().map(|corner| corner[1]).fold(f32::INFINITY, f32::min);
        assert!((least + 1.0).abs() < 1e-3 && corners.len() == 4, "{corners:?}");
        let mut outside = vec![[20.0, 0.0, 0.0], [30.0, 0.0, 0.0], [30.0, 1.0, 0.0]];
        CLIP.cut(&mut outside).expect("memory");
        assert!(outside.is_empty());
    }
}
