//! What is in the store: damaged files, leftovers, and the quota.

use dcc_mcp_shm::{KeptReason, NewerFile, Store};
use dcc_mcp_shm_view::text::{self, Bytes};

use super::finding::Finding;
use super::quoted::quoted;
use crate::sweep;

/// Damaged files that are named.
const NAMED: usize = 5;

/// `option` makes a command mean this store.
pub(super) fn check(store: &Store, option: &str) -> Vec<Finding> {
    let mut findings = vec![quota(store)];
    match store.list() {
        Ok(listing) => {
            let (buffers, pools) = (listing.buffers.len(), listing.pools.len());
            let found = format!("{}, {}", text::count(buffers, "buffer"), text::count(pools, "pool"));
            findings.push(Finding::good("contents", found));
            findings.extend(newer(&listing.newer));
            let files = listing.damaged;
            if !files.is_empty() {
                let named = files.iter().take(NAMED).map(|file| format!("{}", file.id));
                let named: Vec<_> = named.collect();
                let more = if files.len() > NAMED { " …" } else { "" };
                findings.push(Finding::error(
                    "damaged",
                    format!("{}; the first: {}", text::count(files.len(), "file"), files[0].problem),
                    format!(
                        "have it written again, and delete it: dcc-mcp-shm rm {}{option}{more}",
                        named.join(" ")
                    ),
                ));
            }
        }
        Err(error) => findings.push(Finding::unknown("contents", error)),
    }
    findings.extend(leftovers(store, option));
    findings
}

/// What this program is too old for.
fn newer(files: &[NewerFile]) -> Option<Finding> {
    let version = files.iter().map(|file| file.version).max()?;
    Some(Finding::warning(
        "newer",
        format!(
            "{} of a newer dcc-mcp-shm than this one, {}: format version {version}; they are not damaged",
            text::count(files.len(), "file"),
            crate::identity::VERSION
        ),
        "update this program, and those that are to read them; until then they are left out of listings",
    ))
}

fn quota(store: &Store) -> Finding {
    const SUBJECT: &str = "quota";
    match (store.quota(), store.used_bytes()) {
        (Err(error), _) => Finding::error(
            SUBJECT,
            error.to_string(),
            format!(
                "remove it: rm {}; then set it anew by serve --max-bytes",
                quoted(&store.path().join(".quota"))
            ),
        ),
        (_, Err(error)) => Finding::unknown(SUBJECT, error),
        (Ok(None), Ok(used)) => Finding::good(SUBJECT, format!("none; {:#} used", Bytes(used))),
        (Ok(Some(quota)), Ok(used)) if used >= quota / 10 * 9 => Finding::warning(
            SUBJECT,
            format!("{:#} of {:#} used", Bytes(used), Bytes(quota)),
            "delete buffers (dcc-mcp-shm rm), or set another one: DCC_MCP_SHM_MAX_BYTES, or serve --max-bytes",
        ),
        (Ok(Some(quota)), Ok(used)) => Finding::good(SUBJECT, format!("{:#} of {:#} used", Bytes(used), Bytes(quota))),
    }
}

/// What dead processes and passed times leave behind.
fn leftovers(store: &Store, option: &str) -> Vec<Finding> {
    const SUBJECT: &str = "leftovers";
    let sweep = match store.gc(true) {
        Ok(sweep) => sweep,
        Err(error) => return vec![Finding::unknown(SUBJECT, error)],
    };
    let mut findings = Vec::new();
    for (reason, share) in sweep::removed(&sweep) {
        let state = format!(
            "{}, {:#}: {reason}",
            text::count(share.count, "file"),
            Bytes(share.bytes)
        );
        findings.push(Finding::warning(
            SUBJECT,
            state,
            format!("the next sweep takes them; now: dcc-mcp-shm gc{option}"),
        ));
    }
    let died = sweep.kept.iter().filter(|file| file.reason == KeptReason::HolderDied);
    let died = died.count();
    if died > 0 {
        findings.push(Finding::warning(
            SUBJECT,
            format!("{} of processes that were killed", text::count(died, "file")),
            format!("their time to live starts at the next sweep; now: dcc-mcp-shm gc{option}"),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::good(SUBJECT, "none"));
    }
    findings
}
