//! What containers and file systems refuse, and what does not work without it.

use dcc_mcp_shm::{Ability, Store};

use super::finding::Finding;

const SUBJECT: &str = "system";
const SECCOMP: &str = "allow the call in the container's seccomp profile, or use a store in /dev/shm";

/// Tried on a file in the store's directory.
pub(super) fn check(store: &Store) -> Vec<Finding> {
    match store.missing_abilities() {
        Ok(missing) if missing.is_empty() => vec![Finding::good(
            SUBJECT,
            "locks, leases, reserved memory, futexes and the host's clock can be had",
        )],
        Ok(missing) => missing
            .into_iter()
            .map(|(ability, error)| without(ability, &error.to_string()))
            .collect(),
        Err(error) => vec![Finding::unknown(SUBJECT, error)],
    }
}

fn without(ability: Ability, error: &str) -> Finding {
    let broken = |call: &str, effect: &str| Finding::error(SUBJECT, format!("{call}: {error}; {effect}"), SECCOMP);
    let lesser = |call: &str, effect: &str| Finding::warning(SUBJECT, format!("{call}: {error}; {effect}"), SECCOMP);
    match ability {
        Ability::FileLocks => broken("no locks on files (flock)", "nothing can be shared"),
        Ability::ByteLocks => broken(
            "no locks on bytes (fcntl F_OFD_SETLK)",
            "scenes are written and read, but buffers and slots of pools are not, and no empty scene is filled",
        ),
        Ability::Reserving => broken(
            "no reserved memory (fallocate)",
            "scenes of less than 4 MiB are written from bytes and arrays, but nothing else is made: no larger ones, none that are \
             filled in place, no buffers and no pools",
        ),
        Ability::Leases => lesser(
            "no leases (fcntl F_SETLEASE)",
            "all works but filling an empty scene that others have seen",
        ),
        Ability::Waking => lesser(
            "no futex",
            "all works, but who waits looks every millisecond instead of sleeping",
        ),
        Ability::HostClock => Finding::warning(
            SUBJECT,
            format!("the host's clock cannot be told: {error}; nothing that has a time to live is removed from here"),
            "let programs read /proc/self, or have somebody sweep outside of this container (dcc-mcp-shm gc)",
        ),
        other => Finding::warning(SUBJECT, format!("{other:?}: {error}"), SECCOMP),
    }
}
