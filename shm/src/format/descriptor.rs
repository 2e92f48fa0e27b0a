//! The some 500 bytes of JSON that travel instead of the data.

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::buffer_state::BufferState;
use super::dtype::Dtype;
use super::kind::{Domain, SceneDataKind};
use super::labels::Attrs;
use super::snapshot::Snapshot;
use super::words::Role;

/// The version of descriptors made here.
pub const DESCRIPTOR_VERSION: u32 = 1;

/// Everything that is needed to open a buffer, or to map it without this library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Descriptor {
    /// Version of this format: 1.
    pub version: u32,
    /// Id of the buffer: a UUID.
    pub id: Uuid,
    /// Name for people, unique in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file, absolute.
    pub path: String,
    /// What the file is.
    pub role: FileRole,
    /// Where the payload starts, in bytes from the start of the file.
    pub data_offset: u64,
    /// Size of the data in bytes, before compression.
    pub size_bytes: u64,
    /// Size of the data as it is stored, in bytes.
    pub stored_bytes: u64,
    /// Most bytes that the payload can hold.
    pub capacity: u64,
    /// What the data is.
    pub kind: SceneDataKind,
    /// Program that wrote the data.
    #[serde(default)]
    pub source_dcc: String,
    /// Scene or set that the buffer is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Free-form facts. upAxis, metersPerUnit, timeCodesPerSecond, startTimeCode, endTimeCode and transform mean
    /// what they mean in USD.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
    /// Whether the data can change.
    pub state: BufferState,
    /// Whether the stored bytes are LZ4 frames.
    pub use_compression: bool,
    /// How often a pool slot has been given out; a descriptor of an earlier generation is refused.
    pub generation: u64,
    /// When the buffer was made or, for a scene, finished: RFC 3339, UTC.
    pub created_at: String,
    /// How long it stays after the last holder let go, in seconds; 0 is until it is deleted.
    pub ttl_seconds: f64,
    /// When it may be removed, unless a process opens it: RFC 3339, UTC. Past until the next sweep. Absent while
    /// somebody has it open, and if it stays until deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The arrays in the payload, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub arrays: IndexMap<String, ArrayDescriptor>,
}

/// One array of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArrayDescriptor {
    /// Element type: a NumPy type string, such as `<f4`.
    pub dtype: Dtype,
    /// Length of each dimension, in elements, in C order.
    pub shape: Vec<u64>,
    /// What one row belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Where the array starts, in bytes from the start of the file; absent when compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileRole {
    /// A buffer that can be rewritten.
    Buffer,
    /// A scene: written once.
    Scene,
    /// A slot of a pool.
    Slot,
    /// The control file of a pool.
    Pool,
}

impl From<Role> for FileRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Buffer => Self::Buffer,
            Role::Scene => Self::Scene,
            Role::Slot => Self::Slot,
            Role::Pool => Self::Pool,
        }
    }
}

impl Descriptor {
    /// Describes a file as it is now.
    pub(crate) fn new(path: &Path, snapshot: &Snapshot, ttl: Duration, state: BufferState) -> Self {
        let Snapshot {
            header, words, payload, ..
        } = snapshot;
        let metadata = &header.metadata;
        let use_compression = metadata.codec.is_some();
        let arrays = metadata.arrays.iter().map(|(name, array)| {
            let descriptor = ArrayDescriptor {
                dtype: array.dtype,
                shape: array.shape.clone(),
                domain: array.domain,
                offset: (!use_compression).then(|| payload + array.offset),
            };
            (name.clone(), descriptor)
        });
        Self {
            version: DESCRIPTOR_VERSION,
            id: header.id,
            name: metadata.name.clone(),
            path: path.display().to_string(),
            role: header.role.into(),
            data_offset: *payload,
            size_bytes: if header.role == Role::Scene {
                metadata.size
            } else {
                words.data_len
            },
            stored_bytes: words.data_len,
            capacity: header.capacity,
            kind: metadata.kind,
            source_dcc: metadata.source_dcc.clone(),
            group: metadata.group.clone(),
            attrs: metadata.attrs.clone(),
            state,
            use_compression,
            generation: words.generation,
            created_at: snapshot.created_at(),
            ttl_seconds: ttl.as_secs_f64(),
            expires: snapshot.expires(ttl),
            arrays: arrays.collect(),
        }
    }

    /// The JSON text.
    ///
    /// # Panics
    /// Never: maps with text keys and finite numbers are JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps with text keys and finite numbers are JSON")
    }

    /// The published JSON Schema of descriptors.
    pub fn json_schema() -> Schema {
        schemars::schema_for!(Self)
    }
}
