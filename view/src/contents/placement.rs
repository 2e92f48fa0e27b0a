//! Whether the attribute `transform` can be used.

use dcc_mcp_shm::Attrs;

use super::array::Array;
use crate::placement::{Placement, beyond};

/// Says why the transform cannot be used, as far as positions were looked at; `None` if it can.
pub(super) fn note(attrs: &Attrs, described: &[Array]) -> Option<String> {
    match Placement::of(attrs) {
        Ok(None) => None,
        Ok(Some(placement)) => {
            let position = described.iter().find(|array| array.name == "position")?;
            let is_double = position.dtype.size() == 8;
            let is_held = placement.can_hold(furthest(position)?, is_double);
            (!is_held).then(|| format!("The attribute transform cannot be used: {}", beyond(is_double)))
        }
        Err(why) => Some(format!("The attribute transform cannot be used: {why}")),
    }
}

/// The largest absolute value of an array.
fn furthest(array: &Array) -> Option<f64> {
    let bounds = array.components.iter().filter_map(|component| component.bounds);
    let sizes = bounds
        .flat_map(|(least, greatest)| [least, greatest])
        .map(|number| number.to_f64().abs());
    sizes.reduce(f64::max)
}
