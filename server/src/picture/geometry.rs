//! Meshes, point clouds and animation caches: what is drawn, from where, and what is said about it.

use std::fmt::Write as _;

use dcc_mcp_shm::{Attrs, DataReader, Descriptor};
use image::RgbImage;

use super::camera::{Camera, Extent, Orientation, UpAxis};
use super::drawing::{Drawing, draw_faces, draw_points};
use super::faces::Faces;
use super::points::Points;
use super::source::Source;
use super::tone::Number;
use super::{Picture, Request, light, sheet, size};
use crate::reply::ToolError;
use crate::text;

/// Longest edge of a picture in which each pixel is the average of 2 × 2 samples; more would be a lot of memory.
const MAX_SMOOTH_EDGE: usize = 1024;

/// What the positions and faces of a buffer make up.
struct Geometry<'a> {
    points: Points<'a>,
    faces: Option<Faces<'a>>,
    orientation: Orientation,
    up: UpAxis,
    /// Whether the scene says so.
    up_is_said: bool,
}

/// What was found when all points were looked at.
struct Survey {
    camera: Camera,
    low: [f32; 3],
    high: [f32; 3],
    /// Positions that are no numbers, or without end.
    not_finite: u64,
}

/// Draws the positions of a buffer, if it has any.
pub(super) fn draw(source: &Source<'_>, reader: &DataReader, request: &Request) -> Result<Option<Picture>, ToolError> {
    let arrays = reader.arrays();
    let Some(points) = arrays.get("position").and_then(Points::of) else {
        return Ok(None);
    };
    let descriptor = reader.descriptor();
    let said = said_up_axis(&descriptor.attrs);
    let up = said.unwrap_or_else(|| usual_up_axis(descriptor));
    let geometry = Geometry {
        points,
        faces: Faces::of(arrays).filter(|faces| faces.count > 0 && !points.is_sampled()),
        orientation: Orientation::new(request.view, up, placement(&descriptor.attrs)),
        up,
        up_is_said: said.is_some(),
    };
    let shown = shown_frames(points.frames, request.frame)?;
    let survey = geometry.survey(source, &shown)?;
    let (columns, tile) = sheet::tiling(shown.len(), request.max_edge);
    let mut drawing = Drawing::default();
    let mut pictures = Vec::new();
    for &frame in &shown {
        let (picture, drawn) = geometry.draw_frame(source, frame, &survey.camera, tile)?;
        pictures.push(picture);
        drawing = drawing + drawn;
    }
    drawing.check(request.view)?;
    let mut text = geometry.describe(&survey, request);
    geometry.describe_frames(&mut text, &shown, &descriptor.attrs);
    drawing.describe(&mut text);
    let image = sheet::assemble(pictures, columns);
    Ok(Some(Picture { image, text }))
}

