//! Whether the arrays of a mesh fit together.

use dcc_mcp_shm::{DataReader, SceneDataKind};

use super::array::Array;
use super::extent::Counted;
use crate::error::LookError;
use crate::mesh_check::Checked;
use crate::mesh_layout::{Division, FacesLayout, PointsLayout};
use crate::number::Number;
use crate::progress::Progress;
use crate::statistics::Component;
use crate::text::{self, Quoted};

/// Sentences about the arrays that have the names of a mesh in the format, as far as `described` has their numbers; and
/// which points count for the size.
pub(super) fn look(
    reader: &DataReader,
    described: &[Array],
    progress: &dyn Progress,
) -> Result<(Vec<String>, Counted), LookError> {
    let (arrays, kind) = (reader.arrays(), reader.descriptor().kind);
    // Positions of a screenshot are pixels.
    if kind == SceneDataKind::Screenshot && !arrays.contains_key("corner_vert") {
        return Ok((Vec::new(), Counted::All));
    }
    let mut notes = Vec::new();
    let points = match PointsLayout::of(arrays, kind) {
        Ok(points) => points,
        Err(why) => {
            notes.push(format!("There are no points, because {why}"));
            None
        }
    };
    let faces = match FacesLayout::of(arrays) {
        Ok(faces) => faces,
        Err(why) => {
            notes.push(format!("There are no faces, because {why}"));
            None
        }
    };
    if let (Some(points), Some(faces)) = (&points, &faces) {
        notes.insert(0, counts(points, faces));
    }
    notes.extend(points.as_ref().and_then(PointsLayout::note));
    let Some(faces) = faces else {
        return Ok((notes, Counted::All));
    };
    let components = |name| {
        let array = described.iter().find(|array| array.name == name);
        array.map_or(&[][..], |array| &array.components)
    };
    if let (Some(points), Some((least, greatest))) = (&points, bounds(components("corner_vert"))) {
        let points = points.count;
        notes.push(if least >= 0 && greatest < points.into() {
            "corner_vert lies within the points".to_owned()
        } else {
            format!("Damaged mesh: corner_vert goes from {least} to {greatest}, but there are {points} points")
        });
    }
    notes.extend(sizes(&faces, components("face_size")));
    let is_described = |name| described.iter().any(|array| array.name == name);
    let is_asked_for = is_described("position") && is_described("corner_vert");
    let mut counted = Counted::UsedOrNot;
    if let Some(points) = points.filter(|_| is_asked_for) {
        let checked = Checked::of(reader, &points, &faces, progress)?;
        counted = counted_in(&checked);
        notes.push(checked.to_string());
    } else if points.is_some() && !is_asked_for {
        notes.push(
            "Edges, faces and points were not checked: that takes \"position\" and \"corner_vert\" in `arrays`"
                .to_owned(),
        );
    }
    notes.extend(described.iter().filter_map(uv));
    Ok((notes, counted))
}

/// Which points count for the size, as far as a check says which of them faces use.
fn counted_in(checked: &Checked) -> Counted {
    let Checked::All(findings) = checked else {
        return Counted::UsedOrNot;
    };
    match (findings.used, findings.strays) {
        (_, None) => Counted::All,
        (Some(reach), Some((count, strays))) if !findings.of_first_frame => Counted::Used { reach, count, strays },
        _ => Counted::UsedOrNot,
    }
}

/// Whether texture coordinates leave the usual square, and by how much; how far they reach, the columns of the array say.
fn uv(array: &Array) -> Option<String> {
    let is_uv = array.name == "uv" || array.name.starts_with("uv:");
    let [u, v] = array.components.as_slice() else {
        return None;
    };
    let axes = [("u", u.bounds?), ("v", v.bounds?)];
    let is_inside = |(least, greatest): (Number, Number)| least.to_f64() >= 0.0 && greatest.to_f64() <= 1.0;
    let name = Quoted(&array.name);
    if axes.iter().all(|(_, bounds)| is_inside(*bounds)) {
        return is_uv.then(|| format!("{name} lies within 0 to 1"));
    }
    let [u, v] =
        axes.map(|(axis, (least, greatest))| format!("{axis} from {} to {}", least.to_json(), greatest.to_json()));
    is_uv.then(|| format!("{name} lies outside of 0 to 1: {u}, {v}"))
}

fn counts(points: &PointsLayout<'_>, faces: &FacesLayout<'_>) -> String {
    let note = faces.note().map_or_else(String::new, |note| format!(" ({note})"));
    let frames = match points.frames {
        1 => String::new(),
        frames => format!(" in each of {frames} frames"),
    };
    format!(
        "Mesh of {}{note}, {} and {}{frames}",
        text::count(faces.count, "face"),
        text::count(faces.corner_vert.len, "corner"),
        text::count(points.count, "point")
    )
}

/// Whether the sizes of the faces fit the corners.
fn sizes(faces: &FacesLayout<'_>, components: &[Component]) -> Option<String> {
    let [Component { sum: Some(sum), .. }] = components else {
        return None;
    };
    let (corners, sum) = (faces.corner_vert.len, whole(*sum)?);
    match faces.division {
        Division::PaddedRows { each, .. } if sum != i128::from(corners) => {
            let (_, greatest) = bounds(components)?;
            Some(if greatest <= each.into() {
                format!("Of each row of {each} corners, face_size says how many belong to the face")
            } else {
                format!("Damaged mesh: face_size goes up to {greatest}, but rows have {each} corners")
            })
        }
        Division::PaddedRows { .. } | Division::Sizes(_) if sum == i128::from(corners) => {
            Some("face_size adds up to the corners".to_owned())
        }
        Division::PaddedRows { .. } | Division::Sizes(_) => Some(format!(
            "Damaged mesh: face_size adds up to {sum}, but there are {corners} corners"
        )),
        Division::Rows(_) | Division::Unsaid | Division::Starts(_) => None,
    }
}

/// The least and the greatest number of all components, if there are any.
fn bounds(components: &[Component]) -> Option<(i128, i128)> {
    let of_each = components.iter().filter_map(|component| {
        let (least, greatest) = component.bounds?;
        Some((whole(least)?, whole(greatest)?))
    });
    of_each.reduce(|(least, greatest), (low, high)| (least.min(low), greatest.max(high)))
}

/// A number as an integer. Floats are rounded down.
fn whole(number: Number) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let of_float = |number: f64| number.floor() as i128;
    match number {
        Number::Bool(_) => None,
        Number::Integer(number) => Some(number),
        Number::Half(number) | Number::Single(number) => Some(of_float(number.into())),
        Number::Double(number) => Some(of_float(number)),
    }
}
