//! Whether the store's lock can be had. Programs hold it for microseconds, or milliseconds where a quota makes them sum sizes.

use dcc_mcp_shm::{Error, Store};

use super::finding::Finding;
use super::quoted::quoted;

pub(super) fn check(store: &Store) -> Finding {
    const SUBJECT: &str = "lock";
    let (holder, waited) = match store.check_lock() {
        Ok(()) => return Finding::good(SUBJECT, "free, or held for a moment"),
        Err(Error::Busy { holder, waited, .. }) => (holder, waited),
        Err(error) => return Finding::unknown(SUBJECT, error),
    };
    let Some(holder) = holder else {
        return Finding::error(
            SUBJECT,
            format!("held for more than {waited:?} by a process that the system does not show"),
            format!(
                "find it outside of the container (sudo lsof {}), and let it go on, or end it",
                quoted(&store.path().join(".lock"))
            ),
        );
    };
    let pid = holder.pid;
    let remedy = match (&holder.program, holder.stopped) {
        (None, _) => format!(
            "end the processes that it left behind: sudo lsof {}",
            quoted(&store.path().join(".lock"))
        ),
        (_, true) => format!("let it go on: kill -CONT {pid}; or end it: kill -KILL {pid}"),
        (_, false) => format!("if it does not let go, end it: kill {pid}"),
    };
    Finding::error(SUBJECT, format!("held for more than {waited:?} by {holder}"), remedy)
}
