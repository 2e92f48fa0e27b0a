//! Everything that depends on the operating system, and all `unsafe` code of this crate.
//!
//! What is exported from here is safe to call: the checks that make it so stand beside each `unsafe` block. Two functions rest on
//! their callers too, all of which are in this crate: `NewVec::filled` believes that its closure has filled the memory, and
//! `as_destination` that only initialised bytes are written to a `Destination`. The files of this folder are the same on every system. A folder in it has what one system does in its own way: `linux`, and `unsupported`, in
//! which everything is refused. A port is another folder with the same names.
#![cfg_attr(
    not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")),
    allow(dead_code, reason = "nothing is done with what is never open")
)]

mod access;
mod admission;
mod background;
mod backoff;
mod bytes;
mod deadline;
mod fill;
mod fork_mutex;
mod huge_page_budget;
mod identity;
mod lock_kind;
pub(crate) mod parallel;
mod pieces;
mod protection;
mod refusal;
mod room;
mod staging;
mod stream;
mod vectors;
mod wall_clock;
mod watch_event;

#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
#[path = "unsupported/mod.rs"]
mod system;

/// What names the descriptor of a watch, where the system has descriptors.
#[cfg(unix)]
pub(crate) use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub(crate) use access::Access;
pub(crate) use admission::{admit, take_in_steps, was_plenty_lately};
pub(crate) use background::Background;
pub(crate) use backoff::{Backoff, LOCK_PATIENCE};
pub use bytes::Source;
pub(crate) use bytes::{Destination, NewVec, NoMemory, as_destination, expect_memory, reserved, zeroed, zeros};
pub(crate) use deadline::{Deadline, LONGEST_SLEEP};
pub(crate) use fill::fill_pieces;
pub(crate) use fork_mutex::ForkMutex;
pub(crate) use huge_page_budget::HugePageBudget;
pub(crate) use identity::{Identity, PROGRAM_LEN, SeenProcess};
pub(crate) use lock_kind::{LockByte, LockMode};
pub(crate) use pieces::HUGE_PAGE;
pub(crate) use protection::Protection;
pub(crate) use refusal::Refusal;
pub(crate) use room::{RoomLimit, SystemRoom};
pub(crate) use staging::Staging;
pub use system::give_back_large_memory;
use system::run_on_threads;
pub(crate) use system::{
    DirectoryHandle, DirectoryWatch, GuardedFile, LockTable, Mapping, Stat, at_exit, boot_time, check_random,
    check_wake, default_directory, file_size_limit, free_inodes_at, grants_no_leases, holder_of_byte, identity,
    is_clock_hidden, keep_first, look_at_process, make_directory, namespace_boot_time, new_id, prefer_huge_pages,
    process_generation, rest, run_in_background, sleep_on, stat_path, wake_all,
};
pub(crate) use vectors::vectorized;
pub(crate) use wall_clock::wall_time;
pub(crate) use watch_event::{NameEvent, WatchRefusal};
