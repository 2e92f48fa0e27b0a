//! Which processes hold something, for people and messages. The locks decide.

mod held_by;
mod lock_holder;
mod slot_holder;

pub use held_by::HeldBy;
pub use lock_holder::LockHolder;
pub use slot_holder::SlotHolder;
