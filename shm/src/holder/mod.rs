//! Which processes hold something, for people and messages. The locks decide.

mod lock_holder;
mod slot_holder;

pub use lock_holder::LockHolder;
pub use slot_holder::SlotHolder;
