//! How waiters for a slot of a pool are woken: a mark in the slot asks for it, and they sleep on a word of the pool's control
//! file.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::error::Result;
use crate::format::{AT_RELEASES, AT_WANTED};
use crate::segment::Segment;
use crate::sys;

/// Wakes all waiters for a slot of the pool with this control file.
pub(crate) fn ring(control: &Segment) -> Result<()> {
    wake(control.shared()?.word(AT_RELEASES));
    Ok(())
}

/// The same by the word. It is counted up before the wake, so that a waiter that has looked for a slot and is about to sleep finds
/// the word changed, and does not sleep.
pub(crate) fn wake(releases: &AtomicU64) {
    releases.fetch_add(1, Ordering::Release);
    sys::wake_all(releases);
}

/// Sets `wanted` of the slot, so that the process that lets go of it wakes the waiters.
pub(crate) fn want(slot: &Segment) -> Result<()> {
    slot.shared()?.half_word(AT_WANTED).store(1, Ordering::SeqCst);
    Ok(())
}

/// Whether a process waits for the slot; clears `wanted`. Call it after giving the locks back: a waiter sets `wanted` before it
/// tries them, so none that found them held is missed.
pub(crate) fn was_wanted(slot: &Segment) -> Result<bool> {
    let wanted = slot.shared()?.half_word(AT_WANTED);
    fence(Ordering::SeqCst);
    Ok(wanted.load(Ordering::Relaxed) != 0 && wanted.swap(0, Ordering::SeqCst) != 0)
}
