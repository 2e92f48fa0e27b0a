//! JSON Schemas of tool arguments and results, in the subset that every MCP client understands.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of what a tool accepts.
pub(crate) fn input<T: JsonSchema>() -> Arc<JsonObject> {
    object(&portable::<T>(SchemaSettings::draft2020_12().for_deserialize()))
}

/// The schema of what a tool returns: the fields, their types, and what their names do not say.
///
/// `tools/list` is read into every conversation, so constraints are left out by which a client could only check this
/// server's own results.
pub(crate) fn output<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = portable::<T>(SchemaSettings::draft2020_12().for_serialize());
    remove_checks(&mut schema);
    object(&schema)
}

fn object(schema: &Schema) -> Arc<JsonObject> {
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

fn portable<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    let mut schema = settings
        .with(|settings| {
            // No `$schema`, because 2020-12 is MCP's default dialect. No `$ref`, because some clients do not follow it.
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .with_transform(remove_rust)
        .with_transform(remove_null)
        .with_transform(plain_enums)
        .into_generator()
        .into_root_schema_for::<T>();
    // The name and documentation of the Rust type say nothing to a model, and the tool has its own.
    schema.remove("title");
    schema.remove("description");
    schema
}

/// Drops what only Rust knows (`format: "uint64"` and the like, line breaks and links of documentation), and keywords
/// that say nothing.
fn remove_rust(schema: &mut Schema) {
    let is_rust_format = schema
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| ["uint", "int", "double"].iter().any(|rust| format.starts_with(rust)));
    if is_rust_format {
        schema.remove("format");
    }
    // A minimum of 0 and permission for any other field go without saying.
    if schema.get("minimum").and_then(Value::as_u64) == Some(0) && schema.get("maximum").is_none() {
        schema.remove("minimum");
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
        schema.remove("additionalProperties");
    }
    if let Some(values) = schema.get_mut("additionalProperties").and_then(Value::as_object_mut) {
        values.remove("description");
    }
    // This description is that of the Rust type of the items. The field has its own, which says what the list is.
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        items.remove("description");
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ").replace("[`", "`").replace("`]", "`");
    }
    transform_subschemas(&mut remove_rust, schema);
}

fn remove_checks(schema: &mut Schema) {
    // This description is that of the Rust type of the items. The field has its own, which says what the list is.
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        items.remove("description");
    }
    // `true` allows any item, which goes without saying, and strict clients warn of it. That names are texts goes without saying
    // too, and that items are objects, their names in the description say.
    let is_bare = |items: &Value| {
        let fields = items.as_object();
        items == true || fields.is_some_and(|fields| fields.keys().all(|key| key == "type"))
    };
    if schema.get("items").is_some_and(is_bare) {
        schema.remove("items");
    }
    for check in ["required", "additionalProperties", "minimum", "format", "enum"] {
        // For a map, `additionalProperties` says what the values are.
        if check == "additionalProperties" && schema.get(check).is_some_and(Value::is_object) {
            continue;
        }
        schema.remove(check);
    }
    // A field that is named like a check stays, because this visits the schemas of the fields and not the map that
    // names them.
    transform_subschemas(&mut remove_checks, schema);
}

/// Drops `null` from optional fields, because this server writes "no value" by leaving the field out, and asks clients
/// to do the same.
fn remove_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.ensure_object().entry(key).or_insert(value);
            }
        }
    }
    transform_subschemas(&mut remove_null, schema);
}

/// Writes `oneOf` of documented constants as one `enum`, which is shorter, because `tools/list` is read into every
/// conversation.
fn plain_enums(schema: &mut Schema) {
    let constants = schema.get("oneOf").and_then(Value::as_array).and_then(|choices| {
        let constants = choices.iter().map(|choice| choice.get("const").cloned());
        constants.collect::<Option<Vec<_>>>()
    });
    if let Some(constants) = constants {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), "string".into());
        schema.insert("enum".to_owned(), constants.into());
    }
    transform_subschemas(&mut plain_enums, schema);
}
