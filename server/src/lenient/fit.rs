//! A value made to fit a schema, in the subset that this server's input schemas are written in.

use dcc_mcp_shm::{Domain, Dtype};
use dcc_mcp_shm_view::text;
use rmcp::model::JsonObject;
use serde_json::{Map, Value};

use super::Problems;
use super::json_text::json_in;
use super::number::{NoNumber, whole};
use super::words::{is_nothing, letters, tidy};

/// Fields whose text is content or a name to look up, and is taken to the letter.
pub(super) const TO_THE_LETTER: [&str; 4] = ["text", "base64", "array", "arrays"];
/// Fields of which an empty text, and the word `null`, are content.
pub(super) const CONTENT: [&str; 2] = ["text", "base64"];
/// Fields that say which buffer is meant, as models call them beside the name that the schema has.
const REFERENCE_FIELDS: [&str; 13] = [
    "buffer",
    "buffer_id",
    "buffer_name",
    "descriptor",
    "id",
    "name",
    "path",
    "pool",
    "pool_id",
    "pool_name",
    "reference",
    "uri",
    "uuid",
];
/// Longest value that an error quotes, in bytes.
const MAX_QUOTED_BYTES: usize = 60;

/// The schema of an object with fields of their own.
pub(super) struct Object<'a> {
    properties: Option<&'a JsonObject>,
    required: Vec<&'a str>,
}

impl<'a> Object<'a> {
    pub(super) fn of(schema: &'a JsonObject) -> Self {
        let required = schema.get("required").and_then(Value::as_array);
        Self {
            properties: schema.get("properties").and_then(Value::as_object),
            required: required.into_iter().flatten().filter_map(Value::as_str).collect(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.schema(name).is_some()
    }

    fn schema(&self, name: &str) -> Option<&'a JsonObject> {
        self.properties?.get(name)?.as_object()
    }

    fn names(&self) -> impl Iterator<Item = &'a String> {
        self.properties.into_iter().flat_map(Map::keys)
    }

    /// The field that a name means: itself, or the one that is spelled with the same letters.
    fn named(&self, name: &str) -> Option<&'a str> {
        let exact = self.names().find(|known| *known == name);
        let same = || self.names().find(|known| letters(known) == letters(name));
        exact.or_else(same).map(String::as_str)
    }

    /// The field that says which buffer is meant, if a field of this name can stand for it.
    fn reference_field(&self, given: &str) -> Option<&'a str> {
        let stands_for_one = REFERENCE_FIELDS.iter().any(|field| letters(field) == letters(given));
        let field = self.properties?.iter().find(|(_, schema)| is_reference(schema));
        field.filter(|_| stands_for_one).map(|(name, _)| name.as_str())
    }
}

/// The schema of what means a buffer: a text or an object.
fn is_reference(schema: &Value) -> bool {
    schema.get("anyOf").is_some()
}

/// The fields of an object as its schema asks for them. What is wrong is added to `problems`.
pub(super) fn fields(object: &Object<'_>, given: JsonObject, path: &str, problems: &mut Problems) -> JsonObject {
    let mut meant = JsonObject::new();
    let mut unknown = Vec::new();
    // What says in fields of other names which buffer is meant.
    let mut reference = JsonObject::new();
    for (name, value) in given {
        if let Some(known) = object.named(&name) {
            // The same field in another spelling does not count beside the field itself.
            if !meant.contains_key(known) || known == name {
                meant.insert(known.to_owned(), value);
            }
        } else if object.reference_field(&name).is_some() {
            reference.insert(name, value);
        } else if !matches!(&value, Value::Null) && value != "" {
            unknown.push(name);
        }
    }
    take_reference(object, reference, &mut meant, &mut unknown);
    meant.retain(|name, value| object.required.contains(&name.as_str()) || !stands_for_nothing(name, value));
    drop_empty_content(&mut meant);
    let mut fitted = JsonObject::new();
    for (name, value) in meant {
        if let Some(schema) = object.schema(&name) {
            let value = fit(&name, schema, value, &inside(path, &name), problems);
            // It is there, so it is not told as missing too.
            fitted.insert(name, value.unwrap_or_default());
        }
    }
    for name in &object.required {
        if !fitted.contains_key(*name) {
            problems.add(path, format!("missing field `{name}`"));
        }
    }
    for name in unknown {
        problems.add(&inside(path, &text::bounded(&name, MAX_QUOTED_BYTES)), unknown_field(object, &name));
    }
    fitted
}

