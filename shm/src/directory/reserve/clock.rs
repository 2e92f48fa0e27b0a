//! The clock by which memory is kept: milliseconds since the machine started, as all processes have it.

use crate::sys;

/// How long memory is kept that nobody uses.
pub(super) const KEPT_FOR: u64 = 5_000;

/// Now, if the system says it. Without, nothing is kept: nobody could tell for how long.
pub(super) fn now() -> Option<u64> {
    u64::try_from(sys::boot_time().ok()?.as_millis()).ok()
}
