//! The software rasteriser: it makes triangles and balls into samples, of which the nearest stay.

use dcc_mcp_shm::Error;

use super::camera::NEAREST;
use super::light;
use crate::memory;

/// What it costs, in samples, to begin a row of a face, and to cross an edge of a face that is not convex (crossings
/// are sorted).
const ROW: u64 = 16;
const CROSSING: u64 = 16;

/// Faces of more corners than this are not drawn as fans, whose slivers would take many rows each.
const MANY: usize = 64;

/// Balls of at least this radius, in samples, are large enough to be seen as balls.
const MIN_LIT_RADIUS: f32 = 3.0;

/// A square of samples. Each sample is 0, or has the depth in its upper 24 bits and the shade in its lower 8. The
/// larger of two samples is the nearer one, so the order in which things are drawn does not matter.
///
/// Drawing a face takes from nanoseconds to a second, so it is paid for row by row, in samples. Drawing ends when `pay` fails.
#[derive(Debug)]
pub(super) struct Samples {
    edge: usize,
    values: Vec<u32>,
}

impl Samples {
    pub(super) fn new(edge: usize) -> Result<Self, Error> {
        let values = memory::filled(edge * edge, 0)?;
        Ok(Self { edge, values })
    }

    pub(super) fn edge(&self) -> usize {
        self.edge
    }

    /// The samples, row by row.
    pub(super) fn values(&self) -> &[u32] {
        &self.values
    }

