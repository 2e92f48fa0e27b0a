//! The numbers of a store, and how they are told to people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dcc_mcp_shm::PoolStatus;
use dcc_mcp_shm_view::text::{self, Bytes};
use serde::Serialize;

use crate::command::overview::Overview;
use crate::command::usage::Usage;
use crate::process;
use crate::sweep::Share;

/// What is in a store, in numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Numbers {
    pub(super) store: String,
    /// Whether there is a store; nothing is in one that is not there.
    pub(super) exists: bool,
    #[serde(flatten)]
    pub(super) usage: Option<Usage>,
    pub(super) pending_bytes: u64,
    pub(super) pending_files: usize,
    pub(super) buffers_by_kind: BTreeMap<&'static str, Share>,
    pub(super) pools: usize,
    pub(super) slots: usize,
    pub(super) free_slots: usize,
    /// Processes that are seen to have something open.
    pub(super) holders: usize,
    pub(super) damaged_files: usize,
    pub(super) newer_files: usize,
}

impl Numbers {
    pub(super) fn of(overview: &Overview) -> Self {
        let mut buffers_by_kind: BTreeMap<_, Share> = BTreeMap::new();
        for buffer in overview.buffers() {
            let share = buffers_by_kind.entry(buffer.kind.as_str()).or_default();
            share.add(buffer.size_bytes);
        }
        let pending = overview.pending().iter().map(|file| file.bytes);
        Self {
            store: overview.store().to_owned(),
            pending_bytes: pending.fold(0, u64::saturating_add),
            pending_files: overview.pending().len(),
            buffers_by_kind,
            pools: overview.pools().count(),
            slots: overview.pools().map(|pool| pool.slots.len()).sum(),
            free_slots: overview.pools().map(PoolStatus::free).sum(),
            holders: overview.processes(),
            damaged_files: overview.damaged(),
            newer_files: overview.newer(),
            ..Self::default()
        }
    }

    pub(super) fn in_words(&self) -> String {
        let mut said = String::new();
        // Writing to a String cannot fail.
        if let Some(usage) = &self.usage {
            let (used, free) = (Bytes(usage.used_bytes), Bytes(usage.free_bytes));
            let _ = writeln!(said, "{used} used, {free} free (set by: {})", usage.limited_by);
            if let Some(quota) = usage.quota_bytes {
                let _ = writeln!(said, "quota {}", Bytes(quota));
            }
            if usage.reserve_bytes > 0 {
                let _ = writeln!(said, "{} of it kept for what is made next", Bytes(usage.reserve_bytes));
            }
        }
        if self.pending_files > 0 {
            let files = text::count(self.pending_files, "deleted file");
            let _ = writeln!(said, "{files} still in use, {}", Bytes(self.pending_bytes));
        }
        for (kind, share) in &self.buffers_by_kind {
            let _ = writeln!(said, "{kind}: {share}");
        }
        let (pools, free) = (text::count(self.pools, "pool"), self.free_slots);
        let _ = writeln!(said, "{pools}, {free} of {} free", text::count(self.slots, "slot"));
        let _ = writeln!(said, "open in {}", process::count(self.holders));
        if self.damaged_files > 0 {
            let _ = writeln!(said, "{}", text::count(self.damaged_files, "damaged file"));
        }
        if self.newer_files > 0 {
            let _ = writeln!(said, "{} of newer programs", text::count(self.newer_files, "file"));
        }
        said
    }
}
