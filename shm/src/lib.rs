//! Scene data of DCCs (Blender, Maya, Houdini, Nuke …) in shared memory.
//!
//! A *store* is a directory in memory; every *buffer* in it is one file. Whoever can open the directory sees the
//! same: there is no daemon. What travels between programs is a [`Descriptor`] of some 500 bytes of JSON.
//!
//! | | [`SharedBuffer`] | slot of a [`BufferPool`] | [`SharedSceneBuffer`] |
//! |---|---|---|---|
//! | rewritten | any time, by any process | by its holder, until another has it open | never: sealed |
//! | reader gets | one complete write, or a view that holds writers off | a stable view while it holds the slot | a stable view, typed |
//!
//! An open handle keeps its buffer alive through a lock of the kernel, which goes with the process. A buffer that
//! nobody has open stays for its time to live. The files' format is in `docs/format.md` of the repository.

mod buffer;
mod buffer_access;
mod buffer_open;
mod buffer_wait;
mod codec;
mod data_lock;
mod descriptor;
mod dtype;
mod error;
mod header;
mod kind;
mod layout;
mod lock_holder;
mod memory;
mod metadata;
mod new_pool;
mod new_scene;
mod options;
mod parallel;
mod pool;
mod pool_wait;
#[cfg(test)]
#[path = "../../tests/properties.rs"]
mod properties;
mod reader;
mod scene;
mod scene_writer;
mod sealing;
mod segment;
mod slot;
mod slot_holder;
mod store;
mod sys;
mod target;
mod text;
mod visible;
mod waiting_line;

pub use buffer::SharedBuffer;
pub use buffer_access::BufferEdit;
pub use codec::Shuffle;
pub use descriptor::{ArrayDescriptor, BufferState, DESCRIPTOR_VERSION, Descriptor, FileRole};
pub use dtype::Dtype;
pub use error::{Error, Result, SpaceLimit};
pub use kind::{Domain, SceneDataKind};
pub use layout::{ARRAY_ALIGNMENT, ArraySpec, Layout, MAX_DIMENSIONS, PlacedArray};
pub use lock_holder::LockHolder;
pub use memory::{BufferView, SceneView, WritableMemory};
pub use options::{BufferOptions, DEFAULT_TTL};
pub use pool::{BufferPool, MAX_SLOTS};
pub use reader::DataReader;
pub use scene::SharedSceneBuffer;
pub use scene_writer::SceneWriter;
pub use slot_holder::SlotHolder;
pub use store::{
    Ability, BufferFilter, DIR_VARIABLE, DamagedFile, GcReport, Holders, Kept, KeptReason, Listing, PoolStatus,
    QUOTA_VARIABLE, QuotaSetting, Reference, Removed, SlotStatus, Stamp, Store, StoreEvent, StoreWatch, Summary,
};
pub use sys::{Room, Source, give_back_large_memory};
pub use text::{Attrs, MAX_ATTRS_BYTES, MAX_NAME_BYTES};
pub use visible::{is_hidden, push_escaped, unescaped, visible};

/// Fails where the standard library's hash maps would panic in this thread, because the system gives no random numbers. This crate
/// looks before it uses them; a program that uses some of its own calls this first.
///
/// # Errors
/// [`Error::Io`].
pub fn check_random() -> Result<()> {
    sys::check_random().map_err(Error::random)
}