    /// The columns, or rows, whose centres lie between two places; `None` if there are none.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the casts saturate, also for NaN"
    )]
    fn between(&self, low: f32, high: f32) -> Option<[usize; 2]> {
        let (first, end) = (
            (low - 0.5).ceil().max(0.0) as usize,
            (high + 0.5).floor().max(0.0) as usize,
        );
        let end = end.min(self.edge);
        (first < end).then_some([first, end])
    }

    /// How many samples show something.
    pub(super) fn covered(&self) -> usize {
        self.values.iter().filter(|&&value| value != 0).count()
    }

    /// Columns and rows that a face of these corners can cover; `None` if it covers none, as most faces of dense meshes.
    #[inline]
    pub(super) fn bounds(&self, corners: &[[f32; 3]]) -> Option<[[usize; 2]; 2]> {
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for corner in corners {
            low = [0, 1].map(|axis| low[axis].min(corner[axis]));
            high = [0, 1].map(|axis| high[axis].max(corner[axis]));
        }
        Some([self.between(low[0], high[0])?, self.between(low[1], high[1])?])
    }

    /// Draws a face in one shade. Its corners are columns, rows and depths.
    pub(super) fn face<E>(
        &mut self,
        corners: &[[f32; 3]],
        shade: u8,
        pay: &mut impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = corners[0];
        let fan = || corners[1..].windows(2).map(|pair| [first, pair[0], pair[1]]);
        // A fan of triangles fills a face exactly if all of them turn the same way; it would fill other faces beyond
        // their edges.
        let turns = |sign: f32| fan().all(|triangle| area(triangle) * sign >= 0.0);
        if corners.len() == 3 || corners.len() <= MANY && (turns(1.0) || turns(-1.0)) {
            fan().try_for_each(|triangle| self.triangle(triangle, shade, pay))
        } else {
            self.concave(corners, shade, pay)
        }
    }

    fn triangle<E>(
        &mut self,
        corners: [[f32; 3]; 3],
        shade: u8,
        pay: &mut impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let [a, b, c] = corners;
        let area = area(corners);
        let Some((plane, [columns, rows])) = Plane::new(&corners).zip(self.bounds(&corners)) else {
            return Ok(());
        };
        // The sign of the area tells each edge which side is inside.
        let edges = [(a, b), (b, c), (c, a)].map(|(from, to)| Edge::new(from, to, area.signum()));
        for row in rows[0]..rows[1] {
            let y = center(row);
            let [mut left, mut right] = [center(columns[0]), center(columns[1] - 1)];
            for edge in &edges {
                edge.cut(y, &mut left, &mut right);
            }
            pay(ROW + self.span(row, [left, right], &plane, shade))?;
        }
        Ok(())
    }

    /// Draws any polygon. A sample is inside if an odd number of edges lies to the left of it.
    fn concave<E>(
        &mut self,
        corners: &[[f32; 3]],
        shade: u8,
        pay: &mut impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((plane, [_, rows])) = Plane::new(corners).zip(self.bounds(corners)) else {
            return Ok(());
        };
        let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
        let mut crossings = Vec::new();
        for row in rows[0]..rows[1] {
            let y = center(row);
            let crossed = edges().filter(|(a, b)| (a[1] <= y) != (b[1] <= y));
            crossings.clear();
            crossings.extend(crossed.map(|(a, b)| a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1])));
            pay(ROW + corners.len() as u64 + CROSSING * crossings.len() as u64)?;
            crossings.sort_unstable_by(f32::total_cmp);
            for pair in crossings.as_chunks::<2>().0 {
                pay(self.span(row, [pair[0] - OVERLAP, pair[1] + OVERLAP], &plane, shade))?;
            }
        }
        Ok(())
    }

    /// Draws a part of a row, and gives the number of its samples.
    #[inline]
    fn span(&mut self, row: usize, [left, right]: [f32; 2], plane: &Plane, shade: u8) -> u64 {
        let y = center(row);
        let Some([first, end]) = self.between(left, right) else {
            return 0;
        };
        for (column, value) in (first..).zip(&mut self.values[row * self.edge..][first..end]) {
            *value = (*value).max(sample(plane.depth(center(column), y), shade));
        }
        (end - first) as u64
    }

    /// Draws a ball of `radius` samples around a column, row and depth, in one shade or lit like a ball. Gives the
    /// number of samples in the square around it.
    pub(super) fn ball(&mut self, [x, y, depth]: [f32; 3], radius: f32, shade: Option<u8>) -> u64 {
        let columns = self.between(x - radius, x + radius);
        let Some((columns, rows)) = columns.zip(self.between(y - radius, y + radius)) else {
            return 0;
        };
        let depth = depth.clamp(0.0, NEAREST);
        // A ball of a few samples has no lit side, so it is brighter the nearer it is.
        let haze = || (radius < MIN_LIT_RADIUS).then(|| light::haze(depth / NEAREST));
        let plain = shade.or_else(haze);
        for row in rows[0]..rows[1] {
            let up = (y - center(row)) / radius;
            let line = &mut self.values[row * self.edge..][columns[0]..columns[1]];
            for (column, value) in (columns[0]..).zip(line) {
                let right = (center(column) - x) / radius;
                let towards = 1.0 - right * right - up * up;
                if towards > 0.0 {
                    let lit = || light::shade([right, up, towards.sqrt()], [0.0, 0.0, 1.0]);
                    *value = (*value).max(sample(depth, plain.unwrap_or_else(lit)));
                }
            }
        }
        ((columns[1] - columns[0]) * (rows[1] - rows[0])) as u64
    }
}

/// The depth of a face over columns and rows.
struct Plane {
    origin: [f32; 3],
    across: f32,
    down: f32,
    /// The depths of the farthest and of the nearest corner. Without these limits, samples of slivers and of faces that
    /// are not flat could be farther or nearer.
    farthest: f32,
    nearest: f32,
}

impl Plane {
    /// `None` if the face has no area.
    fn new(corners: &[[f32; 3]]) -> Option<Self> {
        let origin = corners[0];
        let mut normal = [0.0; 3];
        for pair in corners[1..].windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|corner| [0, 1, 2].map(|i| corner[i] - origin[i]));
            normal[0] += a[1] * b[2] - a[2] * b[1];
            normal[1] += a[2] * b[0] - a[0] * b[2];
            normal[2] += a[0] * b[1] - a[1] * b[0];
        }
        let [right, down, area] = normal;
        if area == 0.0 || !area.is_finite() {
            return None;
        }
        let depths = || corners.iter().map(|corner| corner[2]);
        Some(Self {
            origin,
            across: -right / area,
            down: -down / area,
            farthest: depths().fold(NEAREST, f32::min).max(0.0),
            nearest: depths().fold(0.0, f32::max).min(NEAREST),
        })
    }

    #[inline]
    fn depth(&self, x: f32, y: f32) -> f32 {
        let [at_x, at_y, depth] = self.origin;
        // Not `clamp`, because that panics if `farthest` is above `nearest`.
        (depth + (x - at_x) * self.across + (y - at_y) * self.down)
            .max(self.farthest)
            .min(self.nearest)
    }
}

