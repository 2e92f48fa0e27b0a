//! What can go wrong, each failure with its facts; the words are in `Display` alone.

mod asking;
mod making;
mod message;
mod space_limit;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

pub(crate) use self::asking::{OPENING, WATCHING};
use self::message::{after, by, how_to_make_room, list, no_memory, not_found, quoted, shown, then, whom};
pub use self::space_limit::SpaceLimit;
use crate::holder::{LockHolder, SlotHolder};
use crate::text::{printable, visible};

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation. Each message says what happened and, where there is something to do, what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No buffer, scene or pool answers to this id or name in the store.
    #[error("{}", not_found(reference, store, *store_is_missing))]
    NotFound {
        /// The id, name or path that was looked for.
        reference: String,
        /// The store that was searched.
        store: PathBuf,
        /// Whether the directory of that store is not there.
        store_is_missing: bool,
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
        "format version {found} of {} is not known here (known: {known}){}",
        printable(what),
        if *found > u64::from(*known) { ": a newer program made it; use a newer dcc-mcp-shm" } else { "" }
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
    /// The store's directory is one that others could tamper with, or is not a directory.
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
