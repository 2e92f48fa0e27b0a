//! Arguments of a tool as models send them, made into those that its schema asks for.
//!
//! Models write numbers as text, lists and objects as JSON in a text, `"null"` for nothing, names of kinds in another
//! case. The schemas stay strict and short, because they are read into every conversation; what is unambiguous is taken
//! here, in one place, before the tool sees it. What cannot be taken is told by one error that names all bad fields.

mod fit;
mod json_text;
mod number;
mod words;

use rmcp::model::JsonObject;
use serde_json::Value;

#[cfg(test)]
use self::fit::{CONTENT, TO_THE_LETTER};
use self::fit::{Object, fields};
pub(crate) use self::json_text::{json_in, unfenced};
pub(crate) use self::words::between_quotes;
use crate::reply::ToolError;

/// Fields that hold all arguments of a call once more, as some hosts nest them.
const WRAPPERS: [&str; 6] = ["arguments", "args", "input", "kwargs", "params", "parameters"];
/// Most bad fields that an error names.
const MAX_PROBLEMS: usize = 8;
/// Advice for every error that is about arguments alone.
const ADVICE: &str = "Correct the arguments and call the tool again.";

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

/// What is wrong with the arguments of a call, in the order of its fields.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

#[derive(Debug)]
struct Problem {
    /// The path of the field, such as `arrays.a.shape[1]`; empty if the problem names the field itself.
    field: String,
    what: String,
}

impl Problems {
    fn add(&mut self, field: &str, what: impl Into<String>) {
        self.0.push(Problem {
            field: field.to_owned(),
            what: what.into(),
        });
    }

    fn into_result(self) -> Result<(), ToolError> {
        let told = |problem: &Problem| match problem {
            Problem { field, what } if field.is_empty() => what.clone(),
            Problem { field, what } => format!("`{field}`: {what}"),
        };
        match &self.0[..] {
            [] => Ok(()),
            [Problem { field, what }] if !field.is_empty() => Err(ToolError::argument(field, what, ADVICE)),
            several => {
                let mut all: Vec<_> = several.iter().take(MAX_PROBLEMS).map(told).collect();
                if several.len() > MAX_PROBLEMS {
                    all.push(format!("and {} more", several.len() - MAX_PROBLEMS));
                }
                Err(ToolError::new(format!("Bad arguments: {}", all.join("; ")), ADVICE))
            }
        }
    }
}

#[cfg(test)]
mod tests;
