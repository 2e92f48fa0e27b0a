//! What a buffer's data is, in the words of a DCC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the data of a buffer is. It guides agents and previews; the bytes are not interpreted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum SceneDataKind {
    /// Meshes and other geometry.
    Geometry,
    /// Values that change over a range of frames.
    AnimationCache,
    /// An image: a viewport, a render, a texture.
    Screenshot,
    /// Anything else.
    #[default]
    Arbitrary,
}

impl SceneDataKind {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Geometry, Self::AnimationCache, Self::Screenshot, Self::Arbitrary];

    /// The name used in descriptors: `Geometry`, `AnimationCache`, `Screenshot` or `Arbitrary`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Geometry => "Geometry",
            Self::AnimationCache => "AnimationCache",
            Self::Screenshot => "Screenshot",
            Self::Arbitrary => "Arbitrary",
        }
    }
}

/// What one element of an array belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    /// A point (vertex) of the geometry.
    Point,
    /// A corner of a face (face-vertex, loop).
    Corner,
    /// A face (polygon).
    Face,
    /// An edge.
    Edge,
    /// An instance.
    Instance,
    /// A frame of an animation or an image.
    Frame,
    /// The whole: one value for everything.
    Constant,
}

impl Domain {
    const NAMES: [(&'static str, Self); 7] = [
        ("point", Self::Point),
        ("corner", Self::Corner),
        ("face", Self::Face),
        ("edge", Self::Edge),
        ("instance", Self::Instance),
        ("frame", Self::Frame),
        ("constant", Self::Constant),
    ];

    /// The name used in descriptors, in lower case.
    pub fn as_str(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, domain)| *domain == self)
            .map_or("constant", |(name, _)| name)
    }
}

impl std::str::FromStr for Domain {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, domain)| *domain)
            .ok_or_else(|| {
                Error::invalid(
                    "domain",
                    format!("{text:?} is none of point, corner, face, edge, instance, frame, constant"),
                )
            })
    }
}
