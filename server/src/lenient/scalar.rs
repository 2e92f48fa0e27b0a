//! Values without fields and items: texts, numbers, truths, one of several words, and what means a buffer.

use dcc_mcp_shm::{Domain, Dtype};
use dcc_mcp_shm_view::text::{self, letters};
use rmcp::model::JsonObject;
use serde_json::Value;

use super::number::{NoNumber, real, rounded_up, whole};
use super::problems::Problems;
use super::synonyms;
use super::words::tidy;

/// Fields whose text is content or a name to look up, and is taken to the letter.
pub(super) const TO_THE_LETTER: [&str; 4] = ["text", "base64", "array", "arrays"];
/// Longest value that an error quotes, in bytes.
const MAX_QUOTED_BYTES: usize = 60;

/// A name or value as an error quotes it.
pub(super) fn quoted(text: &str) -> String {
    text::bounded(text, MAX_QUOTED_BYTES)
}

pub(super) fn wrong_type(value: &Value, expected: &str) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let found = match value {
        Value::Null => kind.to_owned(),
        value => format!("{kind} {}", quoted(&value.to_string())),
    };
    format!("invalid type: {found}, expected {expected}")
}

/// A text or an object; which buffer it means is found in the store.
pub(super) fn reference(value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    match value {
        Value::String(_) | Value::Object(_) => Some(value),
        Value::Array(mut items) if items.len() == 1 => reference(items.remove(0), path, problems),
        Value::Array(items) if items.len() > 1 => {
            problems.add(path, format!("it is a list of {}; give one at a time", items.len()));
            None
        }
        other => {
            problems.add(
                path,
                format!(
                    "expected an id, a name or a descriptor, not {}",
                    text::bounded(&other.to_string(), MAX_QUOTED_BYTES)
                ),
            );
            None
        }
    }
}

pub(super) fn choice(choices: &[Value], value: &Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let listed: Vec<_> = choices
        .iter()
        .filter_map(Value::as_str)
        .map(|choice| format!("`{choice}`"))
        .collect();
    let expected = format!("one of {}", listed.join(", "));
    let Some(given) = value.as_str() else {
        problems.add(path, wrong_type(value, &expected));
        return None;
    };
    let called = |name: &str| {
        let is_called = |choice: &&Value| choice.as_str().is_some_and(|choice| letters(choice) == letters(name));
        choices.iter().find(is_called)
    };
    let meant = called(given).or_else(|| called(synonyms::choice(given)?));
    if meant.is_none() {
        let given = text::bounded(given, MAX_QUOTED_BYTES);
        problems.add(path, format!("unknown variant `{given}`, expected {expected}"));
    }
    meant.cloned()
}

pub(super) fn plain_text(name: &str, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let is_exact = TO_THE_LETTER.contains(&name);
    let given = match value {
        Value::String(given) if is_exact => return Some(Value::String(given)),
        // What is to be stored as text may be JSON.
        Value::Object(_) | Value::Array(_) if name == "text" => return Some(value.to_string().into()),
        Value::String(given) => tidy(&given).to_owned(),
        // A name of digits.
        Value::Number(number) if !is_exact && (number.is_u64() || number.is_i64()) => number.to_string(),
        other => {
            problems.add(path, wrong_type(&other, "text"));
            return None;
        }
    };
    let meant = match name {
        "dtype" => match synonyms::dtype(&given) {
            Some(typestr) => Ok(typestr.to_owned()),
            None => Dtype::named(&given).map(|dtype| dtype.typestr().to_owned()),
        },
        "domain" => synonyms::domain(&given)
            .parse()
            .map(|domain: Domain| domain.as_str().to_owned()),
        _ => Ok(given),
    };
    meant
        .map(Value::String)
        .map_err(|error| problems.add(path, error.to_string()))
        .ok()
}

pub(super) fn number(
    name: &str,
    schema: &JsonObject,
    value: &Value,
    path: &str,
    problems: &mut Problems,
) -> Option<Value> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
    let whole_seconds = (name == "timeout_seconds").then(|| rounded_up(value)).flatten();
    match whole_seconds.map_or_else(|| whole(value), Ok) {
        Err(NoNumber::OtherType) => problems.add(path, wrong_type(value, "a whole number")),
        Err(NoNumber::OutOfRange) => {
            let given = quoted(&value.to_string());
            problems.add(
                path,
                format!("invalid value: {given}, expected a whole number from 0 on"),
            );
        }
        Ok(number) => match (limit("minimum").unwrap_or_default(), limit("maximum")) {
            (least, Some(most)) if !(least..=most).contains(&number) => {
                problems.add(path, format!("{number} is not between {least} and {most}"));
            }
            _ => return Some(number.into()),
        },
    }
    None
}

/// A number of any kind.
pub(super) fn any_number(value: &Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let number = real(value).map(Value::Number);
    if number.is_none() {
        problems.add(path, wrong_type(value, "a number"));
    }
    number
}

pub(super) fn truth(value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let spelled = value.as_str().map(letters);
    match (spelled.as_deref(), &value) {
        (Some("true"), _) => Some(true.into()),
        (Some("false"), _) => Some(false.into()),
        (_, Value::Bool(_)) => Some(value),
        _ => {
            problems.add(path, wrong_type(&value, "true or false"));
            None
        }
    }
}
