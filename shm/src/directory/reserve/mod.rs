//! The reserve: memory of deleted files that is used again, because new memory costs more than all else that is done with it.
//!
//! A file that was published could be mapped by a process that holds no lock. The kernel knows: it grants a write lease only if no
//! process has the file open or mapped but the one that asks. So a deleted file is kept without its name, and whoever makes
//! something of about its size takes it, asks for the lease, and only then changes a byte:
//!
//! - First the file loses the name by which it can be opened, and then the kernel is asked. A process that has opened it, by its
//!   name or any other way, is counted before its call returns, so that the lease is refused, or it comes so late that the name is
//!   gone when it looks. Whoever opens a file without its lock must look; handles of this crate find the file marked as deleted,
//!   or another id in its header.
//! - The lease is asked through a descriptor that was opened for that and is the only one the asking process has: the kernel does
//!   not count what was opened or mapped through the descriptor that asks.
//! - The file must have one name. By a hard link that nobody has open its bytes would change too.
//!
//! What is kept has no content: all that a new file does not overwrite is cleared before anybody sees it. It is counted in the
//! store's sum, and given back when nobody has used it for a while, and before anything is refused for want of room.

mod clock;
mod keeper;
mod limit;
mod proof;
mod putting;
mod returning;
mod table;
mod taking;

pub use self::limit::DEFAULT_RESERVE;

/// From this size on, a file is worth keeping.
const SMALLEST: u64 = 64 << 10;
