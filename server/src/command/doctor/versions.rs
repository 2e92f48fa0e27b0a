//! Whether all processes that have something of the store open run the same version of dcc-mcp-shm.

use std::collections::BTreeSet;

use dcc_mcp_shm::Store;

use super::finding::Finding;
use crate::command::process::Process;

const SUBJECT: &str = "versions";

/// Nothing where the system does not show which processes have the store's files open: that is a finding of its own.
pub(super) fn check(store: &Store) -> Option<Finding> {
    let holders = store.holders();
    let ids = match store.ids() {
        Ok(ids) => ids,
        Err(error) => return Some(Finding::unknown(SUBJECT, error)),
    };
    let pids: BTreeSet<u32> = ids
        .into_iter()
        .filter_map(|id| holders.of(id))
        .flatten()
        .copied()
        .collect();
    let others: Vec<_> = pids
        .into_iter()
        .map(Process::of)
        .filter(|process| process.other_version.is_some())
        .map(|process| process.in_words())
        .collect();
    if others.is_empty() {
        return None;
    }
    Some(Finding::warning(
        SUBJECT,
        format!(
            "this is {}; of another one: {}",
            env!("CARGO_PKG_VERSION"),
            others.join(", ")
        ),
        "restart them, so that all run the version that is installed",
    ))
}
