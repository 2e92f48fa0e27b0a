//! Who was given a slot of a pool, for people and messages.

use schemars::JsonSchema;
use serde::Serialize;

/// Who has a slot of a pool, as it said when it was given the slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotHolder {
    /// Its process id, in its own namespace.
    pub pid: u32,
    /// The name of its program, of at most 15 bytes, control characters escaped.
    pub program: String,
    /// Since when it has the slot: RFC 3339, UTC.
    pub since: String,
}
