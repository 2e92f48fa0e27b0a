//! Pictures of meshes, point clouds and animation caches: what is drawn, from which side, and what the text says about it.

use std::fmt::Write as _;

use dcc_mcp_shm::{Attrs, DataReader, Descriptor};
use image::RgbImage;

use super::camera::{Orientation, UpAxis};
use super::face_reader::Faces;
use super::mesh::Mesh;
use super::output::Picture;
use super::points::Points;
use super::size::size;
use super::source::Source;
use super::survey::Survey;
use super::tally::Tally;
use super::{cloud, develop, sheet};
use crate::error::LookError;
use crate::placement::{BEYOND, Placement};
use crate::request::PictureRequest;
use crate::text::{self, Place};

/// Longest edge of a picture in which each pixel is the average of 2 × 2 samples. For a larger one, these would take
/// much memory.
const MAX_SMOOTH_EDGE: usize = 1024;

/// The geometry that the positions and faces of a buffer make up.
struct Geometry<'a> {
    points: Points<'a>,
    faces: Option<Faces<'a>>,
    /// Whether there are faces, but more than can be found.
    has_too_many_faces: bool,
    placement: Result<Option<Placement>, &'static str>,
    orientation: Orientation,
    up: UpAxis,
    /// Why `up` is assumed; empty if the scene says which axis is up.
    assumed: &'static str,
}

/// Draws the positions of a buffer, if it has any.
pub(super) fn draw(
    source: &Source<'_>,
    reader: &DataReader,
    request: &PictureRequest,
) -> Result<Option<Picture>, LookError> {
    let arrays = reader.arrays();
    let Some(points) = arrays.get("position").and_then(Points::of) else {
        return Ok(None);
    };
    let descriptor = reader.descriptor();
    let placement = Placement::of(&descriptor.attrs);
    let rows = placement.ok().flatten().map(|placement| placement.proportions());
    let (up, assumed) = up_axis(descriptor);
    let faces = Faces::of(arrays).filter(|faces| faces.count > 0);
    let geometry = Geometry {
        points,
        faces: faces.filter(Faces::can_be_found),
        has_too_many_faces: faces.is_some_and(|faces| !faces.can_be_found()),
        placement,
        orientation: Orientation::new(request.view, up, rows),
        up,
        assumed,
    };
    let shown = shown_frames(points.frames, request.frame)?;
    let survey = Survey::of(source, &points, &shown, geometry.orientation)?;
    let (columns, tile) = sheet::tiling(shown.len(), request.max_edge);
    let (pictures, drawing) = geometry.draw_frames(source, &shown, &survey, tile)?;
    drawing.check(request.view)?;
    let mut text = geometry.describe(&survey, request);
    geometry.describe_frames(&mut text, &shown, &descriptor.attrs);
    let left_out = drawing.left_out;
    // Writing to a String cannot fail.
    if left_out.one_in > 1 {
        let _ = write!(text, " {}", geometry.share_in_words(left_out.one_in));
    }
    let _ = write!(text, "{left_out}");
    let image = sheet::assemble(pictures, columns)?;
    Ok(Some(Picture { image, text }))
}

