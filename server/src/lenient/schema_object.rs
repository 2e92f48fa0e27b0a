//! The schema of an object, and which of its fields a name means.

use dcc_mcp_shm_view::text::letters;
use rmcp::model::JsonObject;
use serde_json::{Map, Value};

use super::synonyms::{self, is_everything};
use super::words::{CONTENT, is_nothing};

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

/// The schema of an object with fields of their own.
pub(super) struct Object<'a> {
    pub(super) properties: Option<&'a JsonObject>,
    pub(super) required: Vec<&'a str>,
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

    pub(super) fn schema(&self, name: &str) -> Option<&'a JsonObject> {
        self.properties?.get(name)?.as_object()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a String> {
        self.properties.into_iter().flat_map(Map::keys)
    }

    /// The field that a name means: itself, the one that is spelled with the same letters, one or many of it, or another
    /// word for it.
    pub(super) fn named(&self, name: &str) -> Option<&'a str> {
        let exact = self.names().find(|known| *known == name);
        let given = letters(name);
        let same = |wanted: &str| self.names().find(|known| letters(known) == wanted);
        let meant = || synonyms::field(&given);
        let found = exact
            .or_else(|| same(&given))
            .or_else(|| same(given.strip_suffix('s')?))
            .or_else(|| same(&format!("{given}s")))
            .or_else(|| same(meant()?).or_else(|| same(&format!("{}s", meant()?))));
        found.map(String::as_str)
    }

    /// The field that says which buffer is meant, if a field of this name can stand for it.
    pub(super) fn reference_field(&self, given: &str) -> Option<&'a str> {
        let stands_for_one = REFERENCE_FIELDS.iter().any(|field| letters(field) == letters(given));
        let field = self.properties?.iter().find(|(_, schema)| is_reference(schema));
        field.filter(|_| stands_for_one).map(|(name, _)| name.as_str())
    }

    /// Whether the value of an optional field says that there is none.
    pub(super) fn is_nothing(&self, name: &str, value: &Value) -> bool {
        match value {
            Value::Null => true,
            // A new thing without a name is told that it has none.
            Value::String(text) if self.names_something_new(name) && text.trim().is_empty() => false,
            Value::String(text) if self.is_filter(name) && is_everything(text) => true,
            Value::String(text) => !CONTENT.contains(&name) && is_nothing(text),
            Value::Array(items) => items.len() == 1 && self.is_filter(name) && self.is_nothing(name, &items[0]),
            _ => false,
        }
    }

    /// Whether a field is the name of something that is made, which is taken as it is.
    pub(super) fn names_something_new(&self, name: &str) -> bool {
        name == "name" && self.has("replace")
    }

    /// Whether a field selects from what a tool lists, by one of several words: `kind` of `list_buffers`, for example.
    fn is_filter(&self, name: &str) -> bool {
        self.has("cursor") && self.schema(name).is_some_and(|schema| schema.contains_key("enum"))
    }

    /// What is wrong with a field of this name, which the schema does not have.
    pub(super) fn unknown_field(&self, name: &str) -> String {
        let (given, known): (_, Vec<_>) = (letters(name), self.names().collect());
        let near = known.iter().find(|known| {
            let known = letters(known);
            given.len() > 2 && (known.contains(&given) || given.contains(&known))
        });
        let near = near.map(|near| near.as_str());
        let near = near.or_else(|| synonyms::fields(name).find(|field| self.has(field)));
        let listed: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        match (near, &listed[..]) {
            (Some(near), _) => format!("unknown field; is `{near}` meant?"),
            (None, []) => "unknown field; this tool takes no arguments".to_owned(),
            (None, listed) => format!("unknown field; there are {}", listed.join(", ")),
        }
    }
}

/// The schema of what means a buffer: a text or an object.
fn is_reference(schema: &Value) -> bool {
    schema.get("anyOf").is_some()
}
