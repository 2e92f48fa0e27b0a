//! The view of geometry: the directions of each side, the camera that takes in all points, and the projection.

use crate::attributes::UpAxis;
use crate::coordinates::Reach;
use crate::request::View;

impl View {
    /// Half the width of what is seen at distance 1. It is 0 if all rays are parallel, so that sides can be measured.
    fn spread(self) -> f64 {
        if self == Self::ThreeQuarter { 0.2 } else { 0.0 }
    }

    /// The directions right, up and towards the viewer, where Z is up and the front faces -Y, as in Blender.
    fn directions(self) -> [[f64; 3]; 3] {
        match self {
            Self::Front => [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]],
            Self::Back => [[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
            Self::Left => [[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]],
            Self::Right => [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
            Self::Top => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Bottom => [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]],
            Self::ThreeQuarter => {
                let (side, ahead) = 32.0_f64.to_radians().sin_cos();
                let (above, level) = 24.0_f64.to_radians().sin_cos();
                let right = [ahead, side, 0.0];
                let up = [-above * side, above * ahead, level];
                let towards = [level * side, -level * ahead, above];
                [right, up, towards]
            }
        }
    }
}

/// Coordinates are multiplied by this, so that the difference of the two largest doubles is finite. As a power of two it
/// changes no digit.
const SCALE: f64 = 1.0 / 256.0;

/// Turns coordinates of a scene into right, up and towards the viewer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orientation {
    view: View,
    rows: [[f64; 3]; 3],
    /// The place that becomes 0, 0, 0. It is subtracted before anything is rounded: a millimetre is seen as well a
    /// thousand kilometres from the scene's origin.
    origin: [f64; 3],
}

impl Orientation {
    /// `placement` is the matrix, by rows, that an object's coordinates are multiplied by as row vectors.
    pub(super) fn new(view: View, up: UpAxis, placement: Option<[[f64; 3]; 3]>) -> Self {
        let mut rows = view.directions();
        if up == UpAxis::Y {
            // If Y is up, the front faces +Z, so (x, y, z) is (x, -z, y) where Z is up.
            rows = rows.map(|[x, y, z]| [x, z, -y]);
        }
        if let Some(placement) = placement {
            rows = rows.map(|row| placement.map(|axis| dot(axis, row)));
        }
        Self {
            view,
            rows,
            origin: [0.0; 3],
        }
    }

    /// The same directions around another place, which should be near to what is seen.
    pub(super) fn around(self, origin: [f64; 3]) -> Self {
        Self { origin, ..self }
    }

    /// A point by its distance from the origin to the right, up and towards the viewer, in units of [`SCALE`].
    pub(super) fn seen(&self, point: [f64; 3]) -> [f64; 3] {
        let from_origin = [0, 1, 2].map(|axis| point[axis] * SCALE - self.origin[axis] * SCALE);
        self.rows.map(|row| dot(row, from_origin))
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// How far points reach, as far as the camera has to know it.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    orientation: Orientation,
    /// How far points reach towards each edge of the picture. The nearer a point is, the more it counts, unless rays
    /// are parallel.
    right: f64,
    left: f64,
    top: f64,
    bottom: f64,
    /// The box around the points: least and greatest of right, up and towards the viewer.
    low: [f64; 3],
    high: [f64; 3],
}

impl Extent {
    pub(super) fn new(orientation: Orientation) -> Self {
        let [right, left, top, bottom] = [f64::NEG_INFINITY; 4];
        Self {
            orientation,
            right,
            left,
            top,
            bottom,
            low: [f64::INFINITY; 3],
            high: [f64::NEG_INFINITY; 3],
        }
    }

    /// Adds a point, which must be finite.
    pub(super) fn add(&mut self, point: [f64; 3]) {
        let seen @ [x, y, z] = self.orientation.seen(point);
        let wider = self.orientation.view.spread() * z;
        self.right = self.right.max(wider + x);
        self.left = self.left.max(wider - x);
        self.top = self.top.max(wider + y);
        self.bottom = self.bottom.max(wider - y);
        for (axis, value) in seen.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(value);
            self.high[axis] = self.high[axis].max(value);
        }
    }

