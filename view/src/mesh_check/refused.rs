//! Why `dcc_mcp_shm.mesh` refuses arrays as those of a mesh, besides what the findings count: arrays of another shape, type or
//! domain than docs/format.md has, and numbers that are not within their tables. It is what `Mesh.of` of
//! python/dcc_mcp_shm/mesh.py checks, so that nothing is called clean which that refuses.

use dcc_mcp_shm::{DataReader, Domain, PlacedArray};

use crate::error::LookError;
use crate::mesh_layout::{Division, FacesLayout, IndexArray, PointsLayout};
use crate::number_stream::Numbers;
use crate::progress::Progress;
use crate::text::Quoted;

/// Largest number of what the library has in 32 bits.
const LARGEST: u32 = i32::MAX.unsigned_abs();

/// The reasons, in words.
pub(super) fn reasons(
    reader: &DataReader,
    points: &PointsLayout<'_>,
    faces: &FacesLayout<'_>,
    progress: &dyn Progress,
) -> Result<Vec<String>, LookError> {
    let arrays = reader.arrays();
    let (frames, points, corners) = (points.frames, points.count, faces.corner_vert.len);
    let length = |name| arrays.get(name).and_then(|array| array.shape.first()).copied();
    let count = length("face_start")
        .or_else(|| length("face_size"))
        .unwrap_or(faces.count);
    let mut reasons = Vec::new();
    for (name, array) in arrays {
        let unused = name == "face_size" && arrays.contains_key("face_start");
        let Some(part) = Part::named(name).filter(|_| !unused) else {
            continue;
        };
        let (shown, dtype) = (Quoted(name), array.dtype);
        let is_of = |types: &str| dtype.typestr().contains(|c| types.contains(c));
        if !is_of(if part.is_whole() { "iu" } else { "fiu" }) {
            reasons.push(format!("{shown} is of type {dtype}"));
        }
        if let Some(domain) = array.domain.filter(|domain| !part.may_be_of(*domain)) {
            reasons.push(format!("{shown} is of each {}", domain.as_str()));
        }
        let wanted = part.shapes(array, points, corners, count);
        // Of a cache each frame is a mesh, which has the points of that frame.
        let is_of_frames = frames > 1 && name == "position";
        if !is_of_frames && !wanted.is_empty() && !wanted.contains(&array.shape) {
            let wanted: Vec<_> = wanted.iter().map(|shape| format!("{shape:?}")).collect();
            reasons.push(format!(
                "{shown} has the shape {:?}, not {}",
                array.shape,
                wanted.join(" or ")
            ));
        }
    }
    if matches!(faces.division, Division::Unsaid) && faces.corner_vert.array.shape.len() > 1 {
        let shape = &faces.corner_vert.array.shape;
        reasons.push(format!(
            "\"corner_vert\" has the shape {shape:?}, and nothing says where faces begin"
        ));
    }
    let largest = |name| -> Result<Option<u32>, LookError> {
        let Ok(Some(array)) = IndexArray::of(arrays, name) else {
            return Ok(None);
        };
        let mut numbers = Numbers::new(reader, array.array, array.decode, progress);
        let mut largest = None;
        while let Some(number) = numbers.next_number()? {
            largest = largest.max(Some(number));
        }
        Ok(largest)
    };
    if largest("edge_verts")?.is_some_and(|point| u64::from(point) >= points) {
        reasons.push(format!("\"edge_verts\" has points that are none of the {points}"));
    }
    if largest("material")?.is_some_and(|number| number > LARGEST) {
        reasons.push("\"material\" has negative numbers, or too large ones".to_owned());
    }
    Ok(reasons)
}

/// Whether `face_start` says the same faces as what is taken for them where both are there.
pub(super) fn starts_fit<'a>(
    reader: &'a DataReader,
    faces: &FacesLayout<'a>,
    progress: &'a dyn Progress,
) -> Result<bool, LookError> {
    let Ok(Some(starts)) = IndexArray::of(reader.arrays(), "face_start") else {
        return Ok(true);
    };
    let numbers = |array: IndexArray<'a>| Numbers::new(reader, array.array, array.decode, progress);
    let mut sizes = match faces.division {
        Division::Sizes(sizes) => Some(numbers(sizes)),
        Division::Rows(_) | Division::PaddedRows { .. } => None,
        Division::Starts(_) | Division::Unsaid => return Ok(true),
    };
    let each = faces
        .corners_of_each()
        .unwrap_or_else(|| faces.corner_vert.len / faces.count.max(1));
    let mut starts = numbers(starts);
    let mut expected = 0;
    for _ in 0..faces.count {
        if starts.next_number()?.map(u64::from) != Some(expected) {
            return Ok(false);
        }
        let size = match &mut sizes {
            Some(sizes) => sizes.next_number()?.unwrap_or(0).into(),
            None => each,
        };
        expected = expected.saturating_add(size);
    }
    Ok(starts.next_number()?.is_none())
}

/// What an array of a mesh is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Position,
    Corners,
    Starts,
    Sizes,
    Edges,
    Normal,
    Material,
    Uv,
    Color,
}

impl Part {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "position" => Self::Position,
            "corner_vert" => Self::Corners,
            "face_start" => Self::Starts,
            "face_size" => Self::Sizes,
            "edge_verts" => Self::Edges,
            "normal" => Self::Normal,
            "material" => Self::Material,
            "uv" => Self::Uv,
            "color" => Self::Color,
            _ if name.starts_with("uv:") => Self::Uv,
            _ if name.starts_with("color:") => Self::Color,
            _ => return None,
        })
    }

    /// Whether its numbers are indices, or count something.
    fn is_whole(self) -> bool {
        !matches!(self, Self::Position | Self::Normal | Self::Uv | Self::Color)
    }

    fn may_be_of(self, domain: Domain) -> bool {
        match self {
            Self::Position => domain == Domain::Point,
            Self::Corners | Self::Uv => domain == Domain::Corner,
            Self::Starts | Self::Material => domain == Domain::Face,
            Self::Edges => domain == Domain::Edge,
            Self::Color => matches!(domain, Domain::Point | Domain::Corner),
            Self::Normal | Self::Sizes => true,
        }
    }

    /// The shapes that it may have; none where any will do.
    fn shapes(self, array: &PlacedArray, points: u64, corners: u64, faces: u64) -> Vec<Vec<u64>> {
        let first = array.shape.first().copied().unwrap_or(0);
        match self {
            Self::Position => vec![vec![points, 3]],
            Self::Corners => Vec::new(),
            Self::Starts | Self::Sizes | Self::Material => vec![vec![faces]],
            Self::Edges => vec![vec![first, 2]],
            Self::Normal => vec![vec![points, 3], vec![corners, 3]],
            Self::Uv => vec![vec![corners, 2]],
            Self::Color => match array.domain {
                Some(Domain::Point) => vec![vec![points, 4]],
                Some(Domain::Corner) => vec![vec![corners, 4]],
                _ => vec![vec![points, 4], vec![corners, 4]],
            },
        }
    }
}
