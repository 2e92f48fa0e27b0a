//! A summary of a garbage collection: how many files go or stay for each reason, and the memory they take.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use dcc_mcp_shm::{GcReport, KeptReason};
use dcc_mcp_shm_view::text::Bytes;
use serde::Serialize;

/// A number of files, and the memory they take.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Share {
    pub(crate) count: usize,
    pub(crate) bytes: u64,
}

impl Share {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        // Some sizes come from headers, which may claim any size.
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.count, Bytes(self.bytes))
    }
}

/// The files that go, by reason.
pub(crate) fn removed(sweep: &GcReport) -> BTreeMap<&'static str, Share> {
    shares(sweep.removed.iter().map(|file| (file.reason, file.bytes)))
}

/// The files that stay, by reason.
pub(crate) fn kept(sweep: &GcReport) -> BTreeMap<&'static str, Share> {
    shares(sweep.kept.iter().map(|file| (in_words(&file.reason), file.bytes)))
}

fn shares(files: impl Iterator<Item = (&'static str, u64)>) -> BTreeMap<&'static str, Share> {
    let mut shares: BTreeMap<_, Share> = BTreeMap::new();
    for (reason, bytes) in files {
        shares.entry(reason).or_default().add(bytes);
    }
    shares
}

/// Time until the first of the files that stay expires.
pub(crate) fn next_expiry(sweep: &GcReport) -> Option<Duration> {
    let left = sweep.kept.iter().filter_map(|file| match file.reason {
        KeptReason::Unexpired { left } => Some(left),
        _ => None,
    });
    left.min()
}

/// The reason in words that are the same for all files that stay for it.
fn in_words(reason: &KeptReason) -> &'static str {
    match reason {
        KeptReason::Held => "a program has it open",
        KeptReason::StillOpen => "it is deleted, and a program still has it open",
        KeptReason::StillMapped => "it is deleted, and a program still has it mapped without a lock",
        KeptReason::HolderDied => "its holder died: its time to live starts now",
        KeptReason::Unexpired { .. } => "its time to live has not passed",
        KeptReason::UntilDeleted => "it stays until it is deleted",
        KeptReason::SlotOfPool => "it is a slot, and its pool is there",
        KeptReason::PersistentPool => "it is a pool that stays until it is deleted",
        KeptReason::Newer { .. } => "a newer program made it: use a newer dcc-mcp-shm",
        KeptReason::Unreadable { .. } => "it is damaged: delete it by its id",
        KeptReason::ClockUnknown { .. } => {
            "its age cannot be told: let the program read its /proc, or run gc outside of the container"
        }
        _ => "it could not be looked at or removed",
    }
}
