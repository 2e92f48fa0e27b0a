//! What a text or object may mean, without looking whether that is there.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use dcc_mcp_shm::{Reference, Store};
use percent_encoding::percent_decode_str;
use rmcp::model::JsonObject;
use serde_json::Value;
use uuid::Uuid;

use super::given::BufferReference;
use crate::address::ResourceUri;
use crate::lenient::{between_quotes, json_in, unfenced};
use crate::platform::is_same_file;

/// Fields that hold a reference or a descriptor, as results and wrappers have them.
const WRAPPERS: [&str; 9] = [
    "descriptor",
    "structuredContent",
    "structured_content",
    "result",
    "buffer",
    "scene",
    "pool",
    "reference",
    "data",
];
/// Deepest wrapping that is undone.
const MAX_DEPTH: usize = 6;
/// Longest text in which references are looked for, in bytes.
const MAX_PROSE_BYTES: usize = 64 << 10;

/// One way to read a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Reference(Reference),
    Path(FilePath),
}

/// The path of a buffer's file, and the id that was given beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePath {
    path: PathBuf,
    id: Uuid,
}

impl FilePath {
    /// `None` unless the path ends as that of a buffer's file does, and is whole or nothing but the file's name.
    fn of(text: &str) -> Option<Self> {
        let is_name = !text.contains(|c: char| c == '/' || c.is_whitespace());
        if !is_name && !text.starts_with('/') && !text.starts_with("file://") {
            return None;
        }
        let path = match text.strip_prefix("file://") {
            Some(path) => PathBuf::from(percent_decode_str(path).decode_utf8().ok()?.as_ref()),
            None => PathBuf::from(text),
        };
        let file = path.file_name()?.to_str()?.strip_suffix(".shm")?;
        let id = Uuid::try_parse(file).ok()?;
        Some(Self { path, id })
    }

    /// The id of the buffer, if its file lies in this store.
    pub(super) fn in_store(&self, store: &Store) -> Option<Uuid> {
        let directory = self.path.parent().filter(|parent| *parent != Path::new(""));
        let is_here =
            directory.is_none_or(|directory| directory == store.path() || is_same_file(directory, store.path()));
        is_here.then_some(self.id)
    }
}

impl Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

/// All that a caller may mean.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// In this order.
    pub(super) exact: Vec<Reading>,
    /// Found within a text that says more.
    pub(super) prose: Vec<Reading>,
    /// The text without what wraps it, to look for something near.
    pub(super) wanted: String,
}

impl Readings {
    pub(super) fn of(given: &BufferReference) -> Self {
        let mut readings = Self::default();
        match given {
            BufferReference::Text(text) => readings.add_text(text, 0),
            BufferReference::Descriptor(object) => readings.add_object(object, 0),
        }
        readings
    }

    fn add(&mut self, reference: Reference) {
        let reading = Reading::Reference(reference);
        if !self.exact.contains(&reading) {
            self.exact.push(reading);
        }
    }

    fn add_name(&mut self, text: &str) {
        if let Ok(id) = Uuid::try_parse(text) {
            self.add(Reference::Id(id));
        } else if !text.is_empty() {
            self.add(Reference::Name(text.to_owned()));
        }
        text.clone_into(&mut self.wanted);
    }

    fn add_text(&mut self, text: &str, depth: usize) {
        text.clone_into(&mut self.wanted);
        // A name may have blanks or quotes around it, or begin like JSON.
        let wrapped = unwrappings(text);
        let bare = wrapped.last().copied().unwrap_or(text);
        if !bare.starts_with('{') || json_in(bare).is_none() {
            for text in &wrapped {
                self.add_name(text);
            }
        }
        match json_in(bare) {
            Some(Value::Object(object)) => return self.add_object(&object, depth + 1),
            Some(Value::Array(items)) if items.len() == 1 => return self.add_value(&items[0], depth + 1),
            _ => {}
        }
        if let Some(reference) = ResourceUri::parse(bare).as_ref().and_then(ResourceUri::reference) {
            if let Reference::Name(name) = reference {
                name.clone_into(&mut self.wanted);
            }
            return self.add(reference.clone());
        }
        if let Some(path) = FilePath::of(bare) {
            return self.exact.push(Reading::Path(path));
        }
        if bare.len() <= MAX_PROSE_BYTES {
            self.add_prose(bare, depth);
        }
        // What begins like a descriptor and is none is told as such.
        if bare.starts_with('{') && self.prose.is_empty() && Uuid::try_parse(bare).is_err() {
            self.add(Reference::Descriptor(bare.to_owned()));
        }
    }