/// Puts what was given in fields such as `id` and `name` into the field that means a buffer.
fn take_reference(
    object: &Object<'_>,
    mut reference: JsonObject,
    meant: &mut JsonObject,
    unknown: &mut Vec<String>,
) {
    let Some(first) = reference.keys().next().cloned() else {
        return;
    };
    match object.reference_field(&first) {
        Some(field) if !meant.contains_key(field) => {
            let only = (reference.len() == 1).then(|| reference.remove(&first)).flatten();
            // What is called an id or a name says more with its field than without.
            meant.insert(field.to_owned(), only.unwrap_or(Value::Object(reference)));
        }
        _ => unknown.extend(reference.into_iter().map(|(name, _)| name)),
    }
}

/// Whether the value of an optional field says that there is none.
fn stands_for_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => !CONTENT.contains(&name) && is_nothing(text),
        _ => false,
    }
}

/// Drops `text` and `base64` that say nothing beside other content. Alone, an empty text is content.
fn drop_empty_content(meant: &mut JsonObject) {
    const KINDS: [&str; 4] = ["text", "base64", "arrays", "capacity"];
    for name in CONTENT {
        let others = KINDS.iter().filter(|kind| **kind != name && meant.contains_key(**kind));
        let is_empty = meant.get(name).and_then(Value::as_str).is_some_and(is_nothing);
        if is_empty && others.count() > 0 {
            meant.remove(name);
        }
    }
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn unknown_field(object: &Object<'_>, name: &str) -> String {
    let (given, known): (_, Vec<_>) = (letters(name), object.names().collect());
    let near = known.iter().find(|known| {
        let known = letters(known);
        given.len() > 2 && (known.contains(&given) || given.contains(&known))
    });
    let listed: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
    match (near, &listed[..]) {
        (Some(near), _) => format!("unknown field; is `{near}` meant?"),
        (None, []) => "unknown field; this tool takes no arguments".to_owned(),
        (None, listed) => format!("unknown field; there are {}", listed.join(", ")),
    }
}

/// The value that is meant; `None` if none is, which is then told.
fn fit(name: &str, schema: &JsonObject, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    if schema.contains_key("anyOf") {
        return reference(value, path, problems);
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return choice(choices, &value, path, problems);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => plain_text(name, value, path, problems),
        Some("integer") => number(schema, &value, path, problems),
        Some("boolean") => truth(value, path, problems),
        Some("array") => list(name, schema, value, path, problems),
        Some("object") => object(schema, value, path, problems),
        _ => Some(value),
    }
}

fn wrong_type(value: &Value, expected: &str) -> String {
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
        value => format!("{kind} {}", text::bounded(&value.to_string(), MAX_QUOTED_BYTES)),
    };
    format!("invalid type: {found}, expected {expected}")
}

/// A text or an object; which buffer it means is found in the store.
fn reference(value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    match value {
        Value::String(_) | Value::Object(_) => Some(value),
        Value::Array(mut items) if items.len() == 1 => reference(items.remove(0), path, problems),
        Value::Array(items) if items.len() > 1 => {
            problems.add(path, format!("it is a list of {}; give one at a time", items.len()));
            None
        }
        other => {
            problems.add(path, format!("expected an id, a name or a descriptor, not {}", text::bounded(&other.to_string(), MAX_QUOTED_BYTES)));
            None
        }
    }
}

fn choice(choices: &[Value], value: &Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let listed: Vec<_> = choices.iter().filter_map(Value::as_str).map(|choice| format!("`{choice}`")).collect();
    let expected = format!("one of {}", listed.join(", "));
    let Some(given) = value.as_str() else {
        problems.add(path, wrong_type(value, &expected));
        return None;
    };
    let meant = choices.iter().find(|choice| choice.as_str().is_some_and(|choice| letters(choice) == letters(given)));
    if meant.is_none() {
        let given = text::bounded(given, MAX_QUOTED_BYTES);
        problems.add(path, format!("unknown variant `{given}`, expected {expected}"));
    }
    meant.cloned()
}

