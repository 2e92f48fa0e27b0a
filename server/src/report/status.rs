//! How full the store is, and what the next sweep would do about it.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use dcc_mcp_shm::{PendingFile, Store, StoreIndex};
use dcc_mcp_shm_view::text::{self, Bytes};
use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::listed::is_zero;
use crate::process::Process;
use crate::reply::ToolError;
use crate::state::ShmServer;
use crate::sweep::{self, Share};

/// Deleted files that are named.
const PENDING_NAMED: usize = 5;

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Status {
    /// Its directory.
    store: String,
    used_bytes: u64,
    /// Of it: deleted, still open in programs.
    pending_bytes: u64,
    /// The largest: id, name, bytes, held_by.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pending: Vec<PendingFile>,
    /// Of it: kept for what is made next.
    #[serde(skip_serializing_if = "is_zero")]
    reserve_bytes: u64,
    /// Most for a new buffer.
    free_bytes: u64,
    /// What sets free_bytes.
    limited_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_bytes: Option<u64>,
    /// Count and bytes of each.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    buffers_by_kind: BTreeMap<&'static str, Share>,
    pools: usize,
    damaged_files: usize,
    #[serde(skip_serializing_if = "is_zero")]
    newer_files: usize,
    /// By the next sweep: count and bytes by reason.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    would_remove: BTreeMap<&'static str, Share>,
    /// What it keeps.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    would_keep: BTreeMap<&'static str, Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_expiry_seconds: Option<u64>,
    /// Holders that run another version. Not in the schema, which has no room for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    other_versions: Vec<Process>,
}

/// The part of the status that comes from the index.
struct Counts {
    buffers_by_kind: BTreeMap<&'static str, Share>,
    pools: usize,
    damaged_files: usize,
    newer_files: usize,
}

impl Counts {
    fn of(index: &StoreIndex) -> Self {
        let mut buffers_by_kind: BTreeMap<_, Share> = BTreeMap::new();
        for (_, buffer) in index.buffers() {
            buffers_by_kind
                .entry(buffer.kind.as_str())
                .or_default()
                .add(buffer.capacity);
        }
        Self {
            buffers_by_kind,
            pools: index.pools().count(),
            damaged_files: index.damaged().count(),
            newer_files: index.newer().count(),
        }
    }
}

impl Status {
    /// The status now. The index is free for other calls while every file is looked at, because that takes a while.
    pub(crate) async fn now(server: &ShmServer, cancelled: &CancellationToken) -> Result<Self, ToolError> {
        let counts = server.index(cancelled, |_, index| Ok(Counts::of(index))).await?;
        server.quick(cancelled, |store| Self::of(store, counts)).await
    }

    /// Looks at the lock of every file, and keeps none of the files open.
    fn of(store: &Store, counts: Counts) -> Result<Self, ToolError> {
        let room = store.room()?;
        let sweep = store.gc(true)?;
        let mut pending = store.pending()?;
        let pending_bytes = pending.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        pending.truncate(PENDING_NAMED);
        Ok(Self {
            store: store.path().display().to_string(),
            used_bytes: store.used_bytes()?,
            pending_bytes,
            pending,
            reserve_bytes: store.reserve_bytes()?,
            free_bytes: room.available,
            limited_by: room.limit.to_string(),
            quota_bytes: store.quota()?,
            buffers_by_kind: counts.buffers_by_kind,
            pools: counts.pools,
            damaged_files: counts.damaged_files,
            newer_files: counts.newer_files,
            next_expiry_seconds: sweep::next_expiry(&sweep).map(|left| left.as_secs()),
            would_remove: sweep::removed(&sweep),
            would_keep: sweep::kept(&sweep),
            other_versions: Process::of_other_versions(store)?,
        })
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, free) = (Bytes(self.used_bytes), Bytes(self.free_bytes));
        writeln!(f, "{used} used, {free} free (set by: {})", self.limited_by)?;
        if self.pending_bytes > 0 {
            let pending = Bytes(self.pending_bytes);
            writeln!(f, "{pending} of it are deleted and still in use. The largest:")?;
        }
        for file in &self.pending {
            let name = text::labelled([("name", file.name.as_deref())]);
            writeln!(f, "- {}{name}, {}: {}", file.id, Bytes(file.bytes), file.held_by)?;
        }
        if self.reserve_bytes > 0 {
            let kept = Bytes(self.reserve_bytes);
            writeln!(
                f,
                "{kept} of it are free, and kept for what is made within some seconds"
            )?;
        }
        if let Some(quota) = self.quota_bytes {
            writeln!(f, "quota {}", Bytes(quota))?;
        }
        for (kind, share) in &self.buffers_by_kind {
            writeln!(f, "{kind}: {share}")?;
        }
        write!(f, "{}", text::count(self.pools, "pool"))?;
        if self.damaged_files > 0 {
            write!(f, ", {}", text::count(self.damaged_files, "damaged file"))?;
        }
        if self.newer_files > 0 {
            let files = text::count(self.newer_files, "file");
            write!(f, ", {files} of a newer dcc-mcp-shm (update this server)")?;
        }
        f.write_str("\nThe next sweep removes")?;
        if self.would_remove.is_empty() {
            f.write_str(" nothing")?;
        }
        for (reason, share) in &self.would_remove {
            write!(f, "\n- {share}: {reason}")?;
        }
        for (reason, share) in &self.would_keep {
            write!(f, "\nand keeps {share}: {reason}")?;
        }
        if let Some(seconds) = self.next_expiry_seconds {
            write!(f, "\nThe first expires in {seconds} s.")?;
        }
        if !self.other_versions.is_empty() {
            let others: Vec<_> = self.other_versions.iter().map(Process::in_words).collect();
            let (own, others) = (env!("CARGO_PKG_VERSION"), others.join(", "));
            write!(f, "\nThis server is dcc-mcp-shm {own}; of another version: {others}")?;
        }
        write!(f, "\nstore {:?}", self.store)
    }
}
