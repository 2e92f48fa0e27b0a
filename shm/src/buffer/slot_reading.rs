//! Reading somebody else's slot, which its holder cannot rewrite meanwhile, nor another be given.

use uuid::Uuid;

use super::bell::{ring, was_wanted};
use crate::directory::Directory;
use crate::error::Result;
use crate::format::Role;
use crate::segment::Segment;
use crate::sys;

/// The slot as it was when it was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotReading {
    pub(super) pool: Option<Uuid>,
    pub(super) generation: u64,
    pub(super) process: u64,
}

impl SlotReading {
    /// Wakes the waiters of the pool, because a reader of this slot has gone.
    pub(super) fn wake_waiters(self, slot: &Segment) {
        let Some(pool) = self.pool.filter(|_| self.process == sys::process_generation()) else {
            return;
        };
        let woken = was_wanted(slot).and_then(|wanted| {
            if wanted {
                wake_waiters_of(slot.directory(), pool)?;
            }
            Ok(())
        });
        if let Err(error) = woken {
            // They look again by themselves, or the pool has been deleted.
            tracing::debug!(%pool, %error, "who waits for a slot was not woken");
        }
    }
}

/// Wakes all waiters of a pool that this process need not have open.
fn wake_waiters_of(directory: &Directory, pool: Uuid) -> Result<()> {
    let (control, snapshot) = Segment::open_unlocked(directory, pool)?;
    snapshot.expect(Role::Pool)?;
    ring(&control)
}
