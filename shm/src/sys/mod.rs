//! Everything that depends on the operating system, and all `unsafe` code of this crate.
//!
//! What is exported from here is safe to call: the checks that make it so stand beside each `unsafe` block.
//! A port to another system is another module with these functions.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
compile_error!("dcc-mcp-shm is built and tested on 64-bit little-endian Linux only");

mod allocator;
mod byte_lock_table;
mod bytes;
mod clock;
mod directory;
mod file;
mod fill;
mod fork;
mod fork_mutex;
mod futex;
mod huge_page_budget;
mod huge_pages;
mod lock;
mod lock_table;
mod mapping;
mod process;
mod random;
mod range;
mod retry;
mod space;
mod stream;
mod threads;
mod time_namespace;
mod vectors;

pub use allocator::give_back_large_memory;
pub(crate) use byte_lock_table::holder_of_byte;
pub use bytes::Source;
pub(crate) use bytes::{Destination, NewVec, as_destination, expect_memory, reserved, zeroed, zeros};
pub(crate) use clock::{Deadline, boot_time, namespace_boot_time, wall_time};
pub(crate) use directory::{
    make_directory, make_link, names_in, open_directory, read_link, remove, rename, stat_at, stat_directory, stat_path,
};
pub(crate) use file::{Access, GuardedFile, Stat};
pub(crate) use fill::{fill_pieces, prefer_huge_pages};
pub(crate) use fork::{keep_first, process_generation};
pub(crate) use fork_mutex::ForkMutex;
pub(crate) use futex::{LONGEST_SLEEP, check_wake, sleep_on, wake_all};
pub(crate) use huge_page_budget::HugePageBudget;
pub(crate) use lock::{
    BYTE_DATA, BYTE_GATE, BYTE_SLOT, Backoff, LOCK_PATIENCE, Mode, check_leases, is_locked_against, lock_byte,
    lock_file, no_writer_exists, try_lock_file, unlock_byte, unlock_file,
};
pub(crate) use lock_table::LockTable;
pub(crate) use mapping::{Mapping, Protection};
pub(crate) use process::{Identity, PROGRAM_LEN, identity, look_at_process};
pub(crate) use random::{check_random, new_id};
pub(crate) use range::HUGE_PAGE;
pub use space::Room;
pub(crate) use space::{file_size_limit, free_inodes, free_inodes_at, reserve, room};
pub(crate) use threads::run_on_threads;
pub(crate) use vectors::vectorized;