    /// Whether no point within a box would reach further.
    pub(super) fn takes_in(&self, reach: &Reach) -> bool {
        (0..8).all(|corner| {
            let corner = [0, 1, 2].map(|axis| match corner >> axis & 1 {
                0 => reach.low[axis],
                _ => reach.high[axis],
            });
            let seen @ [x, y, z] = self.orientation.seen(corner);
            let wider = self.orientation.view.spread() * z;
            wider + x <= self.right
                && wider - x <= self.left
                && wider + y <= self.top
                && wider - y <= self.bottom
                && (0..3).all(|axis| (self.low[axis]..=self.high[axis]).contains(&seen[axis]))
        })
    }

    /// The camera that sees all of the points; `None` unless at least two of them differ.
    pub(super) fn camera(&self) -> Option<Camera> {
        let spread = self.orientation.view.spread();
        let breadth = (self.right + self.left).max(self.top + self.bottom);
        let size = [0, 1, 2].map(|axis| self.high[axis] - self.low[axis]);
        let (unit, near) = (size.into_iter().fold(0.0, f64::max), self.high[2]);
        if !(unit > 0.0 && unit.is_finite()) {
            return None;
        }
        let lens = if spread > 0.0 {
            // The planes through opposite edges of the picture meet in the eye, at a distance at which both just touch
            // the points.
            let eye = ((breadth / (2.0 * spread) - near) / unit).max(MIN_EYE);
            Lens::Perspective { eye, spread }
        } else {
            let half = (breadth / 2.0 / unit).max(MIN_REACH);
            Lens::Parallel { half }
        };
        Some(Camera {
            orientation: self.orientation,
            center: [(self.right - self.left) / 2.0, (self.top - self.bottom) / 2.0, near],
            unit,
            far: (-size[2] / unit).min(-MIN_DEPTH),
            lens,
        })
    }
}

/// Least distance of the eye from the nearest point. The longest side of the box of the points is 1.
const MIN_EYE: f64 = 0.1;
/// Least depth that the points are taken to have, because flat things have none.
const MIN_DEPTH: f64 = 1e-3;
/// Least half breadth that the points are taken to have, because a line that is seen from its end has none.
const MIN_REACH: f64 = 1e-3;
/// How far away a point is taken to be at most.
const FURTHEST: f64 = 1e9;
/// Share of the picture's edge that the points take up.
const FILLED: f64 = 0.92;
/// The depth of the nearest point; depths are 24 bits of a sample.
pub(super) const NEAREST: f32 = 16_777_215.0;

#[derive(Debug, Clone, Copy)]
enum Lens {
    Perspective { eye: f64, spread: f64 },
    Parallel { half: f64 },
}

/// Turns points into coordinates of the camera. The longest side of their box is 1, and the nearest point has the depth
/// 0, others a negative one.
#[derive(Debug, Clone)]
pub(super) struct Camera {
    orientation: Orientation,
    center: [f64; 3],
    unit: f64,
    far: f64,
    lens: Lens,
}

impl Camera {
    /// A point in coordinates of the camera; NaN if it is NaN or infinite. A point that is very far away is brought
    /// nearer in its direction.
    #[expect(clippy::cast_possible_truncation, reason = "near 1, or far outside of the picture")]
    pub(super) fn seen(&self, point: [f64; 3]) -> [f32; 3] {
        if !point.iter().all(|value| value.is_finite()) {
            return [f32::NAN; 3];
        }
        let seen = self.orientation.seen(point);
        let from_center = [0, 1, 2].map(|axis| seen[axis] - self.center[axis]);
        let largest = from_center.iter().fold(0.0, |largest, value| value.abs().max(largest));
        if largest <= self.unit * FURTHEST {
            from_center.map(|value| (value / self.unit) as f32)
        } else {
            from_center.map(|value| (value / largest * FURTHEST) as f32)
        }
    }

