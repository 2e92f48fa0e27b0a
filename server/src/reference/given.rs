//! What a caller gives for a buffer.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which buffer: its id, its unique name, or its whole descriptor as an object or as JSON text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected an id, a name or a descriptor")]
pub(crate) enum BufferReference {
    Text(String),
    Descriptor(JsonObject),
}