/// Twice the area of a triangle. The sign says which way round the corners go.
fn area([a, b, c]: [[f32; 3]; 3]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
}

/// The middle of a column or row.
#[expect(clippy::cast_precision_loss, reason = "a picture's columns")]
fn center(index: usize) -> f32 {
    index as f32 + 0.5
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 24 bits"
)]
fn sample(depth: f32, shade: u8) -> u32 {
    (depth as u32) << 8 | u32::from(shade.max(1))
}

/// One edge of a triangle: which part of a row lies inside of it.
struct Edge {
    /// The column of the edge in row 0, and how it changes from row to row.
    at: f32,
    slope: f32,
    side: Side,
}

enum Side {
    /// The inside is to the right.
    Left,
    /// The inside is to the left.
    Right,
    /// The edge is level, so it bounds no row.
    Level,
}

/// How far outside of a triangle the centre of a sample may lie, in samples. So neighbours overlap, and no gap is between them.
const OVERLAP: f32 = 1e-3;

impl Edge {
    fn new(from: [f32; 3], to: [f32; 3], turn: f32) -> Self {
        let rise = to[1] - from[1];
        let slope = (to[0] - from[0]) / rise;
        let side = match rise * turn {
            rise if rise < 0.0 => Side::Left,
            rise if rise > 0.0 => Side::Right,
            _ => Side::Level,
        };
        Self {
            at: from[0] - from[1] * slope,
            slope,
            side,
        }
    }

