//! Drawing faces and points on several cores, and what became of them.

use std::fmt::Write as _;
use std::ops::Add;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::camera::{Projection, View};
use super::faces::{Batch, Faces};
use super::raster::Samples;
use super::source::Source;
use super::{light, size};
use crate::reply::ToolError;
use crate::text;

/// Most threads that draw: each has samples of its own, and reading does not keep more of them busy.
const MAX_THREADS: usize = 4;
/// Largest radius of the balls that points are drawn as, in shares of the picture's edge.
const MAX_RADIUS: f32 = 0.009;
/// Least radius, in samples: smaller balls would fall between them.
const MIN_RADIUS: f32 = 1.5;

/// What became of faces and points.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawing {
    drawn: u64,
    /// Faces whose corners or points are not there.
    broken: u64,
    /// Faces with points that are at no place.
    unplaced: u64,
    /// Faces, or points, that were left out because drawing took too long.
    late: u64,
    /// Samples that show something.
    covered: usize,
}

/// What one thread draws.
struct Canvas<'a> {
    points: &'a [[f32; 3]],
    projection: Projection,
    samples: Samples,
    drawing: Drawing,
    /// The corners of the face at hand, as they are seen, and on the picture.
    seen: Vec<[f32; 3]>,
    projected: Vec<[f32; 3]>,
}

impl<'a> Canvas<'a> {
    fn new(points: &'a [[f32; 3]], projection: Projection, edge: usize) -> Self {
        Self {
            points,
            projection,
            samples: Samples::new(edge),
            drawing: Drawing::default(),
            seen: Vec::new(),
            projected: Vec::new(),
        }
    }

    fn face(&mut self, face: &[u32]) {
        self.seen.clear();
        for &point in face {
            let Some(&point) = usize::try_from(point).ok().and_then(|point| self.points.get(point)) else {
                self.drawing.broken += 1;
                return;
            };
            self.seen.push(point);
        }
        if self.seen.iter().any(|point| point[0].is_nan()) {
            self.drawing.unplaced += 1;
            return;
        }
        if self.samples.is_exhausted() {
            self.drawing.late += 1;
            return;
        }
        self.drawing.drawn += 1;
        self.projected.clear();
        self.projected
            .extend(self.seen.iter().map(|&point| self.projection.project(point)));
        if self.samples.bounds(&self.projected).is_some() {
            let shade = light::shade(normal(&self.seen), self.projection.to_eye(self.seen[0]));
            self.samples.face(&self.projected, shade);
        }
    }

    fn point(&mut self, point: [f32; 3], radius: f32) {
        if point[0].is_nan() {
            return;
        }
        if self.samples.is_exhausted() {
            self.drawing.late += 1;
            return;
        }
        self.drawing.drawn += 1;
        self.samples.ball(self.projection.project(point), radius);
    }
}

/// The normal of a face, as long as twice its area: the sum of those of its triangles, so that faces that are not flat or not
/// convex have one as well.
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

/// Draws the faces, which are read meanwhile; points that are at no place are NaN.
pub(super) fn draw_faces(
    source: &Source<'_>,
    faces: &Faces<'_>,
    points: &[[f32; 3]],
    projection: Projection,
    edge: usize,
) -> Result<(Samples, Drawing), ToolError> {
    let threads = threads();
    let (batches, queue) = sync_channel::<Batch>(2 * threads);
    let queue = Mutex::new(queue);
    let (read, canvases) = thread::scope(|scope| {
        let draw = || {
            let mut canvas = Canvas::new(points, projection, edge);
            loop {
                // The queue is free again before the batch is drawn.
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(batch) = next else {
                    return canvas;
                };
                canvas.drawing.broken += batch.broken;
                batch.faces().for_each(|face| canvas.face(face));
            }
        };
        let drawers: Vec<_> = (0..threads).map(|_| scope.spawn(draw)).collect();
        let read = faces.read(source, |batch| {
            // Somebody receives as long as there is a batch to send.
            let _ = batches.send(batch);
        });
        drop(batches);
        (read, drawers.into_iter().map(join).collect())
    });
    read?;
    Ok(merge(canvases))
}

/// Draws the points as balls.
pub(super) fn draw_points(points: &[[f32; 3]], projection: Projection, edge: usize) -> (Samples, Drawing) {
    let radius = radius(points.len(), edge);
    let part = points.len().div_ceil(threads()).max(1);
    let canvases = thread::scope(|scope| {
        let draw = |points: &[[f32; 3]]| {
            let mut canvas = Canvas::new(&[], projection, edge);
            for &point in points {
                canvas.point(point, radius);
            }
            canvas
        };
        let drawers: Vec<_> = points
            .chunks(part)
            .map(|part| scope.spawn(move || draw(part)))
            .collect();
        drawers.into_iter().map(join).collect()
    });
    merge(canvases)
}

/// Balls that leave gaps when they are few, and close when they are many.
#[expect(clippy::cast_precision_loss, reason = "a size in a picture")]
fn radius(points: usize, edge: usize) -> f32 {
    let edge = edge as f32;
    (0.6 * edge / (points as f32).sqrt())
        .min(MAX_RADIUS * edge)
        .max(MIN_RADIUS)
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS)
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// One picture of what all threads have drawn; there is at least one thread.
fn merge(canvases: Vec<Canvas<'_>>) -> (Samples, Drawing) {
    let mut canvases = canvases.into_iter();
    let Canvas {
        mut samples,
        mut drawing,
        ..
    } = canvases.next().unwrap_or_else(|| unreachable!());
    for other in canvases {
        samples.merge(&other.samples);
        drawing = drawing + other.drawing;
    }
    drawing.covered = samples.values().iter().filter(|&&sample| sample != 0).count();
    (samples, drawing)
}

impl Add for Drawing {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            drawn: self.drawn + other.drawn,
            broken: self.broken + other.broken,
            unplaced: self.unplaced + other.unplaced,
            late: self.late + other.late,
            covered: self.covered + other.covered,
        }
    }
}

impl Drawing {
    /// Refuses a picture on which there is nothing.
    pub(super) fn check(&self, view: View) -> Result<(), ToolError> {
        if self.covered > 0 {
            return Ok(());
        }
        if self.drawn > 0 {
            let view = view.in_words();
            return Err(ToolError::new(
                format!("Nothing is to be seen {view}: the faces are seen from their edges, or have no area"),
                "Choose another `view`.",
            ));
        }
        let mut facts = "No face can be drawn.".to_owned();
        self.describe(&mut facts);
        Err(ToolError::new(
            facts.trim_end_matches('.'),
            "Ask the program that made the mesh to write it again; map it with the code from read_descriptor to look closer.",
        ))
    }

    /// Adds what was left out.
    pub(super) fn describe(&self, facts: &mut String) {
        let counts = [
            (self.broken, "whose corners or points are not there"),
            (self.unplaced, "with points that are NaN or infinite"),
            (self.late, "that would have taken too long to draw"),
        ];
        for (count, which) in counts.into_iter().filter(|(count, _)| *count > 0) {
            // Writing to a String cannot fail.
            let _ = write!(facts, " Left out: {} {which}.", text::count(size(count), "face"));
        }
    }
}
