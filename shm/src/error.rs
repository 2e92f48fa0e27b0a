//! What can go wrong, each failure with its facts; the words are in `Display` alone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::lock_holder::LockHolder;
use crate::slot_holder::SlotHolder;
use crate::visible::{push_escaped, visible};

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation. Each message says what happened and, where there is something to do, what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No buffer, scene or pool answers to this id or name in the store.
    #[error(
        "nothing is shared as {} in {}; it was deleted, it expired, or it was never there: list the store to see what is",
        quoted(reference),
        shown(store)
    )]
    NotFound {
        /// The id, name or path that was looked for.
        reference: String,
        /// The store that was searched.
        store: PathBuf,
    },
    /// The slot has been given to somebody else since this descriptor was made.
    #[error(
        "slot {id} has been reused: the descriptor is of generation {expected}, the slot is at {found}; ask its producer for a new descriptor"
    )]
    Stale {
        /// The slot.
        id: Uuid,
        /// The generation in the descriptor.
        expected: u64,
        /// The generation in memory.
        found: u64,
    },
    /// Another buffer has this name.
    #[error(
        "the name {} is taken by {holder}; publish with replace to take it over, or choose another",
        quoted(name)
    )]
    NameTaken {
        /// The name that was asked for.
        name: String,
        /// The id of the buffer or pool that has it.
        holder: Uuid,
    },
    /// An argument is outside of what it may be.
    #[error("{argument}: {}", visible(problem))]
    InvalidArgument {
        /// The argument's name.
        argument: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// More data than the buffer holds.
    #[error("{needed} bytes do not fit into a buffer of {capacity}; create a larger one")]
    CapacityExceeded {
        /// How much was to be stored, in bytes.
        needed: u64,
        /// How much there is room for, in bytes.
        capacity: u64,
    },
    /// There is no room for a new buffer. Nothing was created.
    #[error(
        "{}; {}",
        limit.shortage(*requested, *available),
        how_to_make_room(*requested, *limit, *reclaimable)
    )]
    StoreFull {
        /// How much was asked for, in bytes; where inodes are short, how many files; 0 where the system gave no room for something
        /// that has no size, and the other numbers are not known.
        requested: u64,
        /// How much there was, in the same unit.
        available: u64,
        /// Which limit was met.
        limit: SpaceLimit,
        /// How much is in files that no process holds, in bytes, as far as they could be looked at.
        reclaimable: u64,
    },
    /// Somebody else holds what is needed, and did so until the deadline.
    #[error("{what} was held by {} for {waited:?}; {}", whom(holder.as_ref()), then(holder.as_ref()))]
    Busy {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        waited: Duration,
        /// Who had it, where the system says so.
        holder: Option<LockHolder>,
    },
    /// Every slot of the pool is in use.
    #[error(
        "all {slots} slots of pool {pool} are in use{}{}; drop a buffer, wait with a timeout, or make a larger pool",
        by(holders), after(*waited)
    )]
    Exhausted {
        /// The pool's id.
        pool: Uuid,
        /// How many slots it has.
        slots: usize,
        /// Who has them; slots that are only read have nobody here.
        holders: Vec<SlotHolder>,
        /// How long one was waited for.
        waited: Duration,
    },
    /// The scene is not finished, so there is nothing to read yet.
    #[error("scene {id} is still {state}; it can be read once its writer has sealed it")]
    NotSealed {
        /// The scene.
        id: Uuid,
        /// `empty` or `filling`.
        state: &'static str,
    },
    /// The scene is finished and never changes again.
    #[error("scene {id} is sealed and never changes; write a new one (with replace to take over its name)")]
    Sealed {
        /// The scene.
        id: Uuid,
    },
    /// A file could not be sealed because something can still write to it.
    #[error("{id} cannot be sealed: another descriptor or mapping can still write to it; close it there")]
    StillWritable {
        /// The scene.
        id: Uuid,
    },
    /// A scene that others have seen cannot be sealed, as the system does not say whether they can still write to it.
    #[error(
        "{id} cannot be sealed: no leases are granted here (fcntl F_SETLEASE: {source}), so it cannot be told whether anything \
         can still write to it; write a new scene instead of filling an empty one, allow leases in the container's seccomp \
         profile, or use a store in /dev/shm"
    )]
    NoLeases {
        /// The scene.
        id: Uuid,
        /// The system's error.
        source: io::Error,
    },
    /// The write was begun by the process that forked this one, which alone can finish it.
    #[error("{id} is being written by the process that forked this one; start a write of your own")]
    Forked {
        /// The scene, buffer or slot.
        id: Uuid,
    },
    /// There is no memory: for a copy, or for the operating system to do what was asked of it.
    #[error("{}", no_memory(action, path.as_deref(), *requested))]
    OutOfMemory {
        /// What was being done.
        action: &'static str,
        /// With which file, if with one.
        path: Option<PathBuf>,
        /// How much memory was needed, in bytes, if that is known.
        requested: Option<u64>,
    },
    /// A writer died in the middle of a write: what is there is neither the old nor the new data.
    #[error("the last writer of {id} died while it wrote; write again")]
    Interrupted {
        /// The buffer.
        id: Uuid,
    },
    /// The data was rewritten while it was read, so what was read may be parts of two writes.
    #[error("{id} was rewritten while it was read; read it again")]
    Changed {
        /// The buffer or slot.
        id: Uuid,
    },
    /// The bytes of a file are not what they must be.
    #[error("{} is damaged: {}", shown(path), visible(problem))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing found wrong.
        problem: String,
    },
    /// A file or descriptor of a format that this version does not know.
    #[error(
        "format version {found} of {} is not known here (known: {known}); use a newer dcc-mcp-shm",
        printable(what)
    )]
    UnsupportedVersion {
        /// The file or the descriptor.
        what: String,
        /// Its version.
        found: u64,
        /// The version known here.
        known: u32,
    },
    /// A descriptor that cannot be used.
    #[error("invalid descriptor: {}", visible(problem))]
    InvalidDescriptor {
        /// The first thing found wrong.
        problem: String,
    },
    /// A file of another kind than the one asked for.
    #[error("{id} is a {found}, not a {expected}")]
    WrongRole {
        /// The file's id.
        id: Uuid,
        /// What was asked for.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The scene has no array of this name.
    #[error("scene {id} has no array {}; it has: {}", quoted(name), list(available))]
    NoSuchArray {
        /// The scene.
        id: Uuid,
        /// The name asked for.
        name: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// A compressed scene has no bytes that could be viewed without a copy.
    #[error("scene {id} is compressed, so it has no view; use read, or write it without compression")]
    Compressed {
        /// The scene.
        id: Uuid,
    },
    /// The store's directory is one that others could tamper with, or is no directory.
    #[error("store {} is refused: {}", shown(path), visible(problem))]
    UnsafeStore {
        /// The directory.
        path: PathBuf,
        /// Which rule it breaks.
        problem: String,
    },
    /// The process has no file descriptor left.
    #[error(
        "no file descriptor left to {action} {}; close buffers, or raise the limit (ulimit -n)",
        shown(path)
    )]
    TooManyOpenFiles {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The kernel lets this user watch no more directories.
    #[error(
        "no more directories can be watched ({source}); end programs that watch many, or raise \
         fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl)"
    )]
    TooManyWatches {
        /// The system's error.
        source: io::Error,
    },
    /// The operating system refused.
    #[error("could not {action} {}: {source}{}", shown(path), if *nothing_published { "; nothing was published" } else { "" })]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
        /// Whether this came of making something, none of which is visible to others.
        nothing_published: bool,
    },
}

