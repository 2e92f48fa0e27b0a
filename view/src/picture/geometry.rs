//! Pictures of meshes, point clouds and animation caches: what is drawn, from which side, and what the text says about it.

use std::fmt::Write as _;

use dcc_mcp_shm::{Attrs, DataReader, Descriptor};
use image::RgbImage;

use super::camera::Orientation;
use super::face_reader;
use super::mesh::Mesh;
use super::output::Picture;
use super::size::size;
use super::source::Source;
use super::survey::{Outside, Survey};
use super::tally::Tally;
use super::{cloud, develop, sheet};
use crate::attributes::{self, UpAxis};
use crate::coordinates::{Place, Short};
use crate::error::LookError;
use crate::mesh_layout::{FacesLayout, PointsLayout};
use crate::placement::{Placement, beyond};
use crate::request::PictureRequest;
use crate::text;

/// Longest edge of a picture in which each pixel is the average of 2 × 2 samples. For a larger one, these would take
/// much memory.
const MAX_SMOOTH_EDGE: usize = 1024;

/// The geometry that the positions and faces of a buffer make up.
struct Geometry<'a> {
    points: PointsLayout<'a>,
    faces: Option<FacesLayout<'a>>,
    /// Why there are no faces although there are arrays for them.
    no_faces: Option<String>,
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
    let descriptor = reader.descriptor();
    let Ok(Some(points)) = PointsLayout::of(arrays, descriptor.kind) else {
        return Ok(None);
    };
    let placement = Placement::of(&descriptor.attrs);
    let rows = placement.ok().flatten().map(|placement| placement.proportions());
    let (up, assumed) = up_axis(descriptor);
    let (faces, no_faces) = match FacesLayout::of(arrays) {
        Ok(Some(faces)) if !face_reader::can_be_found(&faces) => {
            (None, Some(format!("{} faces are more than can be drawn", faces.count)))
        }
        Ok(faces) => (faces.filter(|faces| faces.count > 0), None),
        Err(why) => (None, Some(why)),
    };
    let geometry = Geometry {
        points,
        faces,
        no_faces,
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
    let mut text = geometry.describe(&survey, shown.len() as u64, request);
    geometry.describe_frames(&mut text, &shown, &descriptor.attrs);
    for note in attributes::notes(&descriptor.attrs) {
        text = format!("{text} {note}.");
    }
    let left_out = drawing.left_out;
    // Writing to a String cannot fail.
    if left_out.one_in > 1 {
        let _ = write!(text, " {}", geometry.share_in_words(left_out.one_in));
    }
    if drawing.are_dots && left_out.one_in == 1 {
        text.push_str(" Next to nothing of its faces would be seen, so small ones are drawn as dots.");
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
            loop {
                drawing = Tally::of_one_in(mesh.step());
                pictures.clear();
                for &frame in frames {
                    pictures.push(develop::develop(&mesh.draw(frame, &mut drawing)?, across)?);
                }
                if !mesh.enlarge(&drawing) {
                    break;
                }
            }
            drawing.are_dots = mesh.has_dots();
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

    fn describe(&self, survey: &Survey, shown: u64, request: &PictureRequest) -> String {
        let points = text::count(size(self.points.count), "point");
        let mut text = match &self.faces {
            Some(faces) => match faces.note() {
                Some(note) => {
                    let triangles = text::count(size(faces.count), "triangle");
                    format!("Mesh of {points} and {triangles} ({note})")
                }
                None => format!("Mesh of {points} and {}", text::count(size(faces.count), "face")),
            },
            None => format!("Point cloud of {points}"),
        };
        let up = match self.up {
            UpAxis::Y => "Y",
            UpAxis::Z => "Z",
        };
        let (assumed, view) = (self.assumed, request.view.in_words());
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            ", seen {view} with {up} up{assumed}; {}.",
            self.reach_in_words(survey, shown)
        );
        if let Some(outside) = &survey.outside {
            let _ = write!(text, " {}", outside_in_words(outside));
        }
        for note in self
            .no_faces
            .iter()
            .map(|why| format!("Its faces are not drawn, because {why}"))
            .chain(self.points.note())
        {
            let _ = write!(text, " {note}.");
        }
        let is_double = self.points.array.dtype.size() == 8;
        match self.placement {
            Err(why) => {
                let _ = write!(text, " Its attribute transform is left out, because {why}.");
            }
            Ok(Some(placement)) if !placement.can_hold(furthest(survey), is_double) => {
                let _ = write!(
                    text,
                    " Of its attribute transform only turn and proportions are shown, because {}.",
                    beyond(is_double)
                );
            }
            Ok(_) => {}
        }
        if survey.shown.not_finite > 0 {
            let positions = text::count(size(survey.shown.not_finite), "position");
            let _ = write!(text, " Left out: {positions} with NaN or infinite values.");
        }
        text
    }

    /// How far the positions reach that are shown, and those of all frames if these are more.
    fn reach_in_words(&self, survey: &Survey, shown: u64) -> String {
        let (reach, frames) = (survey.shown.reach, self.points.frames);
        let positions = match survey.chunks {
            1 => format!("its positions reach from {reach}"),
            chunks => format!("1 in {chunks} positions was looked at, which reach from {reach}"),
        };
        if shown >= frames {
            return positions;
        }
        let here = if shown == 1 { "this frame" } else { "these frames" };
        let whole = match survey.frames {
            all if all == frames => format!("all {frames} frames"),
            some => format!("the {some} of {frames} frames that were looked at"),
        };
        format!("{positions} in {here}, and from {} in {whole}", survey.all.reach)
    }

    fn describe_frames(&self, text: &mut String, shown: &[u64], attrs: &Attrs) {
        let frames = self.points.frames;
        if frames < 2 {
            return;
        }
        let number = |name: &str| attributes::number(attrs, name);
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
        None => Ok(sheet::tiles(frames)),
    }
}

/// The axis that is up, and why it is assumed. It is what the scene says, or else usual in the program that the scene
/// comes from.
fn up_axis(descriptor: &Descriptor) -> (UpAxis, &'static str) {
    let is_said = match attributes::up_axis(&descriptor.attrs) {
        Ok(axis) => return (axis, ""),
        Err(is_said) => is_said,
    };
    let usual = if descriptor.source_dcc.to_lowercase().contains("blender") {
        UpAxis::Z
    } else {
        UpAxis::Y
    };
    let why = if is_said {
        " (assumed: the attribute upAxis is neither Y nor Z)"
    } else {
        " (assumed: there is no attribute upAxis)"
    };
    (usual, why)
}

/// The largest absolute value of a coordinate.
fn furthest(survey: &Survey) -> f64 {
    let reach = survey.shown.reach;
    let coordinates = reach.low.iter().chain(&reach.high);
    coordinates.fold(0.0, |furthest, &number| number.abs().max(furthest))
}

fn outside_in_words(outside: &Outside) -> String {
    let Outside {
        count,
        framed,
        furthest,
        distance,
    } = outside;
    let (lie, it) = if *count == 1 {
        ("lies", "it lies")
    } else {
        ("lie", "the furthest lies")
    };
    let positions = text::count(size(*count), "position");
    format!(
        "The picture takes in what lies from {framed}; {positions} {lie} outside of that: {it} at {}, {} from the middle of the \
         rest.",
        Place(*furthest),
        Short(*distance)
    )
}
