//! What a caller gives for a buffer.

use dcc_mcp_shm::Reference;
use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// Which buffer: its id, its unique name, or its whole descriptor as an object or as JSON text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected an id, a name or a descriptor")]
pub(crate) enum BufferReference {
    Text(String),
    Descriptor(JsonObject),
}

impl BufferReference {
    /// The id or name that a text is as it stands. `None` for a descriptor, and for a text that may hold one.
    pub(crate) fn as_given(&self) -> Option<Reference> {
        match self {
            Self::Text(text) if !text.is_empty() && !text.contains('{') => {
                Some(Uuid::try_parse(text).map_or_else(|_| Reference::Name(text.clone()), Reference::Id))
            }
            Self::Text(_) | Self::Descriptor(_) => None,
        }
    }
}
