//! Whether the arrays of a mesh fit together.

use dcc_mcp_shm::DataReader;

use super::array::Array;
use crate::data::number::Number;

/// Sentences about the arrays that a mesh has by the names of the format, as far as their numbers were looked at.
pub(super) fn notes(reader: &DataReader, described: &[Array]) -> Vec<String> {
    let rows = |name| reader.arrays().get(name).and_then(|array| array.shape.first().copied());
    let component = |name| {
        let array = described.iter().find(|array| array.name == name)?;
        array.components.first()
    };
    let mut notes = Vec::new();
    let (points, corners) = (rows("position"), rows("corner_vert"));
    let faces = rows("face_size").or_else(|| rows("face_start"));
    if let (Some(points), Some(corners), Some(faces)) = (points, corners, faces) {
        notes.push(format!("Mesh of {faces} faces, {corners} corners and {points} points"));
    }
    if let (Some(points), Some(Some((Number::Integer(least), Number::Integer(greatest))))) =
        (points, component("corner_vert").map(|corners| corners.bounds))
    {
        notes.push(if least >= 0 && greatest < points.into() {
            "corner_vert lies within the points".to_owned()
        } else {
            format!("Damaged mesh: corner_vert goes from {least} to {greatest}, but there are {points} points")
        });
    }
    if let (Some(corners), Some(Some(sum))) = (corners, component("face_size").map(|sizes| sizes.sum)) {
        notes.push(if sum == i128::from(corners) {
            "face_size adds up to the corners".to_owned()
        } else {
            format!("Damaged mesh: face_size adds up to {sum}, but there are {corners} corners")
        });
    }
    notes
}