impl Geometry<'_> {
    /// Looks at all points of the frames that are shown, and of others besides, so that the camera is the same whatever
    /// frame is asked for.
    fn survey(&self, source: &Source<'_>, shown: &[u64]) -> Result<Survey, ToolError> {
        let mut frames = sheet::evenly_spaced(self.points.frames);
        frames.extend(shown);
        frames.sort_unstable();
        frames.dedup();
        let mut extent = Extent::new(self.orientation);
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        let (mut finite, mut not_finite) = (0_u64, 0);
        for frame in frames {
            self.points.read(source, frame, |points| {
                for point in points {
                    if !point.iter().all(|value| value.is_finite()) {
                        not_finite += 1;
                        continue;
                    }
                    finite += 1;
                    extent.add(point);
                    low = [0, 1, 2].map(|axis| low[axis].min(point[axis]));
                    high = [0, 1, 2].map(|axis| high[axis].max(point[axis]));
                }
            })?;
        }
        let Some(camera) = extent.camera() else {
            let fact = if finite > 0 {
                format!("All points lie at {}", place(low))
            } else if not_finite > 0 {
                "All positions are NaN or infinite".to_owned()
            } else {
                "The array \"position\" has no points".to_owned()
            };
            return Err(ToolError::new(
                fact,
                "There is nothing to draw; ask the program that made it.",
            ));
        };
        Ok(Survey {
            camera,
            low,
            high,
            not_finite,
        })
    }

    fn draw_frame(
        &self,
        source: &Source<'_>,
        frame: u64,
        camera: &Camera,
        edge: usize,
    ) -> Result<(RgbImage, Drawing), ToolError> {
        let mut seen = Vec::with_capacity(size(self.points.count / self.points.stride + 1));
        self.points.read(source, frame, |points| {
            seen.extend(points.map(|point| camera.seen(point)));
        })?;
        let across = if edge <= MAX_SMOOTH_EDGE { 2 } else { 1 };
        let projection = camera.projection(edge * across);
        let (samples, drawing) = match &self.faces {
            Some(faces) => draw_faces(source, faces, &seen, projection, edge * across)?,
            None => draw_points(&seen, projection, edge * across),
        };
        Ok((light::develop(&samples, across), drawing))
    }

    fn describe(&self, survey: &Survey, request: &Request) -> String {
        let Points { count, stride, .. } = self.points;
        let points = text::count(size(count), "point");
        let mut text = match &self.faces {
            Some(faces) if faces.are_taken_for_triangles() => {
                let triangles = text::count(size(faces.count), "triangle");
                format!(
                    "Mesh of {points} and {triangles} (taken for such: there is no \"face_size\" or \"face_start\")"
                )
            }
            Some(faces) => format!("Mesh of {points} and {}", text::count(size(faces.count), "face")),
            None => format!("Point cloud of {points}"),
        };
        let up = match self.up {
            UpAxis::Y => "Y",
            UpAxis::Z => "Z",
        };
        let assumed = if self.up_is_said {
            ""
        } else {
            " (assumed: there is no attribute upAxis)"
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            ", seen {} with {up} up{assumed}; it reaches from {} to {}.",
            request.view.in_words(),
            place(survey.low),
            place(survey.high)
        );
        if self.points.is_sampled() {
            let _ = write!(text, " Too many to hold: one point in {stride} is drawn, and no faces.");
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
            let time = |frame: u64| start + frame as f64 * number("timeCodeStep").unwrap_or(1.0);
            format!(", at time codes {} to {}", time(0), time(frames - 1))
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

/// The frames to show: the one that was asked for, or some.
fn shown_frames(frames: u64, asked: Option<u64>) -> Result<Vec<u64>, ToolError> {
    match asked {
        Some(frame) if frame >= frames => Err(ToolError::argument(
            "frame",
            format!("there are {frames} frames, counted from 0"),
            "Leave it out to see some of all.",
        )),
        Some(frame) => Ok(vec![frame]),
        None => Ok(sheet::evenly_spaced(frames)),
    }
}

/// Which axis is up, as the scene says.
fn said_up_axis(attrs: &Attrs) -> Option<UpAxis> {
    match attrs.get("upAxis")?.as_str()? {
        "Z" | "z" => Some(UpAxis::Z),
        "Y" | "y" => Some(UpAxis::Y),
        _ => None,
    }
}

/// Which axis is up in the program that the scene comes from.
fn usual_up_axis(descriptor: &Descriptor) -> UpAxis {
    if descriptor.source_dcc.to_lowercase().contains("blender") {
        UpAxis::Z
    } else {
        UpAxis::Y
    }
}

/// How an object is turned and scaled where it is placed.
fn placement(attrs: &Attrs) -> Option<[[f64; 3]; 3]> {
    let numbers: Option<Vec<f64>> = attrs
        .get("transform")?
        .as_array()?
        .iter()
        .map(serde_json::Value::as_f64)
        .collect();
    match numbers?[..] {
        // The rows of a 4 × 4 matrix: the last is where it is put, which the camera follows.
        [x0, y0, z0, _, x1, y1, z1, _, x2, y2, z2, ..] => Some([[x0, y0, z0], [x1, y1, z1], [x2, y2, z2]]),
        _ => None,
    }
}

fn place([x, y, z]: [f32; 3]) -> String {
    format!("({}, {}, {})", Number(x), Number(y), Number(z))
}
