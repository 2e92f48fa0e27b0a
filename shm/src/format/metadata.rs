//! The JSON part of a header: what the payload means.

use std::ops::RangeInclusive;
use std::path::Path;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::SceneDataKind;
use super::labels::{Attrs, check_attrs, check_label, check_name};
use super::layout::PlacedArray;
use crate::error::{Error, Result};

/// Most slots of a pool.
pub const MAX_SLOTS: usize = 4096;
/// Sizes of chunks that are read: larger ones would let a small file demand much memory.
pub(super) const CHUNK_SIZES: RangeInclusive<u64> = 1 << 16..=1 << 24;
/// LZ4 cannot make data smaller than one 255th.
pub(super) const MAX_RATIO: u64 = 255;

/// Facts about a file that never change. Fields of later versions are ignored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) kind: SceneDataKind,
    #[serde(default)]
    pub(crate) source_dcc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub(crate) attrs: Attrs,
    /// Size of a scene's payload before compression, in bytes; zero for what can be rewritten.
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) codec: Option<Codec>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(crate) arrays: IndexMap<String, PlacedArray>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pool: Option<PoolFacts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slot_of: Option<Uuid>,
}

/// How a payload is compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Codec {
    pub(crate) name: CodecName,
    /// Uncompressed bytes of each chunk but the last of an array.
    pub(crate) chunk_size: u64,
}

/// The codecs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CodecName {
    /// LZ4 frames, one for each chunk, after an index in a skippable frame.
    #[serde(rename = "lz4-frames")]
    Lz4Frames,
}

/// What a pool's control file knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolFacts {
    /// Bytes that each slot holds.
    pub(crate) buffer_size: u64,
    /// The slots' ids.
    pub(crate) slots: Vec<Uuid>,
    /// Whether it stays when nobody has it open.
    #[serde(default)]
    pub(crate) persistent: bool,
}

impl Metadata {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text keys and finite numbers are JSON")
    }

    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let metadata: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::damaged(path, format!("its metadata is not valid: {error}")))?;
        metadata
            .check()
            .map_err(|error| Error::damaged(path, format!("its metadata is not valid: {error}")))?;
        Ok(metadata)
    }

    /// The rules for text that others will read, for writers and readers alike.
    pub(crate) fn check(&self) -> Result<()> {
        check_label("source_dcc", &self.source_dcc)?;
        self.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
        self.group
            .as_deref()
            .map_or(Ok(()), |group| check_name("group", group))?;
        check_attrs(&self.attrs)
    }
}
