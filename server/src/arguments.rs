//! Tool arguments: from JSON to types, with errors that name the field.

use std::fmt::Display;
use std::ops::RangeInclusive;

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::reply::ToolError;

/// Reads a tool's arguments.
///
/// This is used in place of rmcp's own `Parameters`, which reports "expected u64" without saying where.
///
/// # Errors
/// A field is missing, unknown or of the wrong type; the message names it.
pub(crate) fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, ToolError> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let advice = "Correct the arguments and call the tool again.";
        let field = error.path().to_string();
        let problem = error.into_inner();
        // At the root the message itself names the field: "missing field `buffer`".
        if field == "." {
            ToolError::new(format!("Bad arguments: {problem}"), advice)
        } else {
            ToolError::argument(&field, problem, advice)
        }
    })
}

/// The number of the argument `field`, which must lie in `range`.
///
/// # Errors
/// The number is outside of `range`; the message names the field, the number and the limits.
pub(crate) fn within<T: PartialOrd + Display + Copy>(
    field: &str,
    number: T,
    range: RangeInclusive<T>,
) -> Result<T, ToolError> {
    if range.contains(&number) {
        return Ok(number);
    }
    let problem = format!("{number} is not between {} and {}", range.start(), range.end());
    Err(ToolError::argument(
        field,
        problem,
        "Correct it and call the tool again.",
    ))
}