/// The limit that a [`Error::StoreFull`] met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpaceLimit {
    /// Free space of the file system.
    FileSystem,
    /// The store's quota.
    Quota,
    /// Available memory of the machine.
    Memory,
    /// Room left in an enclosing memory cgroup.
    Cgroup,
    /// Inodes of the file system: how many files it can have.
    Inodes,
    /// The disk quota of this user; how much of it is left is not known.
    UserQuota,
    /// How long this process may make a file: `RLIMIT_FSIZE`.
    FileSize,
}

impl SpaceLimit {
    /// What there was too little of, in words, as [`Error::StoreFull`] has the numbers.
    pub fn shortage(self, requested: u64, available: u64) -> String {
        match self {
            Self::Inodes => "no file can be made, as the file system has no free inode (df -i)".to_owned(),
            Self::UserQuota => "the disk quota of this user is used up (quota -s)".to_owned(),
            _ if requested == 0 => "the file system has no room left".to_owned(),
            _ if available < requested => {
                format!("{requested} bytes were asked for and {available} are available ({self})")
            }
            // Somebody has freed memory since, or the system counts in a way that cannot be asked about.
            _ => format!("the system had no room for {requested} bytes ({self}), and may have now"),
        }
    }
}

impl std::fmt::Display for SpaceLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FileSystem => "free space of the file system",
            Self::Quota => "quota of the store, DCC_MCP_SHM_MAX_BYTES",
            Self::Memory => "free memory of the machine",
            Self::Cgroup => "memory limit of the container or cgroup",
            Self::Inodes => "free inodes of the file system",
            Self::UserQuota => "disk quota of the user",
            Self::FileSize => "limit of this process on the size of a file, ulimit -f",
        })
    }
}

