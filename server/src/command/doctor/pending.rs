//! What was deleted and is still in use, in the store's accounts and out of their sight.

use std::path::Path;

use dcc_mcp_shm::{HeldBy, PendingFile, Store};
use dcc_mcp_shm_view::text::{self, Bytes};

use super::finding::Finding;
use super::quoted::quoted;
use crate::platform;

const SUBJECT: &str = "deleted";
/// Files that are named, and processes.
const NAMED: usize = 3;
/// Less than this is no sign of a file that was removed: file systems have some bytes of their own.
const LEAST_HIDDEN: u64 = 1 << 20;

pub(super) fn check(store: &Store) -> Vec<Finding> {
    let mut findings = vec![match store.pending() {
        Ok(pending) => in_accounts(&pending),
        Err(error) => Finding::unknown(SUBJECT, error),
    }];
    findings.extend(out_of_sight(store.path()));
    findings
}

fn in_accounts(pending: &[PendingFile]) -> Finding {
    if pending.is_empty() {
        return Finding::good(SUBJECT, "nothing that is still in use");
    }
    let bytes = pending.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    let mut keepers: Vec<_> = pending.iter().map(|file| file.held_by.to_string()).collect();
    keepers.sort_unstable();
    keepers.dedup();
    let more = if keepers.len() > NAMED { "; …" } else { "" };
    keepers.truncate(NAMED);
    let state = format!(
        "{} still in use, {:#}: {}{more}",
        text::count(pending.len(), "deleted file"),
        Bytes(bytes),
        keepers.join("; ")
    );
    let unlocked = pending.iter().filter(|file| file.held_by == HeldBy::Unlocked);
    let ids: Vec<_> = unlocked.take(NAMED).map(|file| file.id.to_string()).collect();
    let remedy = if ids.is_empty() {
        "let these programs let go of it, or end them; ls names the files".to_owned()
    } else {
        format!(
            "let these programs let go of it, or end them; those without a lock: grep -l -e {} /proc/[0-9]*/maps",
            ids.join(" -e ")
        )
    };
    Finding::warning(SUBJECT, state, remedy)
}

/// Compares the store's files with what its file system says, where it has one of its own: what another program removes while
/// it is open has no name by which it could be counted.
fn out_of_sight(directory: &Path) -> Option<Finding> {
    let used = platform::used_by_own_file_system(directory)?;
    let hidden = used.taken.saturating_sub(used.of_files);
    (hidden >= LEAST_HIDDEN).then(|| {
        Finding::warning(
            SUBJECT,
            format!(
                "{:#} of its file system are in no file of the store: another program has removed them while they were in use",
                Bytes(hidden)
            ),
            format!(
                "find the processes: ls -l /proc/[0-9]*/fd /proc/[0-9]*/map_files | grep {} | grep deleted; and delete by \
                 dcc-mcp-shm rm",
                quoted(directory)
            ),
        )
    })
}
