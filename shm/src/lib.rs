//! Scene data of DCCs (Blender, Maya, Houdini, Nuke …) in shared memory.
//!
//! A *store* is a directory in memory; every *buffer* in it is one file. Every program that can open the directory sees
//! the same: there is no daemon. What travels between programs is a [`Descriptor`] of some 500 bytes of JSON.
//!
//! | | [`SharedBuffer`] | slot of a [`BufferPool`] | [`SharedSceneBuffer`] |
//! |---|---|---|---|
//! | rewritten | any time, by any process | by its holder, until another has it open | never: sealed |
//! | reader gets | one complete write, or a view that holds writers off | a stable view while it holds the slot | a stable view, typed |
//!
//! An open handle keeps its buffer alive through a lock of the kernel, which goes with the process. A buffer that
//! nobody has open stays for its time to live. The files' format is in `docs/format.md` of the repository.

// From the ground up: a module uses those above it in this list, and none below.
mod sys;

mod share_out;

mod text;

mod holder;

mod error;

mod format;

mod codec;

mod directory;

mod collector;

mod segment;

mod memory;

mod stored_data;

mod reader;

mod buffer;

mod scene;

mod pool;

mod store;

#[cfg(test)]
#[path = "../../tests/properties.rs"]
mod properties;

pub use buffer::{BufferEdit, BufferView, SharedBuffer};
pub use collector::{GcReport, Kept, KeptReason, Removed};
pub use directory::{DEFAULT_RESERVE, PendingFile, Reference, Room};
pub use error::{Error, Result, SpaceLimit};
pub use format::{
    ARRAY_ALIGNMENT, ArrayDescriptor, ArraySpec, Attrs, BufferOptions, BufferState, DEFAULT_TTL, DESCRIPTOR_VERSION,
    Descriptor, Domain, Dtype, FileRole, Layout, MAX_ATTRS_BYTES, MAX_DIMENSIONS, MAX_NAME_BYTES, MAX_SLOTS,
    PlacedArray, SceneDataKind, Shuffle,
};
pub use holder::{HeldBy, LockHolder, SlotHolder};
pub use memory::WritableMemory;
pub use pool::{BufferPool, PoolStatus, SlotStatus};
pub use reader::DataReader;
pub use scene::{SceneView, SceneWriter, SharedSceneBuffer};
pub use share_out::{cores, share_out};
pub use store::{
    Ability, BufferFilter, DIR_VARIABLE, DamagedFile, Deletable, Deletion, Deletions, FailedDeletion, Holders, Horizon,
    ListPosition, Listing, NameFilter, NewerFile, QUOTA_VARIABLE, QuotaSetting, RESERVE_VARIABLE, Stamp, Store,
    StoreChange, StoreEvent, StoreIndex, StoreOptions, StoreWatch, Summary, relative_directory_variable,
    reserve_of_environment,
};
pub use sys::{Source, give_back_large_memory};
pub use text::{NotASize, is_hidden, parse_size, push_escaped, unescaped, visible};

/// The mark by which others tell which version of this crate a program has in it: it is in the program's bytes, as opening a
/// store logs it.
pub const VERSION_MARK: &str = concat!("dcc-mcp-shm-version/", env!("CARGO_PKG_VERSION"), ";");

/// Fails where the standard library's hash maps would panic in this thread, because the system gives no random numbers. This crate
/// looks before it uses them; a program that uses some of its own calls this first.
///
/// # Errors
/// [`Error::Io`].
pub fn check_random() -> Result<()> {
    sys::check_random().map_err(Error::random)
}
