//! Taking back what nobody needs: only files whose exclusive lock is free, and only when their time is up.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::time::Duration;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{LOCK_FILE, Store, StoreFile};
use crate::error::{Error, Result};
use crate::header::Role;
use crate::segment::{self, Snapshot};
use crate::sys::{self, Access, Backoff, GuardedFile, LOCK_PATIENCE, Mode};

/// Opening a store, and making something in it, sweeps it if nobody did so for this long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What a garbage collection took, or would take, and what it left.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GcReport {
    /// Files that were removed, or would be.
    pub removed: Vec<Removed>,
    /// Files that stay.
    pub kept: Vec<Kept>,
    /// Bytes freed, or that would be.
    pub freed_bytes: u64,
}

/// A file that was removed, or would be.
#[derive(Debug, Clone, Serialize)]
pub struct Removed {
    /// The id.
    pub id: Uuid,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    pub reason: &'static str,
}

/// A file that stays.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// The id.
    pub id: Uuid,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    pub reason: KeptReason,
}

/// Why a file stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeptReason {
    /// A process has it.
    #[error("somebody has it open")]
    Held,
    /// Its last holder was killed, so its time to live starts when this is found.
    #[error("its holder died; its time to live starts now")]
    HolderDied,
    /// Its time to live has not passed.
    #[error("it expires in {} s", left.as_secs())]
    Unexpired {
        /// Until it has.
        left: Duration,
    },
    /// The system does not say how far the clock of this container is off the host's, so nobody's time to live can be told.
    #[error("its age cannot be told ({problem}); let the program read its /proc, or run gc outside of the container")]
    ClockUnknown {
        /// What the system said.
        problem: String,
    },
    /// It has no time to live.
    #[error("it stays until it is deleted")]
    UntilDeleted,
    /// It is a slot, which goes with its pool.
    #[error("its pool is there")]
    SlotOfPool,
    /// It is a pool that was made to stay.
    #[error("a persistent pool stays until it is deleted")]
    PersistentPool,
    /// It cannot be read, so nothing is known of it.
    #[error("{problem}; delete it by its id")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// It could not be removed, or looked at.
    #[error("{problem}")]
    Failed {
        /// What the system said.
        problem: String,
    },
}

