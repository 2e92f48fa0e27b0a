//! Which buffer a descriptor means: read from text that anybody may have written.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::buffer_state::BufferState;
use super::descriptor::{ArrayDescriptor, DESCRIPTOR_VERSION, FileRole};
use super::kind::SceneDataKind;
use crate::error::{Error, Result};
use crate::sys;
use crate::text::unescaped;

/// Longest descriptor that is read, in bytes of JSON.
const MAX_DESCRIPTOR_BYTES: usize = 4 << 20;

/// The part of a descriptor that says which buffer it is; the rest is read from the buffer itself.
#[derive(Debug)]
pub(crate) struct DescribedFile {
    pub(crate) id: Uuid,
    pub(crate) path: PathBuf,
    pub(crate) generation: u64,
}

/// Required fields of a descriptor, checked for presence and type without allocating. Opening uses three of them; all else is
/// read from the file.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "fields are there to be checked")]
struct Outline<'a> {
    version: u32,
    id: Uuid,
    #[serde(borrow)]
    path: Cow<'a, str>,
    role: FileRole,
    data_offset: u64,
    size_bytes: u64,
    stored_bytes: u64,
    capacity: u64,
    kind: SceneDataKind,
    state: BufferState,
    use_compression: bool,
    generation: u64,
    #[serde(borrow)]
    created_at: Cow<'a, str>,
    #[serde(default)]
    attrs: AnyObject,
    #[serde(default)]
    arrays: AnyArrays,
}

/// Arrays, checked and let go.
#[derive(Debug, Default)]
struct AnyArrays;

impl<'de> Deserialize<'de> for AnyArrays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        each_value::<ArrayDescriptor, D>(deserializer)?;
        Ok(Self)
    }
}

/// An object, whatever is in it.
#[derive(Debug, Default)]
struct AnyObject;

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        each_value::<IgnoredAny, D>(deserializer)?;
        Ok(Self)
    }
}

/// Reads an object whose values must be of a type, and keeps nothing.
fn each_value<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<(), D::Error> {
    struct Values<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
            while map.next_entry::<IgnoredAny, T>()?.is_some() {}
            Ok(())
        }
    }

    deserializer.deserialize_map(Values(PhantomData::<T>))
}

impl DescribedFile {
    /// Reads which buffer a descriptor means. Unknown fields are ignored, an unknown version is refused.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        if json.len() > MAX_DESCRIPTOR_BYTES {
            return Err(Error::descriptor(format!(
                "it has {} bytes; {MAX_DESCRIPTOR_BYTES} are possible",
                json.len()
            )));
        }
        // The whole of it must hold together, although only a part is used.
        match serde_json::from_str::<Outline>(json) {
            Ok(descriptor) if descriptor.version == DESCRIPTOR_VERSION => Ok(Self {
                id: descriptor.id,
                path: path_of(descriptor.path),
                generation: descriptor.generation,
            }),
            Ok(descriptor) => Err(unknown_version(descriptor.version.into())),
            Err(error) => Err(why_invalid(json, &error)),
        }
    }
}

/// The path that a descriptor names. It may have been escaped, as it was shown to a model.
fn path_of(path: Cow<'_, str>) -> PathBuf {
    match unescaped(&path) {
        Some(meant) if !Path::new(path.as_ref()).parent().is_some_and(Path::exists) => meant.into(),
        _ => path.into_owned().into(),
    }
}

fn unknown_version(found: u64) -> Error {
    Error::UnsupportedVersion {
        what: "the descriptor".to_owned(),
        found,
        known: DESCRIPTOR_VERSION,
    }
}

/// The error for a text that is not a descriptor of this version.
fn why_invalid(json: &str, error: &serde_json::Error) -> Error {
    if let Err(error) = sys::check_random() {
        return Error::random(error);
    }
    let value: serde_json::Value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => return Error::descriptor(format!("it is not JSON: {error}")),
    };
    let Some(fields) = value.as_object() else {
        return Error::descriptor("it is JSON, but no object");
    };
    match fields.get("version").map(serde_json::Value::as_u64) {
        Some(Some(version)) if version == u64::from(DESCRIPTOR_VERSION) => Error::descriptor(error.to_string()),
        Some(Some(found)) => unknown_version(found),
        Some(None) => Error::descriptor("its version is no whole number"),
        None if !fields.contains_key("id") && !fields.contains_key("meta") => {
            Error::descriptor("it has no version and no id")
        }
        None => Error::descriptor(
            "it has no version: it was made by another implementation (dcc-mcp-core writes such), whose files this \
             one does not read",
        ),
    }
}
