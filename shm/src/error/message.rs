//! The words of errors that depend on their facts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::SpaceLimit;
use crate::holder::{LockHolder, SlotHolder};
use crate::text::printable;

/// A path may come out of a descriptor.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// A name between quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", printable(name))
}

/// What was looked for is not there, and why that may be.
pub(super) fn not_found(reference: &str, store: &Path, store_is_missing: bool) -> String {
    let directory = shown(store);
    if !store_is_missing {
        return format!(
            "nothing is shared as {} in {directory}; it was deleted, it expired, or it was never there: list the store to see \
             what is",
            quoted(reference)
        );
    }
    let what = if Path::new(reference) == store {
        String::new()
    } else {
        format!("nothing is shared as {}, because ", quoted(reference))
    };
    format!(
        "{what}there is no store at {directory}: nothing was shared there yet, the directory was removed, or this process runs \
         in a container, which has a /dev/shm of its own"
    )
}

pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| printable(name)).collect();
    names.join(", ")
}

pub(super) fn no_memory(action: &str, path: Option<&Path>, requested: Option<u64>) -> String {
    match (path, requested) {
        (Some(path), _) => format!(
            "no memory to {action} {}; close buffers and views, or raise the limit of this process (ulimit -v)",
            shown(path)
        ),
        (None, Some(bytes)) => format!("no memory to {action}, {bytes} bytes; read a range, or use a view"),
        (None, None) => format!("no memory to {action}"),
    }
}

pub(super) fn whom(holder: Option<&LockHolder>) -> String {
    holder.map_or_else(|| "somebody else".to_owned(), ToString::to_string)
}

/// What to do about a lock that somebody has for too long.
pub(super) fn then(holder: Option<&LockHolder>) -> String {
    match holder {
        Some(LockHolder { pid, stopped: true, .. }) => {
            format!("let it go on (kill -CONT {pid}), or end it (kill -KILL {pid}), which gives back its locks")
        }
        _ => "try again when they let go".to_owned(),
    }
}

pub(super) fn how_to_make_room(requested: u64, limit: SpaceLimit, reclaimable: u64) -> String {
    if limit == SpaceLimit::FileSize {
        return "raise the limit where the process is started, or share less at once".to_owned();
    }
    if requested == 0 {
        return "delete buffers, or run gc for the expired ones".to_owned();
    }
    format!("{reclaimable} bytes are in buffers nobody holds: delete some, or run gc for the expired ones")
}

/// Who has slots, each process once.
pub(super) fn by(holders: &[SlotHolder]) -> String {
    const MOST: usize = 8;
    let mut counts = BTreeMap::new();
    for holder in holders {
        *counts.entry((holder.pid, &holder.program)).or_insert(0) += 1;
    }
    let mut names: Vec<_> = counts
        .iter()
        .take(MOST)
        .map(|((pid, program), slots)| format!("{} (process {pid}) has {slots}", printable(program)))
        .collect();
    if counts.len() > MOST {
        names.push(format!("{} more processes have the rest", counts.len() - MOST));
    }
    if names.is_empty() {
        return String::new();
    }
    format!(" ({})", names.join(", "))
}

pub(super) fn after(waited: Duration) -> String {
    if waited.is_zero() {
        return String::new();
    }
    format!(", and were so for {waited:.1?}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use uuid::Uuid;

    use super::*;
    use crate::error::Error;
    use crate::text::is_hidden;

    #[test]
    fn no_message_hides_anything() {
        let hidden = "a\u{202e}\u{e0041}\u{fe0f}\u{3164}b";
        let (text, path) = (|| hidden.to_owned(), || PathBuf::from(hidden));
        let holder = SlotHolder {
            pid: 1,
            program: text(),
            since: text(),
        };
        let errors = [
            Error::NotFound {
                reference: text(),
                store_is_missing: false,
                store: path(),
            },
            Error::NotFound {
                reference: text(),
                store: path(),
                store_is_missing: true,
            },
            Error::NameTaken {
                name: text(),
                holder: Uuid::nil(),
            },
            Error::invalid("name", hidden),
            Error::Exhausted {
                pool: Uuid::nil(),
                slots: 1,
                holders: vec![holder],
                waited: Duration::ZERO,
            },
            Error::Damaged {
                path: path(),
                problem: text(),
            },
            Error::UnsupportedVersion {
                what: text(),
                found: 2,
                known: 1,
            },
            Error::InvalidDescriptor { problem: text() },
            Error::NoSuchArray {
                id: Uuid::nil(),
                name: text(),
                available: vec![text()],
            },
            Error::UnsafeStore {
                path: path(),
                problem: text(),
            },
            Error::io("open", &path(), io::Error::other("it broke")),
        ];
        for error in errors {
            let said = error.to_string();
            assert!(!said.contains(is_hidden), "{said:?}");
            assert!(said.contains(r"a\u{202e}\u{e0041}\u{fe0f}\u{3164}b"), "{said}");
        }
    }
}