    /// The projection to a square picture of `edge` samples.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "near 1, or pixels"
    )]
    pub(super) fn projection(&self, edge: usize) -> Projection {
        let half = edge as f64 / 2.0;
        let nearest = f64::from(NEAREST);
        match self.lens {
            Lens::Perspective { eye, spread } => {
                // Depth is computed from 1 / distance, because that stays linear across a flat face.
                let (first, last) = (1.0 / eye, 1.0 / (eye - self.far));
                let steep = nearest / (first - last);
                Projection {
                    half: half as f32,
                    scale: (half * FILLED / spread) as f32,
                    eye: Some(eye as f32),
                    steep: steep as f32,
                    offset: (-last * steep) as f32,
                }
            }
            Lens::Parallel { half: reach } => Projection {
                half: half as f32,
                scale: (half * FILLED / reach) as f32,
                eye: None,
                steep: (nearest / -self.far) as f32,
                offset: NEAREST,
            },
        }
    }
}

/// Projects points in coordinates of the camera to samples of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection {
    half: f32,
    scale: f32,
    /// Distance of the eye from the nearest point; `None` if rays are parallel.
    eye: Option<f32>,
    steep: f32,
    offset: f32,
}

impl Projection {
    /// Column and row of the sample, and a depth that is larger the nearer it is.
    #[inline]
    pub(super) fn project(self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let (scale, depth) = match self.eye {
            Some(eye) => {
                let closeness = 1.0 / (eye - z);
                (self.scale * closeness, closeness)
            }
            None => (self.scale, z),
        };
        [
            self.half + x * scale,
            self.half - y * scale,
            depth * self.steep + self.offset,
        ]
    }

    /// Nearer than this, nothing can be projected: the eye is there.
    pub(super) fn nearest(self) -> f32 {
        self.eye.map_or(f32::MAX, |eye| eye / 2.0)
    }

