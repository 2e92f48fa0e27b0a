//! Collecting files: only those whose exclusive lock is free, and only when their time is up.

use std::collections::BTreeSet;
use std::io;

use uuid::Uuid;

use super::verdict::{Judged, Verdict};
use super::{Collector, GcReport, KeptReason};
use crate::directory::{FileKind, FileName, record_end_of_use};
use crate::error::{Error, Result};
use crate::format::Snapshot;
use crate::sys::{self, Access, GuardedFile, LockMode};

impl Collector<'_> {
    /// Removes what expired, what dead processes left half made, and pools that nobody has open; or says what it would.
    pub(crate) fn collect_all(self, dry_run: bool) -> Result<GcReport> {
        let mut report = GcReport::default();
        let (mut gone, mut of_pools) = (BTreeSet::new(), Vec::new());
        for file in self.0.files()? {
            let (bytes, verdict) = self.measure_and_collect(file, dry_run, &BTreeSet::new());
            if let Ok(Verdict::WithPool) = verdict {
                of_pools.push(file);
                continue;
            }
            // A draft may have become a pool since.
            if file.kind == FileKind::Published && matches!(verdict, Ok(Verdict::Take(_) | Verdict::StillMapped)) {
                gone.insert(file.id);
            }
            report.add(file, bytes, verdict);
        }
        // Once it is known which pools go.
        for file in of_pools {
            let (bytes, verdict) = self.measure_and_collect(file, dry_run, &gone);
            report.add(file, bytes, verdict);
        }
        Ok(report)
    }

    /// Collects a file, and gives the bytes that it had before. What cannot be looked at stays.
    fn measure_and_collect(self, file: FileName, dry_run: bool, gone: &BTreeSet<Uuid>) -> (u64, Result<Verdict>) {
        match self.0.len_of(file) {
            Ok(bytes) => (bytes, self.collect(file, dry_run, gone)),
            Err(error) => (0, Err(error)),
        }
    }

    pub(super) fn collect(self, entry: FileName, dry_run: bool, gone: &BTreeSet<Uuid>) -> Result<Verdict> {
        if entry.kind == FileKind::Reserve {
            return self.collect_kept(entry, dry_run);
        }
        let name = entry.to_string();
        let failed = |error| Error::io("collect", &self.0.path_of(&name), error);
        let file = match self.0.handle().open_file(&name, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Verdict::Gone),
            // Another process is about to remove it: it asks just now whether anybody has it. Leases on what has its name are of
            // programs that know nothing of stores.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.has_its_name(entry)? => {
                return Ok(Verdict::Gone);
            }
            opened => opened.map_err(failed)?,
        };
        if !file.try_lock(LockMode::Exclusive).map_err(failed)? {
            return self.keep_held(&file, entry, dry_run).map(Verdict::Keep);
        }
        let verdict = self
            .judge(&file, entry, dry_run, gone)
            .and_then(|Judged { verdict, snapshot }| match verdict {
                Verdict::Restart if !dry_run => {
                    let now = sys::boot_time().map_err(failed)?;
                    record_end_of_use(&file, now).map_err(failed)?;
                    Ok(verdict)
                }
                Verdict::Take(reason) if !dry_run => self.take(entry, &file, snapshot.as_ref(), reason),
                verdict => Ok(verdict),
            });
        // Closing does this too, but not before a process that is being forked just now has closed its copy.
        if let Err(error) = file.unlock() {
            tracing::debug!(id = %entry.id, %error, "a file is unlocked when it is closed");
        }
        verdict
    }

    /// Whether this is a buffer, and not deleted.
    fn has_its_name(self, entry: FileName) -> Result<bool> {
        Ok(entry.kind == FileKind::Published && self.0.file_exists(entry.id)?)
    }

    /// Frees memory that was kept for longer than any living process keeps it. It has no holders, and a process that uses it
    /// again gives it another name first.
    fn collect_kept(self, entry: FileName, dry_run: bool) -> Result<Verdict> {
        if self.0.is_kept(entry.id)? {
            return Ok(Verdict::Keep(KeptReason::ForReuse));
        }
        let reason = "nobody used its memory again";
        if dry_run {
            return Ok(Verdict::Take(reason));
        }
        self.remove_leftover(entry, reason)
    }

    /// Removes what has no content that anybody waits for, if it is still there.
    fn remove_leftover(self, entry: FileName, reason: &'static str) -> Result<Verdict> {
        let name = entry.to_string();
        let removed = self.0.handle().remove(&name);
        let removed = removed.map_err(|error| Error::io("delete", &self.0.path_of(&name), error))?;
        Ok(if removed { Verdict::Take(reason) } else { Verdict::Gone })
    }

    /// Why a file stays whose lock somebody has.
    fn keep_held(self, file: &GuardedFile, entry: FileName, dry_run: bool) -> Result<KeptReason> {
        let marked = || {
            let stat = file.stat();
            stat.map(|stat| stat.is_marked_deleted())
                .map_err(|error| Error::io("look at", &self.0.path_of(&entry.to_string()), error))
        };
        Ok(match entry.kind {
            FileKind::Deleted => KeptReason::StillOpen,
            FileKind::Published if marked()? => {
                if !dry_run {
                    self.0.call_marked_file_deleted(entry.id, file)?;
                }
                KeptReason::StillOpen
            }
            _ => KeptReason::Held,
        })
    }

    /// Removes that file alone: a slot of a pool may be held although its pool is not. Says what came of it: a draft may have been
    /// published, and what nobody holds may be mapped.
    fn take(
        self,
        entry: FileName,
        file: &GuardedFile,
        snapshot: Option<&Snapshot>,
        reason: &'static str,
    ) -> Result<Verdict> {
        match entry.kind {
            FileKind::Published => {
                let freed = self.0.collect_file(entry.id, file, snapshot)?;
                Ok(if freed {
                    Verdict::Take(reason)
                } else {
                    Verdict::StillMapped
                })
            }
            FileKind::Deleted => self.0.dispose(entry.id, file).map(|()| Verdict::Take(reason)),
            FileKind::Draft | FileKind::Reserve => self.remove_leftover(entry, reason),
        }
    }
}
