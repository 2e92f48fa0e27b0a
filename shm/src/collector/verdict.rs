//! What becomes of a file that nobody holds.

use std::collections::BTreeSet;
use std::io;

use uuid::Uuid;

use super::{Collector, GcReport, Kept, KeptReason, Removed};
use crate::directory::{FileKind, FileName, snapshot};
use crate::error::{Error, Result};
use crate::format::{Role, Snapshot};
use crate::sys::{self, GuardedFile};

pub(super) enum Verdict {
    Take(&'static str),
    Keep(KeptReason),
    /// It is a slot of a pool that is there.
    WithPool,
    /// The last holder died without a word: the time to live starts now.
    Restart,
    /// Somebody else removed it.
    Gone,
}

impl Verdict {
    fn takes(&self) -> bool {
        matches!(self, Self::Take(_))
    }
}

impl Collector<'_> {
    /// Decides about a file whose exclusive lock the caller holds. `gone` are the pools that were removed, or would be.
    pub(super) fn judge(
        self,
        file: &GuardedFile,
        entry: FileName,
        dry_run: bool,
        gone: &BTreeSet<Uuid>,
    ) -> Result<Verdict> {
        let directory = self.0;
        let path = directory.path_of(&entry.to_string());
        let stat = file.stat().map_err(|error| Error::io("look at", &path, error))?;
        // A draft that is marked as deleted was to be made of used memory, by a process that died.
        if stat.is_deleted() && !(entry.kind == FileKind::Draft && stat.links() > 0) {
            return Ok(Verdict::Gone);
        }
        if entry.kind == FileKind::Draft {
            return Ok(Verdict::Take("a process that died left it half made"));
        }
        let snapshot = match snapshot(file, &path, entry.id) {
            Err(error) if error.is_conclusive() => {
                let problem = error.to_string();
                return Ok(Verdict::Keep(KeptReason::Unreadable { problem }));
            }
            snapshot => snapshot?,
        };
        let metadata = &snapshot.header.metadata;
        let holder = metadata
            .name
            .as_ref()
            .map(|name| directory.holder_of_name(name))
            .transpose()?;
        // The maker of this file died before the file had its name, or a process took the name over and died before it
        // deleted this file.
        if matches!(holder, Some(Some(holder)) if holder != entry.id) {
            return Ok(Verdict::Take("another has its name"));
        }
        let verdict = match (snapshot.header.role, &metadata.pool, metadata.slot_of) {
            (Role::Pool, Some(pool), _) if !pool.persistent => Verdict::Take("nobody has the pool open"),
            (Role::Pool, ..) => Verdict::Keep(KeptReason::PersistentPool),
            (Role::Slot, _, Some(pool)) if !gone.contains(&pool) && directory.file_exists(pool)? => Verdict::WithPool,
            (Role::Slot, ..) => Verdict::Take("its pool is gone"),
            (Role::Buffer | Role::Scene, ..) => {
                judge_age(&snapshot).map_err(|error| Error::io("look at the clock for", &path, error))?
            }
        };
        // Its maker died before it had the name, and the buffer that had it is gone since: nobody would find this one.
        if let (Some(name), Some(None), false, false) = (&metadata.name, holder, dry_run, verdict.takes()) {
            directory.restore_name(name, entry.id)?;
        }
        Ok(verdict)
    }
}

/// What becomes of a buffer or scene by its age.
///
/// # Errors
/// The system failed when it was asked for the time. A clock that is unknown in this container is another case: it stays unknown.
fn judge_age(snapshot: &Snapshot) -> io::Result<Verdict> {
    let (stat, ttl) = (&snapshot.stat, snapshot.header.ttl);
    let now = match sys::boot_time() {
        Err(error) if sys::is_clock_hidden(&error) => {
            let problem = error.to_string();
            return Ok(Verdict::Keep(KeptReason::ClockUnknown { problem }));
        }
        now => now?,
    };
    // A time ahead of the clock is of another boot, on a store that outlived it.
    if stat.accessed != stat.modified || stat.modified > now {
        return Ok(Verdict::Restart);
    }
    if ttl.is_zero() {
        return Ok(Verdict::Keep(KeptReason::UntilDeleted));
    }
    Ok(match (stat.modified + ttl).checked_sub(now) {
        Some(left) if !left.is_zero() => Verdict::Keep(KeptReason::Unexpired { left }),
        _ => Verdict::Take("its time to live has passed"),
    })
}

impl GcReport {
    /// Counts the memory that is kept for reuse as removed.
    pub(super) fn take_reserve(&mut self) {
        let is_reserve = |kept: &mut Kept| kept.reason == KeptReason::ForReuse;
        for Kept { id, bytes, .. } in self.kept.extract_if(.., is_reserve) {
            self.freed_bytes = self.freed_bytes.saturating_add(bytes);
            let reason = "it was kept for reuse";
            self.removed.push(Removed { id, bytes, reason });
        }
    }

    pub(super) fn add(&mut self, file: FileName, bytes: u64, verdict: Result<Verdict>) {
        let id = file.id;
        let reason = match verdict {
            Ok(Verdict::Take(reason)) => {
                self.freed_bytes = self.freed_bytes.saturating_add(bytes);
                return self.removed.push(Removed { id, bytes, reason });
            }
            Ok(Verdict::Gone) => return,
            Ok(Verdict::Keep(reason)) => reason,
            Ok(Verdict::Restart) => KeptReason::HolderDied,
            Ok(Verdict::WithPool) => KeptReason::SlotOfPool,
            // One bad file must not keep the others.
            Err(error) => KeptReason::Failed {
                problem: error.to_string(),
            },
        };
        self.kept.push(Kept { id, bytes, reason });
    }
}