    fn cut(&self, y: f32, left: &mut f32, right: &mut f32) {
        let x = self.at + y * self.slope;
        match self.side {
            Side::Left => *left = left.max(x - OVERLAP),
            Side::Right => *right = right.min(x + OVERLAP),
            Side::Level => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(edge: usize) -> Samples {
        Samples::new(edge).expect("memory")
    }

    fn draw(samples: &mut Samples, corners: &[[f32; 3]], shade: u8) {
        samples
            .face(corners, shade, &mut |_| Ok::<_, ()>(()))
            .expect("it costs nothing");
    }

    #[test]
    fn two_triangles_fill_a_square_exactly_in_either_winding() {
        let [a, b, c, d] = [[2.0, 3.0, 5.0], [10.0, 3.0, 5.0], [10.0, 9.0, 5.0], [2.0, 9.0, 5.0]];
        for triangles in [[[a, b, c], [a, c, d]], [[c, b, a], [d, c, a]]] {
            let mut samples = square(16);
            for triangle in triangles {
                draw(&mut samples, &triangle, 0xc8);
            }
            assert_eq!(samples.covered(), 8 * 6);
            for row in 3..9 {
                assert!(
                    samples.values[row * 16 + 2..row * 16 + 10]
                        .iter()
                        .all(|&value| value == 5 << 8 | 0xc8)
                );
            }
        }
    }

    #[test]
    fn the_nearest_stays_whatever_comes_first() {
        let at = |depth: f32| [[0.0, 0.0, depth], [16.0, 0.0, depth], [0.0, 16.0, depth]];
        for order in [[(7.0, 1), (9.0, 2)], [(9.0, 2), (7.0, 1)]] {
            let mut samples = square(16);
            for (depth, shade) in order {
                draw(&mut samples, &at(depth), shade);
            }
            assert_eq!(samples.values[0], 9 << 8 | 2);
        }
    }

    #[test]
    fn depth_goes_evenly_across_a_triangle() {
        let mut samples = square(100);
        draw(
            &mut samples,
            &[[0.0, 0.0, 0.0], [200.0, 0.0, 2000.0], [0.0, 200.0, 0.0]],
            1,
        );
        for (column, value) in samples.values[..100].iter().enumerate() {
            assert_eq!((value >> 8) as usize, column * 10 + 5);
        }
    }

    #[test]
    fn a_fan_has_no_gaps() {
        let mut samples = square(128);
        let rim = |step: u16| {
            let (sin, cos) = (f32::from(step) * 0.1).sin_cos();
            [64.0 + 60.0 * cos, 64.0 + 60.0 * sin, 1.0]
        };
        for step in 0..63 {
            draw(&mut samples, &[[64.0, 64.0, 1.0], rim(step), rim(step + 1)], 1);
        }
        for row in 0..128_usize {
            let line = &samples.values[row * 128..][..128];
            let drawn = line.iter().filter(|&&value| value != 0).count();
            let first = line.iter().position(|&value| value != 0).unwrap_or(0);
            assert!(line[first..first + drawn].iter().all(|&value| value != 0), "row {row}");
        }
    }

    #[test]
    fn faces_that_are_not_convex_keep_within_their_edges() {
        // An L that begins with each of its corners in turn.
        let l = [[0.0, 0.0], [8.0, 0.0], [8.0, 4.0], [4.0, 4.0], [4.0, 8.0], [0.0, 8.0]];
        for first in 0..6 {
            let mut corners = l.map(|[x, y]| [x + 2.0, y + 2.0, 7.0]);
            corners.rotate_left(first);
            let mut samples = square(12);
            draw(&mut samples, &corners, 1);
            assert_eq!(samples.covered(), 48, "from corner {first}");
            assert_eq!(
                (samples.values[8 * 12 + 8], samples.values[3 * 12 + 3]),
                (0, 7 << 8 | 1)
            );
        }
    }

    #[test]
    fn what_is_outside_or_no_triangle_draws_nothing_there() {
        let mut samples = square(8);
        for corners in [
            [[-9.0, -9.0, 1.0], [-1.0, -9.0, 1.0], [-9.0, -1.0, 1.0]],
            [[1.0, 1.0, 1.0], [4.0, 4.0, 1.0], [7.0, 7.0, 1.0]],
            [[f32::NAN, 1.0, 1.0], [4.0, 4.0, 1.0], [7.0, 1.0, 1.0]],
            [[f32::INFINITY, 1.0, 1.0], [4.0, 4.0, 1.0], [7.0, 1.0, 1.0]],
        ] {
            draw(&mut samples, &corners, 1);
        }
        assert_eq!(samples.covered(), 0);
        draw(&mut samples, &[[-1e9, -1e9, 1.0], [1e9, -1e9, 1.0], [0.0, 1e9, 1.0]], 1);
        assert_eq!(samples.covered(), 64);
    }

    #[test]
    fn a_face_ends_in_the_row_that_is_not_paid_for() {
        let triangle = [[-8.0, -8.0, 1.0], [24.0, -8.0, 1.0], [-8.0, 24.0, 1.0]];
        // An L that begins with a corner from which not all of it is seen, so that it is not drawn as a fan.
        let l = [[8.0, 0.0], [8.0, 4.0], [4.0, 4.0], [4.0, 8.0], [0.0, 8.0], [0.0, 0.0]].map(|[x, y]| [x, y, 1.0]);
        for corners in [&triangle[..], &l] {
            let mut samples = square(8);
            let mut rows = 0;
            let paid = samples.face(corners, 1, &mut |units| {
                rows += u32::from(units > ROW);
                if rows == 3 { Err(units) } else { Ok(()) }
            });
            assert!(paid.is_err_and(|units| units > 2 * 8), "a row of 8 samples costs more");
            assert!((16..=24).contains(&samples.covered()), "{}", samples.covered());
        }
    }

    #[test]
    fn balls_are_round_and_lit_from_above() {
        let mut samples = square(20);
        assert_eq!(samples.ball([10.0, 10.0, 3.0], 8.0, None), 16 * 16);
        let drawn = samples.covered();
        assert!((190..=210).contains(&drawn), "{drawn}");
        assert!(samples.values[4 * 20 + 9] & 0xff > samples.values[16 * 20 + 10] & 0xff);
    }
}