fn plain_text(name: &str, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let is_exact = TO_THE_LETTER.contains(&name);
    let given = match value {
        Value::String(given) if is_exact => return Some(Value::String(given)),
        Value::String(given) => tidy(&given).to_owned(),
        // A name of digits.
        Value::Number(number) if !is_exact && (number.is_u64() || number.is_i64()) => number.to_string(),
        other => {
            problems.add(path, wrong_type(&other, "text"));
            return None;
        }
    };
    let meant = match name {
        "dtype" => Dtype::named(&given).map(|dtype| dtype.typestr().to_owned()),
        "domain" => letters(&given).parse().map(|domain: Domain| domain.as_str().to_owned()),
        _ => Ok(given),
    };
    meant.map(Value::String).map_err(|error| problems.add(path, error.to_string())).ok()
}

fn number(schema: &JsonObject, value: &Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
    match whole(value) {
        Err(NoNumber::OtherType) => problems.add(path, wrong_type(value, "a whole number")),
        Err(NoNumber::OutOfRange) => {
            let given = text::bounded(&value.to_string(), MAX_QUOTED_BYTES);
            problems.add(path, format!("invalid value: {given}, expected a whole number from 0 on"));
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

fn truth(value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let spelled = value.as_str().map(|text| letters(text));
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

fn list(name: &str, schema: &JsonObject, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let free = JsonObject::new();
    let item_schema = schema.get("items").and_then(Value::as_object).unwrap_or(&free);
    let of_numbers = item_schema.get("type").is_some_and(|kind| kind == "integer");
    let items = match value {
        Value::Array(items) => items,
        Value::String(text) => match json_in(&text) {
            Some(Value::Array(items)) => items,
            None if of_numbers => numbers_in(&text),
            _ => {
                problems.add(path, wrong_type(&Value::String(text), "a list"));
                return None;
            }
        },
        Value::Number(_) if of_numbers => vec![value],
        other => {
            problems.add(path, wrong_type(&other, "a list"));
            return None;
        }
    };
    let before = problems.0.len();
    let items = items.into_iter().enumerate();
    let fitted = items.filter_map(|(at, item)| fit(name, item_schema, item, &format!("{path}[{at}]"), problems));
    let fitted: Vec<_> = fitted.collect();
    (problems.0.len() == before).then_some(Value::Array(fitted))
}

/// The numbers of a text such as `(8, 3)` or `8x3`, as texts.
fn numbers_in(text: &str) -> Vec<Value> {
    let inner = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    let parts = inner.split([',', 'x', '×', '*', ' ']).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(Value::from).collect()
}

fn object(schema: &JsonObject, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let of_each = schema.get("additionalProperties").and_then(Value::as_object);
    let known = Object::of(schema);
    let given = match value {
        Value::Object(given) => given,
        Value::String(text) => match json_in(&text) {
            Some(inner) if !inner.is_string() => return object(schema, inner, path, problems),
            _ => {
                problems.add(path, wrong_type(&Value::String(text), "an object"));
                return None;
            }
        },
        Value::Array(items) if of_each.is_some() => by_name(items, path, problems)?,
        // A tuple such as `["<f4", [8, 3]]`, in the order of the fields.
        Value::Array(items) if known.properties.is_some_and(|fields| items.len() <= fields.len()) => {
            known.names().cloned().zip(items).collect()
        }
        other => {
            problems.add(path, wrong_type(&other, "an object"));
            return None;
        }
    };
    let before = problems.0.len();
    let fitted = match of_each {
        Some(of_each) => {
            let each = given.into_iter().filter_map(|(name, value)| {
                let value = fit("", of_each, value, &inside(path, &name), problems)?;
                Some((name, value))
            });
            each.collect()
        }
        None if known.properties.is_some() => fields(&known, given, path, problems),
        // Its fields are free, and so are their values.
        None => given,
    };
    (problems.0.len() == before).then_some(Value::Object(fitted))
}

/// A list of objects of which each says its name, as an object by those names.
fn by_name(items: Vec<Value>, path: &str, problems: &mut Problems) -> Option<JsonObject> {
    let mut named = JsonObject::new();
    for (at, item) in items.into_iter().enumerate() {
        let Value::Object(mut fields) = item else {
            problems.add(&format!("{path}[{at}]"), wrong_type(&item, "an object with a name"));
            return None;
        };
        let Some(Value::String(name)) = fields.remove("name") else {
            problems.add(&format!("{path}[{at}]"), "missing field `name`");
            return None;
        };
        if named.insert(name.clone(), Value::Object(fields)).is_some() {
            problems.add(path, format!("{:?} is there twice", text::bounded(&name, MAX_QUOTED_BYTES)));
            return None;
        }
    }
    Some(named)
}