    /// The direction from a point to the eye.
    #[inline]
    pub(super) fn to_eye(self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        self.eye.map_or([0.0, 0.0, 1.0], |eye| [-x, -y, eye - z])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEWS: [View; 7] = [
        View::ThreeQuarter,
        View::Front,
        View::Back,
        View::Left,
        View::Right,
        View::Top,
        View::Bottom,
    ];

    fn camera(view: View, up: UpAxis, points: &[[f64; 3]]) -> Option<Camera> {
        let orientation = Orientation::new(view, up, None);
        let origin = points.first().copied().unwrap_or_default();
        let mut extent = Extent::new(orientation.around(origin));
        for &point in points {
            extent.add(point);
        }
        extent.camera()
    }

    fn corners(center: [f64; 3], size: [f64; 3]) -> Vec<[f64; 3]> {
        (0..8)
            .map(|corner| [0, 1, 2].map(|axis| center[axis] + if corner >> axis & 1 == 0 { 0.0 } else { size[axis] }))
            .collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn rounded(place: [f64; 3]) -> [i32; 3] {
        place.map(|value| (value / SCALE).round() as i32)
    }

    #[test]
    fn what_lies_in_a_box_that_is_taken_in_reaches_no_further() {
        let far = corners([-1.0, -2.0, -3.0], [3.0, 4.0, 5.0]);
        for view in VIEWS {
            let mut extent = Extent::new(Orientation::new(view, UpAxis::Z, None).around([0.1; 3]));
            for &point in &far {
                extent.add(point);
            }
            let before = format!("{extent:?}");
            let inside = |at: [f64; 3], size: f64| Reach {
                low: at,
                high: at.map(|value| value + size),
            };
            assert!(extent.takes_in(&inside([-1.0, -2.0, -3.0], 3.0)), "{view:?}");
            for point in corners([-1.0, -2.0, -3.0], [3.0; 3]) {
                extent.add(point);
            }
            assert_eq!(format!("{extent:?}"), before, "{view:?}");
            // Each of these has a corner that no side takes in.
            for outside in [[-1.1, -2.0, -3.0], [1.0, 1.9, 1.9], [-1.0, -9.0, -3.0]] {
                assert!(!extent.takes_in(&inside(outside, 1.5)), "{view:?} {outside:?}");
            }
        }
    }

    #[test]
    fn directions_are_at_right_angles_and_right_handed() {
        for view in VIEWS {
            let [r, u, t] = view.directions();
            for (a, b, expected) in [
                (r, r, 1.0),
                (u, u, 1.0),
                (t, t, 1.0),
                (r, u, 0.0),
                (r, t, 0.0),
                (u, t, 0.0),
            ] {
                assert!((dot(a, b) - expected).abs() < 1e-12, "{view:?}");
            }
            let cross = [
                r[1] * u[2] - r[2] * u[1],
                r[2] * u[0] - r[0] * u[2],
                r[0] * u[1] - r[1] * u[0],
            ];
            assert!((dot(cross, t) - 1.0).abs() < 1e-12, "{view:?}");
        }
    }

    #[test]
    fn each_view_has_its_side_in_front_and_its_axis_up() {
        // For each view, the direction that faces the viewer if Z is up and if Y is up.
        let cases = [
            (View::Front, [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]),
            (View::Right, [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            (View::Left, [-1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]),
            (View::Back, [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]),
            (View::Top, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]),
            (View::Bottom, [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]),
        ];
        for (view, z_up, y_up) in cases {
            for (up, facing) in [(UpAxis::Z, z_up), (UpAxis::Y, y_up)] {
                let seen = Orientation::new(view, up, None).seen(facing);
                assert_eq!(rounded(seen), [0, 0, 1], "{view:?} {up:?}");
            }
        }
        let y = Orientation::new(View::Front, UpAxis::Y, None).seen([0.0, 1.0, 0.0]);
        assert_eq!(rounded(y), [0, 1, 0]);
    }

    #[test]
    fn every_camera_takes_in_all_of_it_and_no_more() {
        let boxes = [
            ([-1.0, -1.0, -1.0], [2.0, 2.0, 2.0]),
            ([1e6, -1e6, 10.0], [3.0, 1.0, 100.0]),
            ([0.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            ([-3e38, -3e38, -3e38], [3e38, 3e38, 3e38]),
            ([1e8, 4.6e6, -3.0], [1.0, 1.0, 0.0]),
            ([1e60, -2e60, 0.0], [1e50, 3e50, 1e48]),
            ([-1e308, -1e308, 1e308], [1.7e308, 1e308, 0.7e308]),
            ([1e-300, 0.0, 0.0], [1e-299, 2e-300, 1e-300]),
            ([0.0, 0.0, 0.0], [1e-30, 2e-30, 0.0]),
        ];
        for view in VIEWS {
            for (center, size) in boxes {
                let points = corners(center, size);
                let camera = camera(view, UpAxis::Z, &points).expect("a camera");
                let projection = camera.projection(100);
                let mut widest = 0.0_f32;
                for point in points {
                    let [x, y, depth] = projection.project(camera.seen(point));
                    for place in [x, y] {
                        widest = widest.max((place - 50.0).abs());
                    }
                    assert!((-8.0..=NEAREST + 8.0).contains(&depth), "{view:?} {size:?}: {depth}");
                }
                assert!(widest <= 46.01, "{view:?} {center:?} {size:?}: {widest}");
                let is_line_from_its_end = size[1] == 0.0 && matches!(view, View::Left | View::Right);
                assert!(
                    widest >= 45.9 || is_line_from_its_end,
                    "{view:?} {center:?} {size:?}: {widest}"
                );
            }
        }
    }

    #[test]
    fn one_point_is_too_little_for_a_camera() {
        for view in VIEWS {
            assert!(camera(view, UpAxis::Z, &[]).is_none());
            assert!(camera(view, UpAxis::Z, &[[1e5, 3.7, -2.0]; 3]).is_none(), "{view:?}");
        }
    }

    #[test]
    fn an_object_is_seen_where_it_was_placed() {
        // A quarter turn about Z, which makes X into Y.
        let placement = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        let orientation = Orientation::new(View::Back, UpAxis::Z, Some(placement));
        assert_eq!(rounded(orientation.seen([1.0, 0.0, 0.0])), [0, 0, 1]);
    }
}
