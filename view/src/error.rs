//! The reasons why a look fails. The facts are in fields, and only `Display` puts them into words.

use std::error::Error as StdError;
use std::fmt::{self, Display};

use dcc_mcp_shm::{Dtype, Error, PlacedArray, SceneDataKind};

use crate::coordinates::Place;
use crate::left_out::LeftOut;
use crate::request::View;
use crate::text::{self, Quoted};

/// Longest message of an image decoder that is passed on, in bytes.
const MAX_PROBLEM_BYTES: usize = 200;

/// A look that failed. Each message says what is wrong; what to do about it depends on the caller.
///
/// The enum is exhaustive, so that the compiler points out a new failure to callers that give advice for each.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The store or the data cannot be read.
    #[error(transparent)]
    Data(#[from] Error),
    /// [`Progress`](crate::Progress) said that the result is no longer wanted.
    #[error("the look was cancelled")]
    Cancelled,
    /// A window starts behind the last row or byte.
    #[error("{start} lies behind the {total} {unit} there are")]
    BehindTheEnd {
        /// The first row or byte that was asked for.
        start: u64,
        /// How many there are.
        total: u64,
        /// `rows` or `bytes`.
        unit: &'static str,
    },
    /// The caller asked for rows of data that has no arrays.
    #[error("the data has no arrays")]
    NoRows,
    /// The caller asked for text, and the bytes are something else.
    #[error("byte {at} is not UTF-8")]
    NotText {
        /// The first byte that is not text, counted from the start of the array or of the data.
        at: u64,
    },
    /// The frame that was asked for lies behind the last one.
    #[error("there {are} {}, counted from 0", text::count(*frames, "frame"), are = if *frames == 1 { "is" } else { "are" })]
    NoSuchFrame {
        /// How many frames there are.
        frames: u64,
    },
    /// The buffer holds neither geometry nor pixels nor an image file.
    #[error("there is nothing to draw in {}{}", contents(*kind, *bytes, arrays), because(reasons))]
    NothingToDraw {
        /// The kind of the buffer.
        kind: SceneDataKind,
        /// Size of the data in bytes.
        bytes: u64,
        /// The first of its arrays.
        arrays: Vec<NamedArray>,
        /// Why that which has the name of something that can be drawn is not drawn.
        reasons: Vec<String>,
    },
    /// The attributes describe a frame that is larger or smaller than the data.
    #[error("its attributes say pixels of {dtype} {shape:?}, which are {described} bytes, and there are {bytes}")]
    WrongSize {
        /// The element type that the attributes say.
        dtype: Dtype,
        /// Height, width and channels that the attributes say.
        shape: Vec<u64>,
        /// Bytes of such a frame.
        described: u64,
        /// Size of the data in bytes.
        bytes: u64,
    },
    /// An array of pixels is too wide or too high.
    #[error("array {array} has an edge of more than {limit} pixels")]
    EdgeTooLong {
        /// The array.
        array: NamedArray,
        /// The longest edge that can be shown.
        limit: u64,
    },
    /// The array of positions has no points.
    #[error("the array \"position\" has no points")]
    NoPoints,
    /// Every position is NaN or infinite.
    #[error("all positions{} are NaN or infinite", OneIn(*one_in))]
    NowhereFinite {
        /// One position in this many was looked at.
        one_in: u64,
    },
    /// All points lie at one place, so nothing can be seen of them.
    #[error("all points{} lie at {}", OneIn(*one_in), Place(*place))]
    OnePlace {
        /// One point in this many was looked at.
        one_in: u64,
        /// The coordinates of the place.
        place: [f64; 3],
    },
    /// None of the faces of a mesh can be drawn.
    #[error("{}", no_face(left_out))]
    NoFace {
        /// Why the faces cannot be drawn.
        left_out: LeftOut,
    },
    /// Faces were drawn, but cover nothing of the picture.
    #[error(
        "nothing is to be seen {}: the faces are seen from their edges, or have no area",
        view.in_words()
    )]
    NothingSeen {
        /// The side from which the mesh was looked at.
        view: View,
    },
    /// The data begins like an image file but cannot be decoded.
    #[error(
        "the data begins like {format} but cannot be decoded: {}",
        text::bounded(&problem.to_string(), MAX_PROBLEM_BYTES)
    )]
    Undecodable {
        /// The format, such as `PNG`.
        format: &'static str,
        /// What the decoder says.
        problem: Box<dyn StdError + Send + Sync>,
    },
    /// An image file is larger than what can be shown.
    #[error("the {format} is too large to be shown: {problem}")]
    TooLarge {
        /// The format, such as `PNG`.
        format: &'static str,
        /// Which limit the file exceeds.
        problem: TooLarge,
    },
    /// No part of an EXR file can be read.
    #[error("the EXR has nothing that can be shown: {}", problems.join("; "))]
    NoReadablePart {
        /// For each part, why it cannot be read.
        problems: Vec<String>,
    },
    /// The picture cannot be made into an image file.
    #[error("the picture cannot be encoded: {problem}")]
    Unencodable {
        /// What the encoder says.
        problem: Box<dyn StdError + Send + Sync>,
    },
}

/// The limit that an image file exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// The file has more bytes than this.
    File(u64),
    /// Decoding needs more bytes of memory than this.
    Memory(u64),
    /// An edge has more pixels than this.
    Edge(u64),
    /// Width and height of an image whose edges or blocks are too large.
    Image([usize; 2]),
}

impl Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(limit) => write!(f, "its file is longer than {limit} bytes"),
            Self::Memory(limit) => write!(f, "decoding takes more than {limit} bytes of memory"),
            Self::Edge(limit) => write!(f, "an edge has more than {limit} pixels"),
            Self::Image([width, height]) => write!(f, "{width} × {height} pixels"),
        }
    }
}

/// An array in a few words: `"pixels" |u1 [1080, 1920, 4]`.
#[derive(Debug, Clone)]
pub struct NamedArray {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub dtype: Dtype,
    /// Its axes.
    pub shape: Vec<u64>,
}

impl NamedArray {
    pub(crate) fn new(name: &str, array: &PlacedArray) -> Self {
        Self {
            name: name.to_owned(),
            dtype: array.dtype,
            shape: array.shape.clone(),
        }
    }
}

impl Display for NamedArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", Quoted(&self.name), self.dtype, self.shape)
    }
}

/// Says that one thing in this many was looked at, unless all were.
struct OneIn(u64);

impl Display for OneIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => Ok(()),
            one_in => write!(f, " of the 1 in {one_in} that were looked at"),
        }
    }
}

fn contents(kind: SceneDataKind, bytes: u64, arrays: &[NamedArray]) -> String {
    let kind = kind.as_str();
    if arrays.is_empty() {
        return format!("these {bytes} bytes ({kind}): they are no image file");
    }
    let arrays: Vec<_> = arrays.iter().map(ToString::to_string).collect();
    format!("the arrays of this buffer ({kind}): {}", arrays.join(", "))
}

fn because(reasons: &[String]) -> String {
    reasons.iter().fold(String::new(), |text, reason| text + "; " + reason)
}

fn no_face(left_out: &LeftOut) -> String {
    let facts = match left_out.one_in {
        1 => format!("no face can be drawn.{left_out}"),
        one_in => format!("one in {one_in} faces was looked at, and none of them can be drawn.{left_out}"),
    };
    facts.trim_end_matches('.').to_owned()
}
