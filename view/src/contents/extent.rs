//! How large geometry is, as its positions and attributes say.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Attrs, DataReader, Dtype};
use serde::Serialize;

use super::array::Array;
use super::frame_bounds::{FrameBounds, Told};
use crate::attributes::{self, UpAxis};
use crate::coordinates::{Reach, Short};
use crate::error::LookError;
use crate::frames::Frames;
use crate::mesh_layout::PointsLayout;
use crate::number::json_numbers;
use crate::number_stream::Numbers;
use crate::placement::Placement;
use crate::progress::Progress;

/// Which points count for the size of a thing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counted {
    /// All: there are no faces, or faces use all points.
    All,
    /// Those that faces use, which reach this far. No face uses the `count` strays.
    Used { reach: Reach, count: u64, strays: Reach },
    /// All, although faces may not use each of them: only a check tells, and only of a single frame.
    UsedOrNot,
}

/// Points that no face uses.
#[derive(Debug, Serialize)]
struct Unused {
    count: u64,
    min: [f64; 3],
    max: [f64; 3],
    #[serde(skip)]
    reach: Reach,
}

/// How large the finite positions of a buffer are together: of a mesh that was checked, those that faces use.
#[derive(Debug, Serialize)]
pub(crate) struct Extent {
    /// From where to where they reach, unless the array's own columns say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<[f64; 3]>,
    /// In units, with the transform, along the object's own axes.
    size: [f64; 3],
    /// The same in metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    meters: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<&'static str>,
    /// The other points of a mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    unused: Option<Unused>,
    #[serde(skip)]
    reach: Option<Reach>,
    #[serde(skip)]
    counted: Counted,
    /// How many frames the positions are of.
    #[serde(skip)]
    frames: u64,
    /// Metres.
    #[serde(skip)]
    unit: Option<f64>,
    #[serde(skip)]
    is_transformed: bool,
}

/// How far positions reach.
#[derive(Default)]
pub(super) struct Measured {
    /// All of them.
    pub(super) extent: Option<Extent>,
    /// Those of some frames.
    pub(super) frames: Vec<FrameBounds>,
    /// Says of frames that were asked for that they have none.
    pub(super) notes: Vec<String>,
}

/// Measures the positions of a buffer: all of them, and those of some frames.
pub(super) fn measure(
    reader: &DataReader,
    points: &PointsLayout<'_>,
    described: &[Array],
    counted: Counted,
    asked: &[f64],
    progress: &dyn Progress,
) -> Result<Measured, LookError> {
    let attrs = &reader.descriptor().attrs;
    let frames = Frames::of(attrs, points.frames);
    let asked: Result<Vec<u64>, _> = asked.iter().map(|&asked| frames.find(asked)).collect();
    let asked = asked.map_err(LookError::NoSuchFrame)?;
    let position = described.iter().find(|array| array.name == "position");
    if position.is_none() && asked.is_empty() {
        return Ok(Measured::default());
    }
    let is_single = has_single_precision(points.array.dtype);
    let known = position.and_then(known_reach);
    if let Some(reach) = known.filter(|_| points.frames == 1) {
        return Ok(Measured {
            extent: Some(Extent::new(&reach, true, counted, points, attrs)),
            ..Measured::default()
        });
    }
    let mut numbers = Numbers::new(reader, points.array, points.decode, progress);
    let mut all: Option<Reach> = None;
    let mut told = Told::default();
    // Without points there may be any number of frames, as they take no bytes.
    let frames_of_points = if points.count > 0 { points.frames } else { 0 };
    for frame in 0..frames_of_points {
        progress.go_on()?;
        if let Some(reach) = next_reach(&mut numbers, points.count)? {
            all = Some(all.map_or(reach, |all| all.with(&reach)));
            told.add(frame, reach, &asked);
        }
    }
    let missing = asked.iter().filter(|&&frame| !told.has(frame));
    let missing = missing.map(|&frame| format!("Frame {} has no finite positions", frames.name(frame)));
    Ok(Measured {
        notes: missing.collect(),
        extent: all.map(|reach| Extent::new(&reach, known.is_some(), counted, points, attrs)),
        frames: if points.frames > 1 {
            told.into_bounds(&frames, is_single)
        } else {
            Vec::new()
        },
    })
}

fn has_single_precision(dtype: Dtype) -> bool {
    matches!(&dtype.typestr()[1..], "f2" | "f4")
}

