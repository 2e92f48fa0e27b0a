//! `dcc-mcp-shm stats`: how full a store is, in numbers.

mod prometheus;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use dcc_mcp_shm_view::text::{self, Bytes};
use serde::Serialize;

use super::overview::Overview;
use super::store::{existing, say_no_store};
use super::usage::Usage;
use super::{json, process, terminal};
use crate::settings::StoreOption;
use crate::sweep::Share;

/// Count what is in the store, for people and for monitoring.
///
/// Memory that is used and free, what is deleted and still in use, the quota, buffers by kind, pools and their slots, the
/// processes that have something open, and damaged files.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Stats {
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: what the text says, in bytes.
    #[arg(long)]
    json: bool,
    /// Print the text exposition format of Prometheus.
    ///
    /// All are gauges with the label store; docs/command-line.md lists them.
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm stats
      For a person.
  dcc-mcp-shm stats --prometheus > dcc_mcp_shm.prom
      For a collector of textfiles.";

/// What is in a store, in numbers.
#[derive(Debug, Default, Serialize)]
struct Numbers {
    store: String,
    /// Whether there is a store; nothing is in one that is not there.
    exists: bool,
    #[serde(flatten)]
    usage: Option<Usage>,
    pending_bytes: u64,
    pending_files: usize,
    buffers_by_kind: BTreeMap<&'static str, Share>,
    pools: usize,
    slots: usize,
    free_slots: usize,
    /// Processes that are seen to have something open.
    holders: usize,
    damaged_files: usize,
    newer_files: usize,
}

impl Stats {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let store = existing(&self.store)?;
        if store.is_none() && !self.json && !self.prometheus {
            return say_no_store(&self.store);
        }
        let numbers = match &store {
            Some(store) => Numbers {
                usage: Some(Usage::of(store)?),
                exists: true,
                ..Numbers::of(&Overview::of(store)?)
            },
            None => Numbers::of(&Overview::empty(&self.store.directory())),
        };
        Ok(terminal::print(&if self.json {
            json::pretty(&numbers)?
        } else if self.prometheus {
            prometheus::exposition(&numbers)
        } else {
            numbers.in_words()
        })?)
    }
}

impl Numbers {
    fn of(overview: &Overview) -> Self {
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
            free_slots: overview.pools().map(dcc_mcp_shm::PoolStatus::free).sum(),
            holders: overview.processes(),
            damaged_files: overview.damaged(),
            newer_files: overview.newer(),
            ..Self::default()
        }
    }

    fn in_words(&self) -> String {
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
