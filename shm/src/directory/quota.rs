//! The quota of a directory, recorded in a file in it. All programs that use the directory keep to this quota.

use std::io;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::Directory;
use super::record_file::{AT_COUNTED, AT_MOST_USED, StoreRecord};
use crate::error::{Error, Result, SpaceLimit};
use crate::sys::{self, Access, Source};

/// The quota in bytes, in decimal.
const QUOTA_FILE: &str = ".quota";
/// How long what was counted is believed, in milliseconds: programs that count otherwise may have made something since.
const BELIEVED_FOR: u64 = 10_000;

impl Directory {
    /// Limits what the store may hold, for all programs that use it; `None` lifts the limit.
    pub(crate) fn set_quota(&self, bytes: Option<u64>) -> Result<()> {
        match self.quota() {
            Ok(quota) if quota == bytes => return Ok(()),
            // What is damaged is to be replaced.
            Ok(_) | Err(Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let failed = |error: io::Error| self.failed("record the quota in", error);
        // Before the lock, which renewing a record takes as well.
        let record = self.record()?;
        let _lock = self.lock()?;
        // What is made without a quota is not counted, and what somebody has begun without one may come to be in a moment. So no bound
        // is believed for some time: each new file is measured by a sum.
        record.word(AT_MOST_USED).store(0, Ordering::Relaxed);
        let until = now().map_or(u64::MAX, |now| now.saturating_add(BELIEVED_FOR));
        record.word(AT_COUNTED).store(until, Ordering::Relaxed);
        let Some(bytes) = bytes else {
            return self.handle().remove(QUOTA_FILE).map(drop).map_err(failed);
        };
        let text = bytes.to_string();
        self.check_file_size(text.len() as u64)?;
        // Whoever reads the quota meanwhile finds the old one or the new one.
        let new = format!("{QUOTA_FILE}.{}", sys::new_id().map_err(Error::random)?);
        let path = self.path_of(&new);
        let file = self
            .handle()
            .open_file(&new, Access::Create)
            .map_err(|error| self.creation_failed("make", &path, error))?;
        file.write_at(Source::from(text.as_bytes()), 0)
            .map_err(|error| self.write_failed("write", &path, text.len() as u64, error))
            .and_then(|()| self.handle().rename(&new, QUOTA_FILE).map_err(failed))
            .inspect_err(|_| self.remove_leftover(&new))
    }

    /// The most bytes that the store may hold, if that is limited.
    pub(crate) fn quota(&self) -> Result<Option<u64>> {
        let path = || self.path_of(QUOTA_FILE);
        let file = match self.handle().open_file(QUOTA_FILE, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path(), error)),
        };
        let mut bytes = [0; 24];
        let len = file
            .read_at(&mut bytes, 0)
            .map_err(|error| Error::io("read", &path(), error))?;
        std::str::from_utf8(&bytes[..len])
            .ok()
            .and_then(|text| text.trim_ascii_end().parse().ok())
            .map(Some)
            .ok_or_else(|| Error::damaged(&path(), "the quota recorded in it is no number"))
    }
}

impl Directory {
    /// Takes `more` bytes of the quota. The caller has the store's lock, and makes a file longer by that before it lets go of it.
    ///
    /// What the store can have at most is counted on from the last sum, so that not every new file needs a look at all files. It is
    /// never too little: it is written before the file gets its length, and what is deleted is taken off by the next sum, which is made at
    /// the latest before anything is refused. So it is right also where a process was killed in between.
    pub(super) fn take_of_quota(&self, record: &StoreRecord, quota: u64, more: u64) -> Result<()> {
        let used = match known_most_used(record) {
            Some(used) if used.saturating_add(more) <= quota => used,
            _ => {
                let used = self.used_bytes()?;
                let available = quota.saturating_sub(used);
                if more > available {
                    return Err(self.full(more, available, SpaceLimit::Quota));
                }
                // A process that is killed between these leaves no bound that is believed.
                record.word(AT_MOST_USED).store(0, Ordering::Relaxed);
                let counted = record.word(AT_COUNTED);
                if let Some(now) = now().filter(|&now| counted.load(Ordering::Relaxed) <= now) {
                    counted.store(now, Ordering::Relaxed);
                }
                used
            }
        };
        let most_used = used.saturating_add(more).saturating_add(1);
        record.word(AT_MOST_USED).store(most_used, Ordering::Relaxed);
        Ok(())
    }

    /// The most bytes that a store with a quota can have now.
    pub(super) fn most_used(&self) -> Result<u64> {
        let known = self.existing_record()?.and_then(known_most_used);
        known.map_or_else(|| self.used_bytes(), Ok)
    }
}

fn known_most_used(record: &StoreRecord) -> Option<u64> {
    // Where it is ahead, nothing is believed yet.
    let age = now()?.checked_sub(record.word(AT_COUNTED).load(Ordering::Relaxed))?;
    let most_used = record.word(AT_MOST_USED).load(Ordering::Relaxed);
    most_used.checked_sub(1).filter(|_| age < BELIEVED_FOR)
}

/// Milliseconds since the machine started, as all processes of it have them; nothing where that cannot be told.
fn now() -> Option<u64> {
    u64::try_from(sys::boot_time().ok()?.as_millis()).ok()
}

/// Whether this is what a quota is called that was never renamed.
pub(super) fn is_unrenamed_quota(name: &str) -> bool {
    let id = name.strip_prefix(QUOTA_FILE).and_then(|rest| rest.strip_prefix('.'));
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}