impl Error {
    /// Whether the thing asked for is gone or never was: another one has to be found.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Stale { .. })
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::Changed { .. } | Self::Exhausted { .. } | Self::NotSealed { .. }
        ) || matches!(self, Self::StoreFull { limit, .. } if *limit != SpaceLimit::FileSize)
    }

    /// Whether nobody can watch a directory here, or not now: what happens in it has to be looked for then.
    pub fn forbids_watching(&self) -> bool {
        match self {
            Self::TooManyWatches { .. } => true,
            Self::Io {
                action: "watch",
                source,
                ..
            } => {
                matches!(
                    source.raw_os_error(),
                    Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL)
                )
            }
            _ => false,
        }
    }

    pub(crate) fn invalid(argument: &'static str, problem: impl Into<String>) -> Self {
        Self::InvalidArgument {
            argument,
            problem: problem.into(),
        }
    }

    pub(crate) fn damaged(path: &Path, problem: impl AsRef<str>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            problem: printable(problem.as_ref()),
        }
    }

    pub(crate) fn descriptor(problem: impl AsRef<str>) -> Self {
        Self::InvalidDescriptor {
            problem: printable(problem.as_ref()),
        }
    }

    /// There are no random numbers.
    pub(crate) fn random(source: io::Error) -> Self {
        Self::io("get random numbers from", Path::new("/dev/urandom"), source)
    }

    /// An error of the system, told apart where the caller can act on the difference.
    pub(crate) fn io(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        match source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => Self::TooManyOpenFiles {
                action,
                path: path.to_owned(),
                source,
            },
            Some(libc::ENOMEM) => Self::OutOfMemory {
                action,
                path: Some(path.to_owned()),
                requested: None,
            },
            Some(error @ (libc::ENOSPC | libc::EDQUOT)) => Self::StoreFull {
                requested: 0,
                available: 0,
                limit: if error == libc::EDQUOT {
                    SpaceLimit::UserQuota
                } else {
                    SpaceLimit::FileSystem
                },
                reclaimable: 0,
            },
            _ => Self::Io {
                action,
                path: path.to_owned(),
                source,
                nothing_published: false,
            },
        }
    }

    /// There is no memory for so many bytes of data.
    pub fn no_memory_for(bytes: u64) -> Self {
        Self::OutOfMemory {
            action: "copy the data",
            path: None,
            requested: Some(bytes),
        }
    }

    /// The same error, of an operation that makes something and has made nothing.
    pub(crate) fn nothing_published(mut self) -> Self {
        if let Self::Io { nothing_published, .. } = &mut self {
            *nothing_published = true;
        }
        self
    }

    /// Whether this is a fact about the file that was looked at: it is not there, it is damaged, or this process may not read it. Any
    /// other error says that the system could not be asked, and the file may be as good as any.
    pub fn is_conclusive(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::Stale { .. } | Self::Damaged { .. } | Self::UnsupportedVersion { .. } => true,
            Self::Io {
                action: "open", source, ..
            } => source.raw_os_error() == Some(libc::EACCES),
            _ => false,
        }
    }
}

/// What was found in a file or descriptor, fit for a terminal and a model: escaped and cut.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
    let mut printable = String::new();
    for c in visible(&text[..end.unwrap_or(text.len())]).chars() {
        // Nor line ends and tabs, which people and models see.
        if c.is_control() {
            push_escaped(&mut printable, c);
        } else {
            printable.push(c);
        }
    }
    if end.is_some() {
        printable.push('…');
    }
    printable
}

/// A path may come out of a descriptor.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// A name between quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", printable(name))
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| printable(name)).collect();
    names.join(", ")
}

fn no_memory(action: &str, path: Option<&Path>, requested: Option<u64>) -> String {
    match (path, requested) {
        (Some(path), _) => format!(
            "no memory to {action} {}; close buffers and views, or raise the limit of this process (ulimit -v)",
            shown(path)
        ),
        (None, Some(bytes)) => format!("no memory to {action}, {bytes} bytes; read a range, or use a view"),
        (None, None) => format!("no memory to {action}"),
    }
}

fn whom(holder: Option<&LockHolder>) -> String {
    holder.map_or_else(|| "somebody else".to_owned(), ToString::to_string)
}

/// What to do about a lock that somebody has for too long.
fn then(holder: Option<&LockHolder>) -> String {
    match holder {
        Some(LockHolder { pid, stopped: true, .. }) => {
            format!("let it go on (kill -CONT {pid}), or end it (kill -KILL {pid}), which gives back its locks")
        }
        _ => "try again when they let go".to_owned(),
    }
}

fn how_to_make_room(requested: u64, limit: SpaceLimit, reclaimable: u64) -> String {
    if limit == SpaceLimit::FileSize {
        return "raise the limit where the process is started, or share less at once".to_owned();
    }
    if requested == 0 {
        return "delete buffers, or run gc for the expired ones".to_owned();
    }
    format!("{reclaimable} bytes are in buffers nobody holds: delete some, or run gc for the expired ones")
}

/// Who has slots, each process once.
fn by(holders: &[SlotHolder]) -> String {
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

fn after(waited: Duration) -> String {
    if waited.is_zero() {
        return String::new();
    }
    format!(", and were so for {waited:.1?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visible::is_hidden;

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
                store: path(),
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
            Error::io("open", &path(), io::Error::from_raw_os_error(libc::EIO)),
        ];
        for error in errors {
            let said = error.to_string();
            assert!(!said.contains(is_hidden), "{said:?}");
            assert!(said.contains(r"a\u{202e}\u{e0041}\u{fe0f}\u{3164}b"), "{said}");
        }
    }
}
