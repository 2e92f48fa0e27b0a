//! How long an animation is, and how fast it plays. Times are in frames, as in the attributes of USD.

use std::fmt::{self, Display};

use dcc_mcp_shm::{DataReader, Domain, PlacedArray, SceneDataKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

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
}

impl Animation {
    pub(super) fn of(reader: &DataReader) -> Option<Self> {
        let descriptor = reader.descriptor();
        let attr = |name| descriptor.attrs.get(name).and_then(Value::as_f64);
        let of_frames = |array: &&PlacedArray| array.domain == Some(Domain::Frame);
        let frames = reader.arrays().values().find(of_frames);
        (descriptor.kind == SceneDataKind::AnimationCache).then(|| Self {
            frames: frames.and_then(|array| array.shape.first().copied()),
            fps: attr("timeCodesPerSecond"),
            start: attr("startTimeCode"),
            end: attr("endTimeCode"),
        })
    }
}

impl Display for Animation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frames {
            Some(frames) => write!(f, "Animation of {frames} frames")?,
            None => f.write_str("Animation of an unknown number of frames")?,
        }
        if let Some(fps) = self.fps {
            write!(f, " at {fps} a second")?;
        }
        if let (Some(start), Some(end)) = (self.start, self.end) {
            write!(f, ", from {start} to {end}")?;
        }
        Ok(())
    }
}
