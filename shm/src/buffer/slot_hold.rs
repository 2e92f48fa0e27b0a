//! What a buffer knows of its being a slot that this process was given.

use std::fmt;

/// The right to use a slot, given back when this is dropped.
pub(crate) trait SlotHold: fmt::Debug + Send + Sync {
    /// The generation that the slot has as long as this exists.
    fn generation(&self) -> u64;

    /// Whether it was given to this process and not to the one that forked it.
    fn is_own(&self) -> bool;
}
