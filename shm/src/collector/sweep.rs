//! Collecting files without being asked: now and then, and when there is no room.

use std::time::Duration;

use super::{Collector, GcReport};
use crate::directory::LOCK_FILE;
use crate::error::Result;
use crate::sys::{self, Access, LOCK_PATIENCE};

/// Opening a store, and making something in it, sweeps it if nobody did so for this long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

impl Collector<'_> {
    /// Collects files, memory that is kept for reuse among them, and then what is left of names and quotas.
    pub(crate) fn gc(self, dry_run: bool) -> Result<GcReport> {
        let mut report = self.collect_all(dry_run)?;
        if !dry_run {
            self.0.give_reserve_back();
            self.0.sweep_reserve();
            self.0.sweep_names()?;
        }
        report.take_reserve();
        Ok(report)
    }

    /// The same, but for memory that somebody may use again in a moment.
    fn sweep(self) -> Result<GcReport> {
        let report = self.collect_all(false)?;
        self.0.sweep_reserve();
        self.0.sweep_names()?;
        Ok(report)
    }

    /// Removes what nobody needs, because there is no room for something new, and says whether anything was removed.
    pub(super) fn made_room(self) -> bool {
        match self.collect_all(false) {
            Ok(report) => {
                // Not to be kept for what is made next, which is waiting for it.
                self.0.give_reserve_back();
                !report.removed.is_empty()
            }
            Err(error) => {
                tracing::warn!(%error, "the store is full and could not be swept");
                false
            }
        }
    }

    /// Sweeps unless somebody did so lately. What one process may not remove, another may have to: it does not keep
    /// anybody from working.
    pub(crate) fn sweep_now_and_then(self) {
        if self.0.is_swept_by_owner() || !self.0.is_time_to_look_for_sweeps() {
            return;
        }
        if let Err(error) = self.sweep_if_due() {
            tracing::warn!(%error, "the store could not be swept");
        }
    }

    /// Sweeps unless somebody did so lately, which the lock file's times say.
    fn sweep_if_due(self) -> Result<()> {
        let failed = |error| self.0.failed("look at the lock of", error);
        let Some(lock) = self.0.handle().stat_of(LOCK_FILE).map_err(failed)? else {
            // Nobody has used this store yet: there is nothing to sweep.
            let lock = self.0.lock()?;
            return sys::boot_time().map_or(Ok(()), |now| lock.set_times(now, now).map_err(failed));
        };
        // Without the host's clock it cannot be told when the last sweep was, and what has a time to live is left alone.
        let Ok(now) = sys::boot_time() else {
            return Ok(());
        };
        // A time ahead of the clock is of another boot.
        if now
            .checked_sub(lock.modified)
            .is_some_and(|since| since < SWEEP_INTERVAL)
        {
            return Ok(());
        }
        self.0
            .handle()
            .open_file(LOCK_FILE, Access::Read)
            .and_then(|file| file.set_times(now, now))
            .map_err(failed)?;
        let report = self.sweep()?;
        if !report.removed.is_empty() {
            tracing::info!(
                files = report.removed.len(),
                bytes = report.freed_bytes,
                "removed what expired"
            );
        }
        Ok(())
    }
}

const _: () = assert!(SWEEP_INTERVAL.as_secs() > LOCK_PATIENCE.as_secs());
