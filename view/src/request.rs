//! The request for a picture.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a picture is to show.
#[derive(Debug, Clone)]
pub struct PictureRequest {
    /// Longest edge of the picture, in pixels.
    pub max_edge: usize,
    /// What to look at: an array, or a layer, part or channel of an EXR file, by its name or what is clearly meant by it.
    /// Without it, the finished picture or the geometry is shown.
    pub array: Option<String>,
    /// The sides from which geometry is seen, one picture each; without any, [`View::ThreeQuarter`].
    pub views: Vec<View>,
    /// The frames of an animation cache or of a batch of images, by their time codes or counted from 0, one picture
    /// each; without any, some of all frames are shown.
    pub frames: Vec<f64>,
}

/// Says that an argument was not used.
pub(crate) fn unused(argument: &str, why: &str) -> String {
    format!("`{argument}` was not used, because {why}")
}

/// A side from which geometry is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "names that say all; schemars writes documented variants in another way"
)]
pub enum View {
    #[default]
    ThreeQuarter,
    Front,
    Back,
    Left,
    Right,
    Top,
    Bottom,
}

impl View {
    /// The side in words, such as `from the front`.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::ThreeQuarter => "from the front, right and above",
            Self::Front => "from the front",
            Self::Back => "from the back",
            Self::Left => "from the left",
            Self::Right => "from the right",
            Self::Top => "from the top",
            Self::Bottom => "from the bottom",
        }
    }
}
