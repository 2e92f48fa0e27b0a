//! What one array holds: its type, and its numbers in brief.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Domain, Dtype, PlacedArray};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::elements::Elements;
use crate::number::Number;
use crate::statistics::{Component, Summary};
use crate::text::Quoted;

/// An array in brief.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Array {
    pub(super) name: String,
    #[schemars(with = "String")]
    pub(super) dtype: Dtype,
    shape: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    domain: Option<Domain>,
    // A number or truth value, a text for a number that JSON cannot carry (NaN, or an integer beyond 2^53), or a list of these. The
    // schema says so in the description of the list of arrays, which takes fewer words than a type for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    min: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    max: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    mean: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nan_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    infinite_count: Option<u64>,
    first_rows: Vec<Value>,
    #[serde(skip)]
    pub(super) components: Vec<Component>,
}

impl Array {
    pub(super) fn new(name: &str, array: &PlacedArray, summary: Summary, first_rows: Vec<Value>) -> Self {
        let components = &summary.components;
        let floats = Elements::of(array.dtype).are_floats();
        Self {
            name: name.to_owned(),
            dtype: array.dtype,
            shape: array.shape.clone(),
            domain: array.domain,
            min: each(components, |component| {
                component.bounds.map(|(least, _)| least.to_json())
            }),
            max: each(components, |component| {
                component.bounds.map(|(_, greatest)| greatest.to_json())
            }),
            mean: each(components, |component| {
                component.mean.map(|mean| Number::Double(mean).to_json())
            }),
            nan_count: floats.then_some(summary.nan),
            infinite_count: floats.then_some(summary.infinite),
            first_rows,
            components: summary.components,
        }
    }
}

/// The value of the only component, or a list with one value for each of several; `None` if no component has a value.
fn each(components: &[Component], value: impl Fn(&Component) -> Option<Value>) -> Option<Value> {
    if let [only] = components {
        return value(only);
    }
    let values: Vec<_> = components.iter().map(value).collect();
    values.iter().any(Option::is_some).then(|| values.into())
}

/// How many elements of an array belong together, such as x, y and z: as many as the last of several axes has if these
/// are 2 to 4, else 1.
pub(super) fn components(array: &PlacedArray) -> usize {
    match *array.shape.as_slice() {
        [_, .., last @ 2..=4] => usize::try_from(last).unwrap_or(1),
        _ => 1,
    }
}

impl Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", Quoted(&self.name), self.dtype, self.shape)?;
        if let Some(domain) = self.domain {
            write!(f, " per {}", domain.as_str())?;
        }
        let mut separator = ":";
        for (label, value) in [("min", &self.min), ("max", &self.max), ("mean", &self.mean)] {
            if let Some(value) = value {
                write!(f, "{separator} {label} {value}")?;
                separator = ",";
            }
        }
        for (label, count) in [("NaN", self.nan_count), ("infinite", self.infinite_count)] {
            if let Some(count) = count {
                write!(f, "{separator} {count} {label}")?;
                separator = ",";
            }
        }
        if self.first_rows.is_empty() {
            return f.write_str("; no rows");
        }
        let rows: Vec<_> = self.first_rows.iter().map(Value::to_string).collect();
        write!(f, "; first rows {}", rows.join(" "))
    }
}
