//! A buffer as an entry of a listing: one line of text, and a few fields of structured content.

use std::fmt::{self, Display};

use dcc_mcp_shm::{ArrayDescriptor, BufferState, Descriptor, FileRole, Holders, SceneDataKind, visible};
use dcc_mcp_shm_view::text::{self, Bytes};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::text::roughly;

/// Most arrays that are named; a mesh has a handful.
const MAX_ARRAYS: usize = 6;
/// Longest name of an array that is shown, in bytes.
const MAX_ARRAY_BYTES: usize = 40;

/// A buffer in a listing.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Listed {
    pub(crate) id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schemars(with = "String")]
    kind: SceneDataKind,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_dcc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// sealed (for ever), open (rewritten), empty or filling.
    state: BufferState,
    size_bytes: u64,
    /// With type and shape.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arrays: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    more_arrays: usize,
    created_at: String,
    /// Processes that have it open; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    holders: Option<Vec<u32>>,
    /// When it may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip)]
    stay: String,
}

pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

impl Listed {
    pub(crate) fn new(descriptor: Descriptor, holders: &Holders) -> Self {
        let arrays = descriptor.arrays.iter().take(MAX_ARRAYS);
        Self {
            id: descriptor.id,
            kind: descriptor.kind,
            state: descriptor.state,
            size_bytes: descriptor.size_bytes,
            stay: stay(&descriptor),
            arrays: arrays.map(|(name, array)| in_short(name, array)).collect(),
            more_arrays: descriptor.arrays.len().saturating_sub(MAX_ARRAYS),
            holders: holders_of(&descriptor, holders).map(<[u32]>::to_vec),
            created_at: descriptor.created_at,
            expires: descriptor.expires,
            name: descriptor.name,
            source_dcc: descriptor.source_dcc,
            group: descriptor.group,
        }
    }

    /// About how many bytes this entry takes, as text and as structured content together.
    pub(crate) fn weight(&self) -> usize {
        const BESIDES: usize = 450;
        let of = |text: &Option<String>| text.as_ref().map_or(0, |text| visible(text).len());
        let arrays: usize = self.arrays.iter().map(|array| 2 * array.len()).sum();
        // The name, the group and the program count once, for the structured content, because the text cuts them short.
        BESIDES + arrays + of(&self.name) + of(&self.group) + visible(&self.source_dcc).len()
    }
}

/// `position <f4 [8, 3]`
fn in_short(name: &str, array: &ArrayDescriptor) -> String {
    let name = text::bounded(name, MAX_ARRAY_BYTES);
    format!("{name} {} {:?}", array.dtype, array.shape)
}

impl Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = text::labelled([
            ("name", self.name.as_deref()),
            ("from", Some(&self.source_dcc)),
            ("group", self.group.as_deref()),
        ]);
        let (id, kind, state) = (self.id, self.kind.as_str(), self.state.as_str());
        write!(f, "- {id}{texts}: {kind}, {state}, {:#}", Bytes(self.size_bytes))?;
        for array in &self.arrays {
            write!(f, ", {array}")?;
        }
        if self.more_arrays > 0 {
            write!(f, ", {} more arrays", self.more_arrays)?;
        }
        write!(f, ", {} old", age(&self.created_at))?;
        if let Some(holders) = self.holders.as_ref().filter(|holders| !holders.is_empty()) {
            write!(f, ", open in {holders:?}")?;
        }
        write!(f, ", {}", self.stay)
    }
}

/// How long a buffer stays, for a model: `expires 2026-11-26T00:11:53Z unless opened`
pub(crate) fn stay(descriptor: &Descriptor) -> String {
    match &descriptor.expires {
        _ if descriptor.role == FileRole::Slot => "stays with its pool".to_owned(),
        Some(expires) => expiry(expires),
        None if descriptor.ttl_seconds <= 0.0 => "stays until deleted".to_owned(),
        None => format!("stays {} s once nobody has it open", descriptor.ttl_seconds),
    }
}

/// What a listing says about keeping its buffers, if one of them may expire.
pub(crate) fn keeping<'a>(buffers: impl IntoIterator<Item = &'a Listed>, can_keep: bool) -> Option<&'static str> {
    let may_go = buffers.into_iter().any(|buffer| buffer.expires.is_some());
    (can_keep && may_go).then_some("keep_buffer sets expiry")
}

/// How long ago `created_at` of a descriptor was.
pub(crate) fn age(created_at: &str) -> String {
    let created: Timestamp = created_at.parse().unwrap_or(Timestamp::MAX);
    roughly(Timestamp::now().duration_since(created).as_secs())
}

/// The processes that have a buffer open, if that can be told. A descriptor has `expires` only if no process has the
/// buffer open, which is known from the file's times and so also where processes cannot be seen.
pub(crate) fn holders_of<'a>(descriptor: &Descriptor, holders: &'a Holders) -> Option<&'a [u32]> {
    if descriptor.expires.is_some() {
        return Some(&[]);
    }
    holders.of(descriptor.id)
}

/// When a buffer goes, as a descriptor says it. Looks do not change it.
fn expiry(expires: &str) -> String {
    match expires.parse::<Timestamp>() {
        Ok(moment) if moment <= Timestamp::now() => format!("expired {expires}, goes with the next sweep"),
        _ => format!("expires {expires} unless opened"),
    }
}

/// How long it takes until a moment that a descriptor names.
pub(crate) fn until(moment: &str) -> String {
    let moment: Timestamp = moment.parse().unwrap_or(Timestamp::MIN);
    roughly(moment.duration_since(Timestamp::now()).as_secs())
}
