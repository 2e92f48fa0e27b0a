//! Pictures of meshes, point clouds and animation caches: what is drawn, from which side, and what the text says about it.

use std::fmt::Write as _;

use dcc_mcp_shm::{DataReader, Descriptor};
use image::RgbImage;

use super::camera::{Camera, Orientation};
use super::face_reader;
use super::mesh::Mesh;
use super::output::Picture;
use super::sheet::{self, Grid};
use super::size::size;
use super::source::Source;
use super::survey::{Outside, Survey};
use super::tally::Tally;
use super::{cloud, develop};
use crate::attributes::{self, UpAxis};
use crate::coordinates::{Place, Short};
use crate::error::LookError;
use crate::frames::Frames;
use crate::mesh_layout::{FacesLayout, PointsLayout};
use crate::placement::{Placement, beyond};
use crate::request::{PictureRequest, View};
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
    views: Vec<View>,
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
        views: match request.views[..] {
            [] => vec![View::default()],
            _ => request.views.clone(),
        },
        up,
        assumed,
    };
    let views = geometry.views.len();
    let frames = Frames::of(&descriptor.attrs, points.frames);
    let shown = sheet::shown_frames(&frames, &request.frames, views)?;
    let oriented = geometry.views.iter().map(|&view| Orientation::new(view, up, rows));
    let orientations: Vec<_> = oriented.collect();
    let survey = Survey::of(source, &points, &shown, &orientations)?;
    let grid = Grid::of(views, shown.len(), request.max_edge);
    let Drawn {
        pictures,
        tally: drawing,
        unseen,
    } = geometry.draw_views(source, &shown, &survey, grid.tile)?;
    let mut text = geometry.describe(&survey, shown.len() as u64);
    geometry.describe_frames(&mut text, &shown, &frames);
    for view in unseen {
        text = format!("{text} Nothing is to be seen {}.", view.in_words());
    }
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
    let image = grid.assemble(pictures)?;
    Ok(Some(Picture { image, text }))
}

/// Pictures of geometry.
struct Drawn {
    /// For each side, one for each frame.
    pictures: Vec<RgbImage>,
    /// What was drawn from the side from which least was.
    tally: Tally,
    /// The sides from which nothing is seen, if there are others.
    unseen: Vec<View>,
}

impl Geometry<'_> {
    /// Pictures of the frames from all sides, each `edge` pixels wide and high.
    fn draw_views(
        &self,
        source: &Source<'_>,
        frames: &[u64],
        survey: &Survey,
        edge: usize,
    ) -> Result<Drawn, LookError> {
        let (mut pictures, mut tallies, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
        let mut failure = None;
        for (&view, camera) in self.views.iter().zip(&survey.cameras) {
            let (drawn, tally) = self.draw_frames(source, frames, survey, camera, edge)?;
            pictures.extend(drawn);
            tallies.push(tally);
            if let Err(error) = tally.check(view) {
                unseen.push(view);
                failure.get_or_insert(error);
            }
        }
        match failure {
            Some(error) if unseen.len() == self.views.len() => return Err(error),
            _ => {}
        }
        let one_in = |tally: &Tally| tally.left_out.one_in;
        Ok(Drawn {
            pictures,
            tally: tallies.into_iter().max_by_key(one_in).unwrap_or(Tally::of_one_in(1)),
            unseen,
        })
    }

    /// Pictures of the frames by one camera.
    fn draw_frames(
        &self,
        source: &Source<'_>,
        frames: &[u64],
        survey: &Survey,
        camera: &Camera,
        edge: usize,
    ) -> Result<(Vec<RgbImage>, Tally), LookError> {
        let across = if edge <= MAX_SMOOTH_EDGE { 2 } else { 1 };
        let samples = edge * across;
        let views = self.views.len() as u64;
        let mut pictures = Vec::new();
        let mut drawing;
        if let Some(faces) = self.faces {
            let mut mesh = Mesh::new(source, faces, self.points, camera, frames, samples, views)?;
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
            let share = cloud::share(&self.points, frames.len() as u64 * views, survey.chunks);
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

    fn describe(&self, survey: &Survey, shown: u64) -> String {
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
        let up = self.up.as_str();
        let views: Vec<_> = self.views.iter().map(|view| view.in_words()).collect();
        let (assumed, view) = (self.assumed, views.join("; "));
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

    /// Says which frames are shown, and which picture is which.
    fn describe_frames(&self, text: &mut String, shown: &[u64], frames: &Frames) {
        let names: Vec<String> = shown.iter().map(|&frame| frames.name(frame)).collect();
        // Writing to a String cannot fail.
        if frames.count > 1 {
            let frame = if shown.len() == 1 { "Frame" } else { "Frames" };
            let _ = write!(text, " {frame} {} of {}", names.join(", "), frames.range());
            text.push_str(match (shown.len(), self.views.len()) {
                (1, _) => ".",
                (_, 1) => ", from left to right and top to bottom, all by one camera.",
                _ => ", from left to right.",
            });
        }
        match (self.views.len(), shown.len()) {
            (1, _) => {}
            (_, 1) => text.push_str(" The sides are from left to right and top to bottom, each at a scale of its own."),
            _ => text.push_str(" Each side is a row, from top to bottom, at a scale of its own."),
        }
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