/// The box that the statistics of three columns are.
fn known_reach(position: &Array) -> Option<Reach> {
    let [x, y, z] = position.components.as_slice() else {
        return None;
    };
    let bounds = [x.bounds?, y.bounds?, z.bounds?];
    Some(Reach {
        low: bounds.map(|(least, _)| least.to_f64()),
        high: bounds.map(|(_, greatest)| greatest.to_f64()),
    })
}

/// Reads the positions of the next frame, and says how far the finite ones reach.
fn next_reach(numbers: &mut Numbers<'_, f64>, count: u64) -> Result<Option<Reach>, LookError> {
    let mut reach = Reach {
        low: [f64::INFINITY; 3],
        high: [f64::NEG_INFINITY; 3],
    };
    let mut left = count * 3;
    while left > 0 {
        let some = numbers.next_numbers(left)?;
        if some.is_empty() {
            break;
        }
        for place in some.as_chunks::<3>().0 {
            if place.iter().all(|value| value.is_finite()) {
                reach = reach.with(&Reach::at(*place));
            }
        }
        left -= some.len() as u64;
    }
    Ok(Some(reach).filter(|reach| reach.low[0] <= reach.high[0]))
}

impl Extent {
    /// The size of positions that all together reach as far as `all`. `is_said` says that the array's own columns say so.
    fn new(all: &Reach, is_said: bool, counted: Counted, points: &PointsLayout<'_>, attrs: &Attrs) -> Self {
        let (reach, is_said) = match &counted {
            Counted::Used { reach, .. } => (reach, false),
            Counted::All | Counted::UsedOrNot => (all, is_said),
        };
        let is_single = has_single_precision(points.array.dtype);
        let scale = Placement::of(attrs).ok().flatten().map(|placement| placement.scale());
        let unit = attributes::meters_per_unit(attrs);
        let of_axes = |scale: [f64; 3]| [0, 1, 2].map(|axis| reach.size()[axis] * scale[axis]);
        let size = of_axes(scale.unwrap_or([1.0; 3]));
        Self {
            min: (!is_said).then(|| json_numbers(reach.low, is_single)),
            max: (!is_said).then(|| json_numbers(reach.high, is_single)),
            size: json_numbers(size, is_single),
            meters: unit.map(|unit| json_numbers(size.map(|length| length * unit), is_single)),
            unused: match counted {
                Counted::Used { count, strays, .. } => Some(Unused {
                    count,
                    min: json_numbers(strays.low, is_single),
                    max: json_numbers(strays.high, is_single),
                    reach: strays,
                }),
                Counted::All | Counted::UsedOrNot => None,
            },
            counted,
            up: attributes::up_axis(attrs).ok().map(UpAxis::as_str),
            reach: Some(*reach).filter(|_| !is_said),
            frames: points.frames,
            unit,
            is_transformed: scale.is_some(),
        }
    }
}

impl Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.size.map(Short);
        let transformed = if self.is_transformed {
            " with its transform, along its own axes"
        } else {
            ""
        };
        let of = match (self.frames, self.counted) {
            (1, Counted::All) => String::new(),
            (1, Counted::Used { .. }) => " of the points that faces use:".to_owned(),
            (1, Counted::UsedOrNot) => " of all points, used by faces or not:".to_owned(),
            (frames, Counted::UsedOrNot) => {
                format!(" of all {frames} frames together, of points used by faces or not:")
            }
            (frames, _) => format!(" of all {frames} frames together:"),
        };
        write!(f, "Size{of} {x} × {y} × {z} ")?;
        match (self.meters, self.unit) {
            (Some(_), Some(1.0)) => write!(f, "m (a unit is 1 m){transformed}")?,
            (Some(meters), Some(unit)) => {
                let [x, y, z] = meters.map(Short);
                write!(f, "units{transformed}, {x} × {y} × {z} m (a unit is {unit} m)")?;
            }
            _ => write!(f, "units{transformed} (what a unit is in metres is not known)")?,
        }
        match self.up {
            Some(up) => write!(f, "; {up} is up")?,
            None => f.write_str("; which axis is up is not known")?,
        }
        if let Some(reach) = self.reach {
            write!(f, "; positions from {reach}")?;
        }
        match &self.unused {
            Some(Unused { count: 1, reach, .. }) => write!(f, "; 1 unused point reaches from {reach}"),
            Some(Unused { count, reach, .. }) => write!(f, "; {count} unused points reach from {reach}"),
            None => Ok(()),
        }
    }
}
