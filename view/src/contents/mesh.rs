//! Whether the arrays of a mesh fit together.

use dcc_mcp_shm::DataReader;

use super::array::Array;
use crate::number::Number;
use crate::statistics::Component;

/// Sentences about the arrays that have the names of a mesh in the format, as far as `described` has their numbers.
pub(super) fn notes(reader: &DataReader, described: &[Array]) -> Vec<String> {
    let shape = |name| reader.arrays().get(name).map(|array| array.shape.as_slice());
    let rows = |name| shape(name).and_then(|shape| shape.first().copied());
    let components = |name| {
        let array = described.iter().find(|array| array.name == name);
        array.map_or(&[][..], |array| &array.components)
    };
    let mut notes = Vec::new();
    let points = rows("position");
    // Each row of a `corner_vert` with two axes is a face.
    let (faces, corners) = match shape("corner_vert") {
        Some(&[faces, corners_each]) => (Some(faces), faces.checked_mul(corners_each)),
        corners => (
            rows("face_size").or_else(|| rows("face_start")),
            corners.and_then(|shape| shape.first().copied()),
        ),
    };
    if let (Some(points), Some(corners), Some(faces)) = (points, corners, faces) {
        notes.push(format!("Mesh of {faces} faces, {corners} corners and {points} points"));
    }
    if let (Some(points), Some((least, greatest))) = (points, bounds(components("corner_vert"))) {
        notes.push(if least >= 0 && greatest < points.into() {
            "corner_vert lies within the points".to_owned()
        } else {
            format!("Damaged mesh: corner_vert goes from {least} to {greatest}, but there are {points} points")
        });
    }
    if let (Some(corners), [Component { sum: Some(sum), .. }]) = (corners, components("face_size")) {
        notes.push(if *sum == i128::from(corners) {
            "face_size adds up to the corners".to_owned()
        } else {
            format!("Damaged mesh: face_size adds up to {sum}, but there are {corners} corners")
        });
    }
    notes
}

/// The least and the greatest integer of all components, if there are any.
fn bounds(components: &[Component]) -> Option<(i128, i128)> {
    let of_each = components.iter().filter_map(|component| match component.bounds {
        Some((Number::Integer(least), Number::Integer(greatest))) => Some((least, greatest)),
        _ => None,
    });
    of_each.reduce(|(least, greatest), (low, high)| (least.min(low), greatest.max(high)))
}
