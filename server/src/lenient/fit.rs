//! A value made to fit a schema, in the subset that this server's input schemas are written in.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::json_text::json_in;
use super::problems::Problems;
use super::scalar::{any_number, choice, number, plain_text, quoted, reference, truth, wrong_type};
use super::schema_object::Object;
use super::words::{CONTENT, is_nothing, tidy, unpadded};

/// The fields of an object as its schema asks for them. What is wrong is added to `problems`.
pub(super) fn fields(object: &Object<'_>, given: JsonObject, path: &str, problems: &mut Problems) -> JsonObject {
    let mut meant = JsonObject::new();
    let mut unknown = Vec::new();
    // What says in fields of other names which buffer is meant.
    let mut reference = JsonObject::new();
    for (name, value) in given {
        if let Some(known) = object.named(&name) {
            // Under two names a field may be given if both say the same.
            match meant.get(known) {
                Some(before) if before != &value && !before.is_null() && !value.is_null() => {
                    problems.add(
                        &inside(path, &name),
                        format!("it means `{known}`, which has another value here: give one of them"),
                    );
                }
                Some(before) if !before.is_null() => {}
                _ => {
                    meant.insert(known.to_owned(), value);
                }
            }
        } else if object.reference_field(&name).is_some() {
            reference.insert(name, value);
        } else if !matches!(&value, Value::Null) && value != "" {
            unknown.push(name);
        }
    }
    take_reference(object, reference, &mut meant, &mut unknown);
    meant.retain(|name, value| object.required.contains(&name.as_str()) || !object.is_nothing(name, value));
    drop_empty_content(&mut meant);
    let mut fitted = JsonObject::new();
    for (name, value) in meant {
        if object.names_something_new(&name) {
            fitted.insert(name.clone(), new_name(value, &inside(path, &name), problems));
        } else if let Some(schema) = object.schema(&name) {
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
        problems.add(&inside(path, &quoted(&name)), object.unknown_field(&name));
    }
    fitted
}

/// Puts what was given in fields such as `id` and `name` into the field that means a buffer.
fn take_reference(object: &Object<'_>, mut reference: JsonObject, meant: &mut JsonObject, unknown: &mut Vec<String>) {
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

/// The value that is meant; `None` if none is, which is then told.
fn fit(name: &str, schema: &JsonObject, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    if schema.contains_key("anyOf") {
        return reference(value, path, problems);
    }
    let value = match value {
        // One value in a list.
        Value::Array(mut items) if items.len() == 1 && is_single(schema) && !CONTENT.contains(&name) => items.remove(0),
        value => value,
    };
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return choice(choices, &value, path, problems);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => plain_text(name, value, path, problems),
        Some("integer") => number(name, schema, &value, path, problems),
        Some("number") => any_number(&value, path, problems),
        Some("boolean") => truth(value, path, problems),
        Some("array") => list(name, schema, value, path, problems),
        Some("object") => object(schema, value, path, problems),
        _ => Some(value),
    }
}

/// The name of something new, without blanks around it. Quotes around it may be part of the name or not, and a name that is
/// taken over deletes what had it, so they are refused.
fn new_name(value: Value, path: &str, problems: &mut Problems) -> Value {
    let Some(name) = value.as_str().map(unpadded) else {
        return plain_text("name", value, path, problems).unwrap_or_default();
    };
    if tidy(name) != name {
        problems.add(
            path,
            format!("{} has quotes around it; give the name without them", quoted(name)),
        );
    }
    name.into()
}

/// Whether a schema takes a text or a number. What is true or false may overwrite, and is not guessed.
fn is_single(schema: &JsonObject) -> bool {
    let kind = schema.get("type").and_then(Value::as_str);
    matches!(kind, Some("string" | "integer")) || schema.contains_key("enum")
}

fn list(name: &str, schema: &JsonObject, value: Value, path: &str, problems: &mut Problems) -> Option<Value> {
    let free = JsonObject::new();
    let item_schema = schema.get("items").and_then(Value::as_object).unwrap_or(&free);
    let is_of = |wanted: &str| item_schema.get("type").is_some_and(|kind| kind == wanted);
    let (of_numbers, of_texts) = (is_of("integer") || is_of("number"), is_of("string"));
    // Whether it was a list before.
    let mut is_list = false;
    let items = match value {
        Value::Array(items) => {
            is_list = true;
            items
        }
        Value::String(text) => match json_in(&text) {
            Some(Value::Array(items)) => {
                is_list = true;
                items
            }
            None if of_numbers => numbers_in(&text),
            None if item_schema.contains_key("enum") => words_in(&text),
            // A name is one, whatever is in it.
            None if of_texts => vec![Value::String(text)],
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
    let before = problems.count();
    let items = items.into_iter().enumerate();
    let fitted = items.filter_map(|(at, item)| {
        let path = if is_list {
            format!("{path}[{at}]")
        } else {
            path.to_owned()
        };
        fit(name, item_schema, item, &path, problems)
    });
    let fitted: Vec<_> = fitted.collect();
    (problems.count() == before).then_some(Value::Array(fitted))
}

/// The words of a text such as `front, top`.
fn words_in(text: &str) -> Vec<Value> {
    let inner = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    // A sign in front of a word belongs to it.
    let parts = inner.split([',', ';', '|']).flat_map(|part| part.split(" + "));
    parts.map(Value::from).collect()
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
    let before = problems.count();
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
    (problems.count() == before).then_some(Value::Object(fitted))
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
            problems.add(path, format!("{:?} is there twice", quoted(&name)));
            return None;
        }
    }
    Some(named)
}