impl Serialize for KeptReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl GcReport {
    fn add(&mut self, file: StoreFile, bytes: u64, verdict: Result<Verdict>) {
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

enum Verdict {
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

impl Store {
    /// Removes what expired, what dead processes left half made, and pools that nobody has open. With `dry_run`
    /// nothing is changed, and the report says what would be.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read or a file cannot be removed.
    pub fn gc(&self, dry_run: bool) -> Result<GcReport> {
        let report = self.collect_all(dry_run)?;
        if !dry_run {
            self.sweep_names()?;
        }
        Ok(report)
    }

    fn collect_all(&self, dry_run: bool) -> Result<GcReport> {
        let mut report = GcReport::default();
        let (mut gone, mut of_pools) = (BTreeSet::new(), Vec::new());
        for file in self.files()? {
            let (bytes, verdict) = self.measure_and_collect(file, dry_run, &BTreeSet::new());
            if let Ok(Verdict::WithPool) = verdict {
                of_pools.push(file);
                continue;
            }
            // A draft may have become a pool since.
            if !file.draft && matches!(verdict, Ok(Verdict::Take(_))) {
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
    fn measure_and_collect(&self, file: StoreFile, dry_run: bool, gone: &BTreeSet<Uuid>) -> (u64, Result<Verdict>) {
        match self.len_of(&file) {
            Ok(bytes) => (bytes, self.collect(file, dry_run, gone)),
            Err(error) => (0, Err(error)),
        }
    }

    /// Removes what nobody needs because there is no room for something new, and says whether there was anything.
    pub(super) fn made_room(&self) -> bool {
        match self.collect_all(false) {
            Ok(report) => !report.removed.is_empty(),
            Err(error) => {
                tracing::warn!(%error, "the store is full and could not be swept");
                false
            }
        }
    }

    /// Sweeps unless somebody did so lately. What one process may not remove, another may have to: it does not keep
    /// anybody from working.
    pub(super) fn sweep_now_and_then(&self) {
        if self.0.swept_by_owner {
            return;
        }
        if let Err(error) = self.sweep_if_due() {
            tracing::warn!(%error, "the store could not be swept");
        }
    }

    /// Sweeps unless somebody did so lately, which the lock file's times say.
    fn sweep_if_due(&self) -> Result<()> {
        let failed = |error| self.failed("look at the lock of", error);
        let Some(lock) = sys::stat_at(self.directory(), LOCK_FILE).map_err(failed)? else {
            // Nobody has used this store yet: there is nothing to sweep.
            return self.lock().map(drop);
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
        GuardedFile::open_at(self.directory(), LOCK_FILE, Access::Read)
            .and_then(|file| file.set_times(now, now))
            .map_err(failed)?;
        let report = self.gc(false)?;
        if !report.removed.is_empty() {
            tracing::info!(
                files = report.removed.len(),
                bytes = report.freed_bytes,
                "removed what expired"
            );
        }
        Ok(())
    }

    /// Who has a name once a sweep would have been there: whoever wants the name need not wait for one.
    pub(crate) fn living_holder_of_name(&self, name: &str) -> Result<Option<Uuid>> {
        let Some(id) = self.holder_of_name(name)? else {
            return Ok(None);
        };
        // Looked at before it goes: its slots go with it.
        let pool = match self.look(id) {
            Err(error) if error.is_conclusive() => None,
            looked => looked?.header.metadata.pool,
        };
        let collect = |id, gone: &BTreeSet<Uuid>| self.collect(StoreFile { id, draft: false }, false, gone);
        let mut backoff = Backoff::new(LOCK_PATIENCE);
        let verdict = loop {
            match collect(id, &BTreeSet::new())? {
                // By a collector, perhaps, and then it is about to go.
                Verdict::Keep(KeptReason::Held) if self.has_no_holder(id)? && backoff.pause() => {}
                verdict => break verdict,
            }
        };
        match verdict {
            Verdict::Take(_) => {
                let gone = BTreeSet::from([id]);
                for slot in pool.map_or(Vec::new(), |pool| pool.slots) {
                    if let Err(error) = collect(slot, &gone) {
                        tracing::debug!(%slot, %error, "a slot is left to the next sweep");
                    }
                }
                Ok(None)
            }
            Verdict::Gone => Ok(None),
            _ => Ok(Some(id)),
        }
    }

    fn collect(&self, entry: StoreFile, dry_run: bool, gone: &BTreeSet<Uuid>) -> Result<Verdict> {
        let failed = |error| Error::io("collect", &self.path().join(entry.name()), error);
        let file = match GuardedFile::open_at(self.directory(), &entry.name(), Access::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Verdict::Gone),
            opened => opened.map_err(failed)?,
        };
        if !sys::try_lock_file(file.as_fd(), Mode::Exclusive).map_err(failed)? {
            return Ok(Verdict::Keep(KeptReason::Held));
        }
        let verdict = self
            .judge(&file, entry, dry_run, gone)
            .and_then(|verdict| match verdict {
                Verdict::Restart if !dry_run => {
                    let now = sys::boot_time().map_err(failed)?;
                    file.set_times(now, now).map_err(failed)?;
                    Ok(verdict)
                }
                Verdict::Take(_) if !dry_run && !self.take(entry)? => Ok(Verdict::Gone),
                verdict => Ok(verdict),
            });
        // Closing does this too, but not before a process that is being forked just now has closed its copy.
        if let Err(error) = sys::unlock_file(file.as_fd()) {
            tracing::debug!(id = %entry.id, %error, "a file is unlocked when it is closed");
        }
        verdict
    }

    /// Whether nobody holds a file: it is gone, or a collector has it to itself.
    fn has_no_holder(&self, id: Uuid) -> Result<bool> {
        let file = match segment::open_file(self, id, Access::Read) {
            Err(Error::NotFound { .. }) => return Ok(true),
            opened => opened?,
        };
        let try_lock = |mode| {
            sys::try_lock_file(file.as_fd(), mode).map_err(|error| Error::io("lock", &self.file_path(id), error))
        };
        // The second, as a last holder who closes just now takes the first for another holder and leaves the
        // file as it is: then nobody is there, and the file is judged again.
        let free = !try_lock(Mode::Shared)? || try_lock(Mode::Exclusive)?;
        // A process that is being forked just now may keep the file open.
        let _ = sys::unlock_file(file.as_fd());
        Ok(free)
    }

    /// What is to be done with a file of which we have the exclusive lock, and pools that are gone, or would be.
    fn judge(&self, file: &GuardedFile, entry: StoreFile, dry_run: bool, gone: &BTreeSet<Uuid>) -> Result<Verdict> {
        let path = self.path().join(entry.name());
        let stat = file.stat().map_err(|error| Error::io("look at", &path, error))?;
        if stat.links == 0 {
            return Ok(Verdict::Gone);
        }
        if entry.draft {
            return Ok(Verdict::Take("a process that died left it half made"));
        }
        let snapshot = match segment::snapshot(file, &path, entry.id) {
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
            .map(|name| self.holder_of_name(name))
            .transpose()?;
        // Its maker died before it had the name, or who took that over before this was deleted.
        if matches!(holder, Some(Some(holder)) if holder != entry.id) {
            return Ok(Verdict::Take("another has its name"));
        }
        let verdict = match (snapshot.header.role, &metadata.pool, metadata.slot_of) {
            (Role::Pool, Some(pool), _) if !pool.persistent => Verdict::Take("nobody has the pool open"),
            (Role::Pool, ..) => Verdict::Keep(KeptReason::PersistentPool),
            (Role::Slot, _, Some(pool)) if !gone.contains(&pool) && self.file_exists(pool)? => Verdict::WithPool,
            (Role::Slot, ..) => Verdict::Take("its pool is gone"),
            (Role::Buffer | Role::Scene, ..) => {
                judge_age(&snapshot).map_err(|error| Error::io("look at the clock for", &path, error))?
            }
        };
        // Its maker died before it had the name, and the buffer that had it is gone since: nobody would find this one.
        if let (Some(name), Some(None), false, false) = (&metadata.name, holder, dry_run, verdict.takes()) {
            self.restore_name(name, entry.id)?;
        }
        Ok(verdict)
    }

    /// Removes that file alone: a slot of a pool may be held although its pool is not. Says whether it was there; a draft may
    /// have been published.
    fn take(&self, entry: StoreFile) -> Result<bool> {
        if !entry.draft {
            return self.collect_file(entry.id).map(|()| true);
        }
        sys::remove(self.directory(), &entry.name())
            .map_err(|error| Error::io("delete", &self.path().join(entry.name()), error))
    }

    /// Bytes in files that nobody has open, for messages: of those that can be looked at.
    pub(super) fn unheld_bytes(&self) -> u64 {
        let unheld = |file: &StoreFile| {
            let opened = GuardedFile::open_at(self.directory(), &file.name(), Access::Read).ok()?;
            let unheld = sys::try_lock_file(opened.as_fd(), Mode::Exclusive).ok()?;
            // A process that is being forked just now may keep the file open.
            sys::unlock_file(opened.as_fd()).ok()?;
            self.len_of(file).ok().filter(|_| unheld)
        };
        let files = self.files().unwrap_or_default();
        files.iter().filter_map(unheld).fold(0, u64::saturating_add)
    }
}

/// # Errors
/// The system failed when it was asked for the time. That it does not tell the host's is no failure, but lasts.
fn judge_age(snapshot: &Snapshot) -> std::io::Result<Verdict> {
    let (stat, ttl) = (&snapshot.stat, snapshot.header.ttl);
    let now = match sys::boot_time() {
        Err(error) if error.raw_os_error().is_none() => {
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

const _: () = assert!(SWEEP_INTERVAL.as_secs() > LOCK_PATIENCE.as_secs());
