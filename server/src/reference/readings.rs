//! What a text or object may mean, without looking whether that is there.

use dcc_mcp_shm_view::text::letters;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use dcc_mcp_shm::{Reference, Store};
use percent_encoding::percent_decode_str;
use rmcp::model::JsonObject;
use serde_json::Value;
use uuid::Uuid;

use super::given::BufferReference;
use super::prose::{bare_word, denies, names_in};
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
/// Fields of an object by which a buffer or pool is known.
const IDS: [&str; 4] = ["id", "uuid", "buffer_id", "pool_id"];
const NAMES: [&str; 4] = ["uri", "name", "buffer_name", "pool_name"];
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
    /// Names that are left when blanks, quotes or the fence of Markdown are taken off, in this order.
    pub(super) trimmed: Vec<Reading>,
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
        push(&mut self.exact, Reading::Reference(reference));
    }

    fn add_text(&mut self, text: &str, depth: usize) {
        // A name may have blanks or quotes around it, or begin like JSON.
        let wrapped = unwrappings(text);
        let bare = wrapped.last().copied().unwrap_or(text);
        bare.clone_into(&mut self.wanted);
        if !bare.starts_with('{') || json_in(bare).is_none() {
            for (at, text) in wrapped.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
                let named = || Reading::Reference(Reference::Name((*text).to_owned()));
                match Uuid::try_parse(text) {
                    Ok(id) => self.add(Reference::Id(id)),
                    Err(_) if at == 0 => push(&mut self.exact, named()),
                    Err(_) => push(&mut self.trimmed, named()),
                }
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
        let text = |fields: &[&str]| fields.iter().find_map(|field| field_of(object, field)?.as_str());
        if field_of(object, "version").is_some() {
            // If it is whole, this says which slot's generation is meant, too.
            self.add(json());
        } else if let Some(inner) = WRAPPERS
            .iter()
            .find_map(|field| field_of(object, field))
            .filter(|inner| !inner.is_null())
        {
            return self.add_value(inner, depth + 1);
        } else if let Some(Value::Array(listed)) = field_of(object, "buffers").or_else(|| field_of(object, "pools"))
            && let [only] = &listed[..]
        {
            return self.add_value(only, depth + 1);
        }
        let before = self.exact.len();
        match (text(&["path"]).and_then(FilePath::of), text(&IDS)) {
            (Some(path), id) if id.is_none_or(|id| Uuid::try_parse(id) == Ok(path.id)) => {
                self.exact.push(Reading::Path(path));
            }
            // An id that does not belong to its path means nothing.
            (Some(_), _) => {}
            (None, Some(id)) => self.add_text(id, depth + 1),
            (None, None) => {
                if let Some(other) = text(&NAMES) {
                    self.add_text(other, depth + 1);
                }
            }
        }
        if self.exact.len() == before {
            self.add(json());
        }
    }

    /// References within a text that says more: JSON, ids, paths and addresses, else a name between words that say nothing.
    fn add_prose(&mut self, text: &str, depth: usize) {
        let mut found = Self::default();
        let mut said = vec![text];
        if let Some(at) = text.find('{') {
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<JsonObject>();
            if let Some(Ok(object)) = values.next().filter(|_| depth < MAX_DEPTH) {
                found.add_object(&object, depth + 1);
                said = vec![&text[..at], &text[at + values.byte_offset()..]];
            }
        }
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            if word.len() == 36
                && let Ok(id) = Uuid::try_parse(word)
            {
                found.add(Reference::Id(id));
            }
        }
        if found.exact.is_empty() {
            for word in text.split_whitespace().map(bare_word) {
                if let Some(path) = FilePath::of(word) {
                    found.exact.push(Reading::Path(path));
                } else if let Some(reference) = ResourceUri::parse(word).as_ref().and_then(ResourceUri::reference) {
                    found.add(reference.clone());
                }
            }
        }
        if found.exact.is_empty() {
            for name in names_in(text) {
                found.add(Reference::Name(name.to_owned()));
            }
        } else if said.into_iter().any(denies) {
            found.exact.clear();
        }
        self.prose = found.exact;
    }
}

fn push(readings: &mut Vec<Reading>, reading: Reading) {
    if !readings.contains(&reading) {
        readings.push(reading);
    }
}

/// The value of a field, in whichever case and with whatever between its words the name of the field is written.
fn field_of<'a>(object: &'a JsonObject, name: &str) -> Option<&'a Value> {
    let same = || object.iter().find(|(field, _)| letters(field) == letters(name));
    object.get(name).or_else(|| same().map(|(_, value)| value))
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
