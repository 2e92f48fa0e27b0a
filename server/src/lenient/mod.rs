//! Arguments of a tool as models send them, made into those that its schema asks for.
//!
//! Models write numbers as text, lists and objects as JSON in a text, `"null"` for nothing, names of kinds in another
//! case. The schemas stay strict and short, because they are read into every conversation; what is unambiguous is taken
//! here, in one place, before the tool sees it. What cannot be taken is told by one error that names all bad fields.

mod fit;
mod json_text;
mod number;
mod problems;
mod scalar;
mod schema_object;
mod synonyms;
mod words;

use rmcp::model::JsonObject;
use serde_json::Value;

use self::fit::fields;
pub(crate) use self::json_text::{json_in, unfenced};
use self::problems::Problems;
#[cfg(test)]
use self::scalar::TO_THE_LETTER;
use self::schema_object::Object;
#[cfg(test)]
use self::words::CONTENT;
pub(crate) use self::words::between_quotes;
use crate::reply::ToolError;

/// Fields that hold all arguments of a call once more, as some hosts nest them.
const WRAPPERS: [&str; 6] = ["arguments", "args", "input", "kwargs", "params", "parameters"];

/// The arguments that a tool with this input schema is meant to get.
///
/// # Errors
/// Fields are missing, unknown or of a wrong type; the message names all of them.
pub(crate) fn arguments(schema: &JsonObject, given: JsonObject) -> Result<JsonObject, ToolError> {
    let object = Object::of(schema);
    let mut problems = Problems::default();
    let meant = fields(&object, unwrapped(&object, given), "", &mut problems);
    problems.into_result().map(|()| meant)
}

/// The arguments, or those in the one field that holds them all.
fn unwrapped(object: &Object<'_>, given: JsonObject) -> JsonObject {
    let nested = match given.iter().next() {
        Some((name, value)) if given.len() == 1 && WRAPPERS.contains(&name.as_str()) && !object.has(name) => {
            match value {
                Value::Object(nested) => Some(nested.clone()),
                Value::String(text) => json_in(text).and_then(|value| value.as_object().cloned()),
                _ => None,
            }
        }
        _ => None,
    };
    nested.unwrap_or(given)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
