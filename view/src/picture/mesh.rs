//! Drawing the faces of a mesh within a bounded amount of work: all faces, or as many as that work suffices for.

use super::camera::{Camera, Projection};
use super::clip::Clip;
use super::face_reader::{FaceReader, NoFace};
use super::raster::Samples;
use super::seen::SeenPoints;
use super::source::Source;
use super::tally::Tally;
use super::{cloud, light};
use crate::error::LookError;
use crate::memory;
use crate::mesh_layout::{FacesLayout, PointsLayout};

/// Work that the faces of a picture may take, in units of one or two nanoseconds. Only some are drawn if all would take more.
const WORK: u64 = 3 << 28;
/// Most faces that are drawn: several for each sample of a picture.
const MAX_DRAWN: u64 = 1 << 22;
/// What it costs to read and to project a face, and each of its corners beyond the first few.
const FACE: u64 = 48;
const CORNER: u64 = 12;
/// If no more samples than this are covered, next to nothing of a mesh is seen.
const SPECKS: usize = 16;
/// To find out what faces cost, groups of them are drawn that lie far apart. There are fewer groups for compressed
/// data, because whole chunks are decompressed for each of them.
const GROUPS: u64 = 512;
const GROUPS_COMPRESSED: u64 = 64;
/// Faces of a group. What the first one costs is not counted, because nothing near it has been read.
const GROUP: u64 = 9;
/// A factor that brings groups into an order in which also the first few lie far apart. It is odd, because the number
/// of groups is a power of two and each group must have its turn.
const SCATTER: u64 = 197;

/// A mesh, and how it is drawn.
pub(super) struct Mesh<'a> {
    source: &'a Source<'a>,
    faces: FaceReader<'a>,
    /// How many faces there are.
    count: u64,
    points: PointsLayout<'a>,
    camera: &'a Camera,
    edge: usize,
    /// Work that all frames may take, from this side.
    allowed: u64,
    projection: Projection,
    clip: Clip,
    /// One face in this many is drawn.
    step: u64,
    /// Faces that are smaller than a dot of this radius are drawn as such dots, which close the gaps of faces that are
    /// not drawn.
    dot: Option<f32>,
    /// The corners of the current face, in coordinates of the camera and on the picture.
    seen: Vec<[f32; 3]>,
    projected: Vec<[f32; 3]>,
}

/// One frame that is being drawn.
struct Canvas<'a> {
    points: SeenPoints<'a>,
    samples: Samples,
    drawing: Tally,
}

/// Why a face is not drawn to its end.
enum Stop {
    /// All work that is allowed has been spent.
    Spent,
    /// Reading failed, or the call was cancelled.
    Failed(LookError),
}

impl From<LookError> for Stop {
    fn from(error: LookError) -> Self {
        Self::Failed(error)
    }
}

fn pay(source: &Source<'_>, units: u64) -> Result<(), Stop> {
    source.spend(units)?;
    if source.left() == 0 { Err(Stop::Spent) } else { Ok(()) }
}

impl<'a> Mesh<'a> {
    /// A mesh of which these frames will be drawn, in pictures of `edge` samples, and as much from other sides: from
    /// `views` in all.
    pub(super) fn new(
        source: &'a Source<'a>,
        faces: FacesLayout<'a>,
        points: PointsLayout<'a>,
        camera: &'a Camera,
        frames: &[u64],
        edge: usize,
        views: u64,
    ) -> Result<Self, LookError> {
        let pictures = frames.len() as u64 * views;
        let allowed = WORK / views;
        let mut mesh = Self {
            source,
            faces: FaceReader::new(source, &faces)?,
            count: faces.count,
            points,
            camera,
            edge,
            allowed,
            projection: camera.projection(edge),
            clip: Clip::new(camera.projection(edge)),
            step: faces.count.saturating_mul(pictures).div_ceil(MAX_DRAWN).max(1),
            dot: None,
            seen: Vec::new(),
            projected: Vec::new(),
        };
        let mut work = 0_u64;
        for &frame in frames {
            source.allow(WORK / 8 / pictures);
            work = work.saturating_add(mesh.work_of(frame)?);
        }
        mesh.step = mesh.step.saturating_mul(work.div_ceil(allowed).max(1));
        if mesh.step > 1 {
            mesh.dot = Some(cloud::radius(mesh.drawn(), edge));
        }
        // Twice the work is allowed, because the estimate may be too low, though not by much.
        source.allow(2 * allowed);
        Ok(mesh)
    }

    /// One face in this many is drawn.
    pub(super) fn step(&self) -> u64 {
        self.step
    }

    /// Draws small faces as dots from now on, if so little of them was seen that something must be missing: they are
    /// smaller than a pixel, or seen from their edges.
    pub(super) fn enlarge(&mut self, drawing: &Tally) -> bool {
        let is_unseen = drawing.drawn > 0 && drawing.covered <= SPECKS && self.dot.is_none();
        if is_unseen {
            self.dot = Some(cloud::radius(self.drawn(), self.edge));
            self.source.allow(2 * self.allowed);
        }
        is_unseen
    }

    /// Whether small faces are drawn as dots.
    pub(super) fn has_dots(&self) -> bool {
        self.dot.is_some()
    }

    /// How many faces are drawn.
    fn drawn(&self) -> u64 {
        self.count.div_ceil(self.step)
    }

