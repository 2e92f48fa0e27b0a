//! A pool that this process has open, which all its handles share, and which of its slots are free.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::slot::Slot;
use super::waiting_line::WaitingLine;
use crate::buffer::SharedBuffer;
use crate::error::{Error, Result};
use crate::format::AT_LINE;
use crate::segment::Segment;

/// The control file of a pool, and its slots.
#[derive(Debug)]
pub(super) struct OpenPool {
    /// Dropped before the control file, with which they are deleted if nobody else has the pool.
    pub(super) slots: Vec<Slot>,
    pub(super) control: Segment,
    pub(super) buffer_size: u64,
    /// Where to look first: the slot given out longest ago.
    pub(super) next: AtomicUsize,
}

/// What came of looking for a free slot.
pub(super) enum Taken {
    Slot(SharedBuffer),
    /// At least one slot has no holder, but somebody looks at it just now, or has waited longer.
    SoonFree,
    None,
}

impl OpenPool {
    pub(super) fn new(control: Segment, buffer_size: u64, slots: Vec<Slot>) -> Self {
        Self {
            control,
            slots,
            buffer_size,
            next: AtomicUsize::new(0),
        }
    }

    /// The word that says which waiter has waited longest for a slot.
    pub(super) fn line(&self) -> Result<WaitingLine<'_>> {
        Ok(WaitingLine::new(self.control.shared()?.word(AT_LINE)))
    }

    /// Takes a slot without waiting, unless others wait for one.
    pub(super) fn take_unless_others_wait(self: &Arc<Self>) -> Result<Taken> {
        self.control.file()?;
        if self.line()?.is_empty() {
            return self.take_any();
        }
        Ok(if self.free()? > 0 { Taken::SoonFree } else { Taken::None })
    }

    pub(super) fn free(&self) -> Result<usize> {
        let mut free = 0;
        for slot in &self.slots {
            free += usize::from(!slot.given.is_taken_here() && !slot.is_taken_elsewhere()?);
        }
        Ok(free)
    }

    /// The error that names the holders of the slots.
    pub(super) fn exhausted(&self, waited: Duration) -> Result<Error> {
        let mut holders = Vec::new();
        for slot in &self.slots {
            if slot.given.is_taken_here() || slot.is_given_elsewhere()? {
                holders.extend(slot.holder()?);
            }
        }
        Ok(Error::Exhausted {
            pool: self.control.id(),
            slots: self.slots.len(),
            holders,
            waited,
        })
    }
}
