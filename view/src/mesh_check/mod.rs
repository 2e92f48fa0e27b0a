//! Whether a mesh is clean: its edges, faces and points, all of them, in one pass over its arrays.
//!
//! What is counted is exact. A mesh that would take more memory than [`BUDGET`] is not checked, and never in part.

mod edges;
mod faces;
mod refused;
mod repeats;

use std::fmt::{self, Display};

use dcc_mcp_shm::{DataReader, Error};

use self::edges::{EdgeCounts, Edges};
use self::faces::{Face, FaceStream};
use crate::coordinates::Reach;
use crate::error::LookError;
use crate::memory;
use crate::mesh_layout::{FacesLayout, PointsLayout};
use crate::number_stream::Numbers;
use crate::progress::Progress;
use crate::text::{self, Bytes};

/// Most memory that a check takes: enough for some five million quads.
const BUDGET: u64 = 256 << 20;
/// Bytes for each corner: an edge. For each face: what tells it from others. For each point: its coordinates, what tells it
/// from others, and whether it is used.
const PER_CORNER: u64 = 8;
const PER_FACE: u64 = 16;
const PER_POINT: u64 = 24 + 16 + 1;
/// A face has no area if it is smaller than this share of the square of its longest side.
const NO_AREA: f64 = 1e-12;
/// The least number that becomes infinite in single precision: half a step beyond its largest.
const BEYOND_SINGLE: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;

/// What was found in a mesh.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    pub(crate) triangles: u64,
    pub(crate) quads: u64,
    pub(crate) ngons: u64,
    /// Faces of fewer than three corners, or with corners or points that are not there.
    pub(crate) damaged: u64,
    /// Corners that no face has.
    pub(crate) loose: u64,
    pub(crate) edges: EdgeCounts,
    /// Faces of finite points that use a point twice, or have no area.
    pub(crate) degenerate: u64,
    /// Faces of the same points as another one.
    pub(crate) duplicate_faces: u64,
    pub(crate) unused: u64,
    /// How far the finite points of faces reach.
    pub(crate) used: Option<Reach>,
    /// How many finite points no face uses, and how far they reach.
    pub(crate) strays: Option<(u64, Reach)>,
    /// Points at the same place as another one.
    pub(crate) duplicate_points: u64,
    pub(crate) not_finite: u64,
    /// Points with finite numbers that single precision does not have.
    pub(crate) too_far: u64,
    /// Whether `face_start` and what else divides the corners say different faces.
    pub(crate) is_divided_twice: bool,
    /// Why the library refuses it, besides what is counted here.
    pub(crate) refused: Vec<String>,
    /// Whether the points are those of the first of several frames.
    pub(crate) of_first_frame: bool,
}

/// The result of a check.
#[derive(Debug, PartialEq)]
pub(crate) enum Checked {
    All(Box<Findings>),
    /// Nothing was checked, for this reason.
    Not(String),
}