    fn add_value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::String(text) if depth <= MAX_DEPTH => self.add_text(text, depth),
            Value::Object(object) if depth <= MAX_DEPTH => self.add_object(object, depth),
            Value::Array(items) if depth <= MAX_DEPTH && items.len() == 1 => self.add_value(&items[0], depth + 1),
            other => self.wanted = other.to_string(),
        }
    }

    fn add_object(&mut self, object: &JsonObject, depth: usize) {
        let json = || Reference::Descriptor(Value::Object(object.clone()).to_string());
        let text = |field: &str| object.get(field).and_then(Value::as_str);
        if object.contains_key("version") {
            // If it is whole, this says which slot's generation is meant, too.
            self.add(json());
        } else if let Some(inner) = WRAPPERS
            .iter()
            .find_map(|field| object.get(*field))
            .filter(|inner| !inner.is_null())
        {
            return self.add_value(inner, depth + 1);
        } else if let Some(Value::Array(listed)) = object.get("buffers").or_else(|| object.get("pools"))
            && let [only] = &listed[..]
        {
            return self.add_value(only, depth + 1);
        }
        let before = self.exact.len();
        match (text("path").and_then(FilePath::of), text("id").or_else(|| text("uuid"))) {
            (Some(path), id) if id.is_none_or(|id| Uuid::try_parse(id) == Ok(path.id)) => {
                self.exact.push(Reading::Path(path));
            }
            // An id that does not belong to its path means nothing.
            (Some(_), _) => {}
            (None, Some(id)) => self.add_text(id, depth + 1),
            (None, None) => {
                if let Some(other) = text("uri").or_else(|| text("name")) {
                    self.add_text(other, depth + 1);
                }
            }
        }
        if self.exact.len() == before {
            self.add(json());
        }
    }

    /// References within a text: JSON, ids, and names between quotes or as words.
    fn add_prose(&mut self, text: &str, depth: usize) {
        let mut found = Self::default();
        let json = text.find('{').and_then(|at| {
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<JsonObject>();
            values.next()?.ok()
        });
        if let Some(object) = json.filter(|_| depth < MAX_DEPTH) {
            found.add_object(&object, depth + 1);
        }
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            if word.len() == 36
                && let Ok(id) = Uuid::try_parse(word)
            {
                found.add(Reference::Id(id));
            }
        }
        if found.exact.is_empty() {
            for quote in ['"', '\'', '`'] {
                for quoted in text.split(quote).skip(1).step_by(2).filter(|quoted| !quoted.is_empty()) {
                    found.add(Reference::Name(quoted.to_owned()));
                }
            }
            for word in text.split_whitespace() {
                let word = word.trim_matches(|c: char| ".,;:!?()[]\"'`".contains(c));
                if word.len() < text.len() && !word.is_empty() {
                    found.add_word(word);
                }
            }
        }
        self.prose = found.exact;
    }

    fn add_word(&mut self, word: &str) {
        if let Some(path) = FilePath::of(word) {
            self.exact.push(Reading::Path(path));
        } else if let Some(reference) = ResourceUri::parse(word).as_ref().and_then(ResourceUri::reference) {
            self.add(reference.clone());
        } else {
            self.add(Reference::Name(word.to_owned()));
        }
    }
}

fn without_quotes(text: &str) -> &str {
    between_quotes(text).map_or(text, |(inner, _)| inner)
}

/// A text, and what remains when one after the other blanks, the fence of Markdown and quotes around it are taken off.
fn unwrappings(text: &str) -> Vec<&str> {
    let mut found = vec![text];
    let mut inner = text;
    for _ in 0..MAX_DEPTH {
        for unwrap in [str::trim, unfenced, without_quotes] {
            let next = unwrap(inner);
            if next != inner {
                found.push(next);
            }
            inner = next;
        }
    }
    found
}
