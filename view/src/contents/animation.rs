//! How long an animation is, and how fast it plays. Times are in frames, as in the attributes of USD.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Attrs, DataReader, Domain, PlacedArray, SceneDataKind};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::frame_bounds::FrameBounds;
use crate::attributes;
use crate::frames::Frames;
use crate::mesh_layout::PointsLayout;
use crate::text;

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Animation {
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<f64>,
    /// Of some frames.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Value>")]
    pub(super) bounds: Vec<FrameBounds>,
}

impl Animation {
    /// Says that the time codes that are stated do not fit the frames.
    pub(super) fn note(&self, attrs: &Attrs) -> Option<String> {
        Frames::of(attrs, self.frames?).note(attrs)
    }

    pub(super) fn of(reader: &DataReader) -> Option<Self> {
        let descriptor = reader.descriptor();
        let attr = |name| attributes::number(&descriptor.attrs, name);
        let frames = frames(reader.arrays(), descriptor.kind);
        let is_one = descriptor.kind == SceneDataKind::AnimationCache || frames.is_some_and(|frames| frames > 1);
        is_one.then(|| Self {
            frames,
            fps: attr("timeCodesPerSecond"),
            start: attr("startTimeCode"),
            end: attr("endTimeCode"),
            bounds: Vec::new(),
        })
    }
}

/// How many frames there are: as many as positions are drawn of, or else what the first axis of a cache says.
fn frames(arrays: &IndexMap<String, PlacedArray>, kind: SceneDataKind) -> Option<u64> {
    if kind == SceneDataKind::Screenshot {
        return None;
    }
    if let Ok(Some(points)) = PointsLayout::of(arrays, kind) {
        return Some(points.frames);
    }
    let is_cache = kind == SceneDataKind::AnimationCache;
    let first_axis = |array: &PlacedArray| array.shape.first().copied();
    let stated = arrays.values().find(|array| array.domain == Some(Domain::Frame));
    let transforms = || arrays.get("transform").filter(|array| array.shape.len() == 3);
    let any = || {
        arrays
            .values()
            .find(|array| array.domain.is_none() && array.shape.len() > 1)
    };
    let of_frames = stated.or_else(transforms).or_else(any).filter(|_| is_cache);
    of_frames.and_then(first_axis)
}

impl Display for Animation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frames {
            Some(frames) => {
                let frames = text::count(usize::try_from(frames).unwrap_or(usize::MAX), "frame");
                write!(f, "Animation of {frames}")?;
            }
            None => f.write_str("Animation of an unknown number of frames")?,
        }
        if let Some(fps) = self.fps {
            write!(f, " at {fps} a second")?;
        }
        if let (Some(start), Some(end)) = (self.start, self.end) {
            write!(f, ", from {start} to {end}")?;
        }
        self.bounds.iter().try_for_each(|bounds| write!(f, "\n{bounds}"))
    }
}