impl Checked {
    /// Checks a mesh.
    ///
    /// # Errors
    /// The data cannot be read; [`LookError::Cancelled`].
    pub(crate) fn of(
        reader: &DataReader,
        points: &PointsLayout<'_>,
        faces: &FacesLayout<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, LookError> {
        let needed = [
            (faces.corner_vert.len, PER_CORNER),
            (faces.count, PER_FACE),
            (points.count, PER_POINT),
        ];
        let needed = needed.iter().fold(0_u64, |sum, (count, each)| {
            sum.saturating_add(count.saturating_mul(*each))
        });
        if needed > BUDGET {
            return Ok(Self::Not(format!(
                "that would take more than {:#} of memory",
                Bytes(BUDGET)
            )));
        }
        match check(reader, points, faces, progress) {
            Ok(findings) => Ok(Self::All(Box::new(findings))),
            Err(LookError::Data(Error::OutOfMemory { .. })) => Ok(Self::Not("there is no memory for it".to_owned())),
            Err(error) => Err(error),
        }
    }
}

fn check(
    reader: &DataReader,
    points: &PointsLayout<'_>,
    faces: &FacesLayout<'_>,
    progress: &dyn Progress,
) -> Result<Findings, LookError> {
    let places = places(reader, points, progress)?;
    let mut used = memory::filled(places.len(), false)?;
    let mut findings = Findings {
        of_first_frame: points.frames > 1,
        ..Findings::default()
    };
    let mut edges = Edges::new(faces.corner_vert.len)?;
    let mut keys = memory::with_room(usize::try_from(faces.count).unwrap_or(usize::MAX))?;
    let mut stream = FaceStream::new(reader, faces, progress);
    while let Some(face) = stream.next_face()? {
        let Face::Corners(corners) = face else {
            findings.damaged += 1;
            continue;
        };
        if corners.iter().any(|&corner| corner as usize >= places.len()) {
            findings.damaged += 1;
            continue;
        }
        *match corners.len() {
            3 => &mut findings.triangles,
            4 => &mut findings.quads,
            _ => &mut findings.ngons,
        } += 1;
        for &corner in corners {
            used[corner as usize] = true;
        }
        edges.add(corners);
        let (key, has_repeated) = repeats::key_of_face(corners)?;
        keys.push(key);
        let is_finite = corners.iter().all(|&corner| finite(&places[corner as usize]));
        findings.degenerate += u64::from(is_finite && (has_repeated || has_no_area(corners, &places)));
    }
    findings.loose = stream.loose();
    findings.edges = edges.count();
    findings.duplicate_faces = repeats::count(&mut keys);
    drop(keys);
    findings.unused = used.iter().filter(|used| !**used).count() as u64;
    for (&place, &is_used) in places.iter().zip(&used).filter(|(place, _)| finite(place)) {
        let here = Reach::at(place);
        if is_used {
            findings.used = Some(findings.used.map_or(here, |used| used.with(&here)));
        } else {
            let (count, others) = findings.strays.unwrap_or((0, here));
            findings.strays = Some((count + 1, others.with(&here)));
        }
    }
    let mut keys = memory::with_room(places.len())?;
    let all_finite = places.iter().filter(|place| finite(place));
    keys.extend(all_finite.map(|&place| repeats::key_of_place(place)));
    let is_too_far = |place: &&[f64; 3]| place.iter().any(|value| value.abs() >= BEYOND_SINGLE);
    findings.too_far = places.iter().filter(|place| finite(place)).filter(is_too_far).count() as u64;
    findings.not_finite = (places.len() - keys.len()) as u64;
    findings.duplicate_points = repeats::count(&mut keys);
    findings.is_divided_twice = !refused::starts_fit(reader, faces, progress)?;
    findings.refused = refused::reasons(reader, points, faces, progress)?;
    Ok(findings)
}

fn finite(place: &[f64; 3]) -> bool {
    place.iter().all(|value| value.is_finite())
}

/// The points of the first frame.
fn places(reader: &DataReader, points: &PointsLayout<'_>, progress: &dyn Progress) -> Result<Vec<[f64; 3]>, LookError> {
    let count = usize::try_from(points.count).unwrap_or(usize::MAX);
    let mut places = memory::with_room(count)?;
    let mut numbers = Numbers::new(reader, points.array, points.decode, progress);
    for _ in 0..count {
        let mut place = [0.0; 3];
        for value in &mut place {
            *value = numbers.next_number()?.unwrap_or(f64::NAN);
        }
        places.push(place);
    }
    Ok(places)
}

/// Whether a face of finite points has no area, however large or small it is.
fn has_no_area(corners: &[u32], places: &[[f64; 3]]) -> bool {
    // By halves, as the difference of two finite numbers may be infinite.
    let half = |corner: u32| places[corner as usize].map(|value| value / 2.0);
    let first = half(corners[0]);
    let apart = |corner: u32| {
        let place = half(corner);
        [0, 1, 2].map(|axis| place[axis] - first[axis])
    };
    let sides = corners.iter().flat_map(|&corner| apart(corner));
    let scale = sides.fold(0.0_f64, |scale, side| scale.max(side.abs()));
    if scale == 0.0 {
        return true;
    }
    // Squares of these neither overflow nor vanish.
    let from_first = |corner: u32| apart(corner).map(|side| side / scale);
    let (mut normal, mut longest) = ([0.0; 3], 0.0_f64);
    for pair in corners[1..].windows(2) {
        let [a, b] = [pair[0], pair[1]].map(from_first);
        let cross = [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ];
        normal = [0, 1, 2].map(|axis| normal[axis] + cross[axis]);
        longest = longest.max(dot(a)).max(dot(b));
    }
    dot(normal).sqrt() <= longest * NO_AREA
}

fn dot(vector: [f64; 3]) -> f64 {
    vector.iter().map(|value| value * value).sum()
}

impl Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = match self {
            Self::All(findings) => findings.as_ref(),
            Self::Not(why) => return write!(f, "Edges, faces and points were not checked: {why}"),
        };
        let Findings {
            triangles,
            quads,
            ngons,
            damaged,
            edges,
            ..
        } = findings;
        let kinds = [
            (*triangles, "triangle"),
            (*quads, "quad"),
            (*ngons, "n-gon"),
            (*damaged, "damaged face"),
            (findings.loose, "loose corner"),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<_> = kinds.map(|&(count, kind)| text::count(count, kind)).collect();
        write!(f, "All checked: {}", kinds.join(", "))?;
        let EdgeCounts {
            border,
            non_manifold,
            inconsistent,
        } = edges;
        write!(
            f,
            "; edges: {border} border, {non_manifold} non-manifold, {inconsistent} flipped; faces: {} degenerate, \
             {} duplicate; points: {} unused, {} duplicate, {} non-finite",
            findings.degenerate,
            findings.duplicate_faces,
            findings.unused,
            findings.duplicate_points,
            findings.not_finite
        )?;
        if findings.too_far > 0 {
            write!(f, ", {} beyond single precision", findings.too_far)?;
        }
        if findings.of_first_frame {
            f.write_str(" (in the first frame)")?;
        }
        if findings.is_divided_twice {
            f.write_str("; \"face_start\" says other faces than the other arrays")?;
        }
        if !findings.refused.is_empty() {
            write!(f, "; refused by dcc_mcp_shm.mesh: {}", findings.refused.join("; "))?;
        }
        Ok(())
    }
}
