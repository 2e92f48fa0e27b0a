//! Whether all processes that have something of the store open run the same version of dcc-mcp-shm.

use dcc_mcp_shm::Store;

use super::finding::Finding;
use crate::process::Process;

const SUBJECT: &str = "versions";

/// Nothing where the system does not show which processes have the store's files open: that is a finding of its own.
pub(super) fn check(store: &Store) -> Option<Finding> {
    let others = match Process::of_other_versions(store) {
        Ok(others) => others,
        Err(error) => return Some(Finding::unknown(SUBJECT, error)),
    };
    if others.is_empty() {
        return None;
    }
    Some(Finding::warning(
        SUBJECT,
        format!(
            "this is {}; of another one: {}",
            env!("CARGO_PKG_VERSION"),
            others.iter().map(Process::in_words).collect::<Vec<_>>().join(", ")
        ),
        "restart them, so that all run the version that is installed",
    ))
}