impl Geometry<'_> {
    /// Pictures of the frames, each `edge` pixels wide and high.
    fn draw_frames(
        &self,
        source: &Source<'_>,
        frames: &[u64],
        survey: &Survey,
        edge: usize,
    ) -> Result<(Vec<RgbImage>, Tally), LookError> {
        let across = if edge <= MAX_SMOOTH_EDGE { 2 } else { 1 };
        let (camera, samples) = (&survey.camera, edge * across);
        let mut pictures = Vec::new();
        let mut drawing;
        if let Some(faces) = self.faces {
            let mut mesh = Mesh::new(source, faces, self.points, camera, frames, samples)?;
            drawing = Tally::of_one_in(mesh.step());
            for &frame in frames {
                pictures.push(develop::develop(&mesh.draw(frame, &mut drawing)?, across)?);
            }
        } else {
            let share = cloud::share(&self.points, frames.len() as u64, survey.chunks);
            drawing = Tally::of_one_in(share.one_in());
            for &frame in frames {
                let drawn = cloud::draw(source, &self.points, frame, share, camera, samples, &mut drawing)?;
                pictures.push(develop::develop(&drawn, across)?);
            }
        }
        Ok((pictures, drawing))
    }

    /// Says how much of the geometry is drawn, if that is not all.
    fn share_in_words(&self, one_in: u64) -> String {
        match self.faces {
            Some(_) => format!(
                "It is drawn from 1 in {one_in} of its faces, as all of them would take too long; small faces are dots that \
                 close the gaps."
            ),
            None => format!("It is drawn from 1 in {one_in} of its points, as all of them would take too long."),
        }
    }

    fn describe(&self, survey: &Survey, request: &PictureRequest) -> String {
        let points = text::count(size(self.points.count), "point");
        let mut text = match &self.faces {
            Some(faces) if faces.are_taken_for_triangles() => {
                let triangles = text::count(size(faces.count), "triangle");
                format!(
                    "Mesh of {points} and {triangles} (taken for such: there is no \"face_size\" or \"face_start\")"
                )
            }
            Some(faces) => format!("Mesh of {points} and {}", text::count(size(faces.count), "face")),
            None if self.has_too_many_faces => format!("Mesh of {points}, and of more faces than can be drawn"),
            None => format!("Point cloud of {points}"),
        };
        let up = match self.up {
            UpAxis::Y => "Y",
            UpAxis::Z => "Z",
        };
        let (assumed, view) = (self.assumed, request.view.in_words());
        let (low, high) = (Place(survey.low), Place(survey.high));
        // Writing to a String cannot fail.
        let _ = match survey.chunks {
            1 => write!(
                text,
                ", seen {view} with {up} up{assumed}; its positions reach from {low} to {high}."
            ),
            chunks => write!(
                text,
                ", seen {view} with {up} up{assumed}; 1 in {chunks} positions was looked at, which reach from {low} to \
                 {high}."
            ),
        };
        match self.placement {
            Err(why) => {
                let _ = write!(text, " Its attribute transform is left out, because {why}.");
            }
            Ok(Some(placement)) if !placement.can_hold(furthest(survey)) => {
                let _ = write!(
                    text,
                    " Of its attribute transform only turn and proportions are shown, because {BEYOND}."
                );
            }
            Ok(_) => {}
        }
        if survey.not_finite > 0 {
            let positions = text::count(size(survey.not_finite), "position");
            let _ = write!(text, " Left out: {positions} with NaN or infinite values.");
        }
        text
    }

    fn describe_frames(&self, text: &mut String, shown: &[u64], attrs: &Attrs) {
        let frames = self.points.frames;
        if frames < 2 {
            return;
        }
        let number = |name: &str| attrs.get(name).and_then(serde_json::Value::as_f64);
        let times = number("startTimeCode").map_or_else(String::new, |start| {
            #[expect(clippy::cast_precision_loss, reason = "frames of a cache")]
            let end = start + (frames - 1) as f64 * number("timeCodeStep").unwrap_or(1.0);
            if end.is_finite() {
                format!(", at time codes {start} to {end}")
            } else {
                String::new()
            }
        });
        let names: Vec<String> = shown.iter().map(u64::to_string).collect();
        let (names, last) = (names.join(", "), frames - 1);
        // Writing to a String cannot fail.
        let _ = match shown {
            [_] => write!(text, " Frame {names} of 0 to {last}{times}."),
            _ => write!(
                text,
                " Frames {names} of 0 to {last}{times}, from left to right and top to bottom, all by one camera."
            ),
        };
    }
}

/// The frames to show: the frame that was asked for, or else some of all.
fn shown_frames(frames: u64, asked: Option<u64>) -> Result<Vec<u64>, LookError> {
    match asked {
        Some(frame) if frame >= frames => Err(LookError::NoSuchFrame { frames }),
        Some(frame) => Ok(vec![frame]),
        None => Ok(sheet::evenly_spaced(frames)),
    }
}

/// The axis that is up, and why it is assumed. It is what the scene says, or else usual in the program that the scene
/// comes from.
fn up_axis(descriptor: &Descriptor) -> (UpAxis, &'static str) {
    let said = descriptor.attrs.get("upAxis");
    match said.and_then(serde_json::Value::as_str) {
        Some("Z" | "z") => return (UpAxis::Z, ""),
        Some("Y" | "y") => return (UpAxis::Y, ""),
        _ => {}
    }
    let usual = if descriptor.source_dcc.to_lowercase().contains("blender") {
        UpAxis::Z
    } else {
        UpAxis::Y
    };
    let why = match said {
        Some(_) => " (assumed: the attribute upAxis is neither Y nor Z)",
        None => " (assumed: there is no attribute upAxis)",
    };
    (usual, why)
}

/// The largest absolute value of a coordinate.
fn furthest(survey: &Survey) -> f64 {
    let coordinates = survey.low.iter().chain(&survey.high);
    coordinates.fold(0.0, |furthest, &number| f64::from(number.abs()).max(furthest))
}