    fn canvas(&self, frame: u64) -> Result<Canvas<'a>, LookError> {
        Ok(Canvas {
            points: SeenPoints::new(self.source, &self.points, frame, self.camera)?,
            samples: Samples::new(self.edge)?,
            drawing: Tally::of_one_in(self.step),
        })
    }

    /// Estimates the work that a frame takes, from some of its faces.
    fn work_of(&mut self, frame: u64) -> Result<u64, LookError> {
        let mut canvas = self.canvas(frame)?;
        let drawn = self.drawn();
        let turns = if self.source.is_compressed() {
            GROUPS_COMPRESSED
        } else {
            GROUPS
        };
        let groups = drawn.div_ceil(GROUP).min(turns);
        let (mut faces, mut work) = (0, 0);
        let scattered = (0..turns).map(|turn| turn * SCATTER % turns);
        for group in scattered.filter(|&group| group < groups) {
            let first = drawn / groups * group;
            for face in first..(first + GROUP).min(drawn) {
                let before = self.source.left();
                self.face(&mut canvas, face * self.step)?;
                if face > first || drawn == 1 {
                    faces += 1;
                    work += before - self.source.left();
                }
            }
            if self.source.left() == 0 {
                break;
            }
        }
        Ok(drawn.saturating_mul(work / faces.max(1)))
    }

    /// Draws a frame, and counts in `drawing` what became of its faces.
    pub(super) fn draw(&mut self, frame: u64, drawing: &mut Tally) -> Result<Samples, LookError> {
        let mut canvas = self.canvas(frame)?;
        canvas.drawing = *drawing;
        for face in 0..self.drawn() {
            self.face(&mut canvas, face * self.step)?;
        }
        canvas.drawing.covered += canvas.samples.covered();
        *drawing = canvas.drawing;
        Ok(canvas.samples)
    }

    fn face(&mut self, canvas: &mut Canvas<'_>, face: u64) -> Result<(), LookError> {
        match self.face_within_work(canvas, face) {
            Ok(()) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Spent) => {
                canvas.drawing.left_out.late += 1;
                Ok(())
            }
        }
    }

    fn face_within_work(&mut self, canvas: &mut Canvas<'_>, face: u64) -> Result<(), Stop> {
        let source = self.source;
        pay(source, FACE)?;
        let left_out = &mut canvas.drawing.left_out;
        let corners = match self.faces.read(face)? {
            Ok(corners) => corners,
            Err(why) => {
                *match why {
                    NoFace::Few => &mut left_out.few,
                    NoFace::Many => &mut left_out.many,
                    NoFace::Missing => &mut left_out.broken,
                } += 1;
                return Ok(());
            }
        };
        pay(source, CORNER * (corners.len() as u64).saturating_sub(4))?;
        self.seen.clear();
        memory::reserve(&mut self.seen, corners.len()).map_err(LookError::from)?;
        for &corner in corners {
            let Some(point) = canvas.points.get(corner)? else {
                left_out.broken += 1;
                return Ok(());
            };
            self.seen.push(point);
        }
        if self.seen.iter().any(|point| point[0].is_nan()) {
            left_out.unplaced += 1;
            return Ok(());
        }
        if !self.seen.iter().all(|&point| self.clip.has(point)) {
            self.clip.cut(&mut self.seen).map_err(LookError::from)?;
            if self.seen.len() < 3 {
                canvas.drawing.drawn += 1;
                return Ok(());
            }
        }
        memory::reserve(&mut self.projected, self.seen.len()).map_err(LookError::from)?;
        let Self { projection, seen, .. } = self;
        self.projected.clear();
        self.projected
            .extend(seen.iter().map(|&point| projection.project(point)));
        let shade = || light::shade(normal(seen), projection.to_eye(seen[0]));
        if let Some((center, radius)) = self.dot.and_then(|radius| dot(&self.projected, radius)) {
            pay(source, canvas.samples.ball(center, radius, Some(shade())))?;
        } else if canvas.samples.bounds(&self.projected).is_some() {
            canvas
                .samples
                .face(&self.projected, shade(), &mut |units| pay(source, units))?;
        }
        canvas.drawing.drawn += 1;
        Ok(())
    }
}

/// The place and radius of the dot that stands for a face, if the face is smaller than the dot.
fn dot(corners: &[[f32; 3]], radius: f32) -> Option<([f32; 3], f32)> {
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for corner in corners {
        low = [0, 1, 2].map(|axis| low[axis].min(corner[axis]));
        high = [0, 1, 2].map(|axis| high[axis].max(corner[axis]));
    }
    let is_small = (0..2).all(|axis| high[axis] - low[axis] < 2.0 * radius);
    is_small.then(|| ([0, 1, 2].map(|axis| low[axis].midpoint(high[axis])), radius))
}

/// The normal of a face, as long as twice its area. It is the sum of the normals of the face's triangles, so that faces
/// that are not flat or not convex have one as well.
fn normal(corners: &[[f32; 3]]) -> [f32; 3] {
    let first = corners[0];
    let from_first = |corner: [f32; 3]| [0, 1, 2].map(|i| corner[i] - first[i]);
    let mut sum = [0.0; 3];
    for pair in corners[1..].windows(2) {
        let [a, b] = [pair[0], pair[1]].map(from_first);
        let cross = [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ];
        sum = [0, 1, 2].map(|i| sum[i] + cross[i]);
    }
    sum
}
