//! What becomes of a file that nobody holds.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use super::{Collector, GcReport, Kept, KeptReason, Removed};
use crate::directory::{FileKind, FileName, snapshot};
use crate::error::{Error, Result};
use crate::format::{Role, Snapshot};
use crate::sys::{self, GuardedFile, Stat};

pub(super) enum Verdict {
    Take(&'static str),
    Keep(KeptReason),
    /// It is a slot of a pool that is there.
    WithPool,
    /// The last holder died without a word: the time to live starts now.
    Restart,
    /// It is deleted, and somebody has it mapped without a lock.
    StillMapped,
    /// Somebody else removed it.
    Gone,
}

/// A verdict, and the header that was read for it.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) snapshot: Option<Snapshot>,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            snapshot: None,
        }
    }
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
    ) -> Result<Judged> {
        let directory = self.0;
        let path = directory.path_of(&entry.to_string());
        let stat = file.stat().map_err(|error| Error::io("look at", &path, error))?;
        if stat.links() == 0 {
            return Ok(Verdict::Gone.into());
        }
        match entry.kind {
            FileKind::Draft => return Ok(Verdict::Take("a process that died left it half made").into()),
            FileKind::Deleted if directory.is_unused(entry.id, file)? => {
                return Ok(Verdict::Take("it is deleted, and nobody has it any more").into());
            }
            FileKind::Deleted => return Ok(Verdict::StillMapped.into()),
            FileKind::Published | FileKind::Reserve => {}
        }
        let is_marked = stat.is_marked_deleted();
        let snapshot = match snapshot(file, &path, entry.id) {
            Err(error) if error.is_conclusive() && is_marked => None,
            Err(error) if error.is_conclusive() => {
                let problem = error.to_string();
                let reason = match error.newer_version() {
                    Some(version) => KeptReason::Newer { version },
                    None => KeptReason::Unreadable { problem },
                };
                return Ok(Verdict::Keep(reason).into());
            }
            read => Some(read?),
        };
        let verdict = match &snapshot {
            Some(snapshot) if !is_marked => self.judge_snapshot(snapshot, &path, dry_run, gone)?,
            _ => Verdict::Take("a process that died had begun to delete it"),
        };
        Ok(Judged { verdict, snapshot })
    }

    /// Decides about a file that can be read.
    fn judge_snapshot(self, snapshot: &Snapshot, path: &Path, dry_run: bool, gone: &BTreeSet<Uuid>) -> Result<Verdict> {
        let (directory, id) = (self.0, snapshot.header.id);
        let metadata = &snapshot.header.metadata;
        let holder = metadata
            .name
            .as_ref()
            .map(|name| directory.holder_of_name(name))
            .transpose()?;
        // The maker of this file died before the file had its name, or a process took the name over and died before it
        // deleted this file.
        if matches!(holder, Some(Some(holder)) if holder != id) {
            return Ok(Verdict::Take("another has its name"));
        }
        let verdict = match (snapshot.header.role, &metadata.pool, metadata.slot_of) {
            (Role::Pool, Some(pool), _) if !pool.persistent => Verdict::Take("nobody has the pool open"),
            (Role::Pool, ..) => Verdict::Keep(KeptReason::PersistentPool),
            (Role::Slot, _, Some(pool)) if !gone.contains(&pool) && directory.file_exists(pool)? => Verdict::WithPool,
            (Role::Slot, ..) => Verdict::Take("its pool is gone"),
            (Role::Buffer | Role::Scene, ..) => {
                let ttl = directory.ttl_of(&snapshot.header)?;
                judge_age(&snapshot.stat, ttl).map_err(|error| Error::io("look at the clock for", path, error))?
            }
        };
        // Its maker died before it had the name, and the buffer that had it is gone since: nobody would find this one.
        if let (Some(name), Some(None), false, false) = (&metadata.name, holder, dry_run, verdict.takes()) {
            directory.restore_name(name, id)?;
        }
        Ok(verdict)
    }
}

/// What becomes of a buffer or scene by its age.
///
/// # Errors
/// The system failed when it was asked for the time. A clock that is unknown in this container is another case: it stays unknown.
fn judge_age(stat: &Stat, ttl: Duration) -> io::Result<Verdict> {
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
            Ok(Verdict::StillMapped) => KeptReason::StillMapped,
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
