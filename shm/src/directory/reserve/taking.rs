//! Using memory again that was kept.

use std::io;
use std::time::Duration;

use uuid::Uuid;

use super::SMALLEST;
use super::table::{Kept, Table};
use crate::directory::{Directory, FileName};
use crate::error::Result;
use crate::format::HEADER_UNIT;
use crate::sys::{Access, Backoff, GuardedFile, LockMode, Source};

/// How long a process may take to close a file that it has just kept.
const PATIENCE: Duration = Duration::from_millis(1);

/// A draft's file that had other content.
pub(in crate::directory) struct UsedFile {
    /// Its only descriptor, which has its shared lock.
    pub(in crate::directory) file: GuardedFile,
    /// Whether there is a quota, so that others may be summing up the files.
    pub(in crate::directory) counted: bool,
}

/// Written over the header that the file had.
const NO_HEADER: [u8; HEADER_UNIT] = [0; HEADER_UNIT];

impl Directory {
    /// Gives a draft of `len` bytes the memory of a file that was kept, if there is one that is not much longer. What that had is in
    /// it still, but for its header. What fails here is no error, because there is new memory.
    pub(in crate::directory) fn take_kept(&self, draft: Uuid, len: u64) -> Option<UsedFile> {
        if len < SMALLEST || self.reserve_limit() == 0 || !self.sees_mappings() {
            return None;
        }
        self.try_to_take(draft, len).unwrap_or_else(|error| {
            tracing::debug!(id = %draft, %error, "memory that was kept could not be used");
            None
        })
    }

    fn try_to_take(&self, draft: Uuid, len: u64) -> Result<Option<UsedFile>> {
        let Some(table) = self.existing_record()?.map(Table) else {
            return Ok(None);
        };
        let Some((claim, kept)) = table.claim_of_size(len, len.saturating_add(len / 4)) else {
            return Ok(None);
        };
        // With a quota others sum up the files, and must not miss this one because it changes its name.
        let quota = self.quota()?;
        let lock = quota.map(|_| self.lock()).transpose()?;
        let taken = self.take(draft, kept, len);
        drop(lock);
        // Whatever came of it, it is not there any more.
        drop(claim);
        Ok(taken?.map(|file| UsedFile {
            file,
            counted: quota.is_some(),
        }))
    }

    fn take(&self, draft: Uuid, kept: Kept, len: u64) -> Result<Option<GuardedFile>> {
        let (from, to) = (
            FileName::of_reserve(kept.id).to_string(),
            FileName::of_draft(draft).to_string(),
        );
        // It may be gone: a sweep took it, or its maker was killed before it was there.
        self.handle()
            .rename(&from, &to)
            .map_err(|error| self.failed("use memory again in", error))?;
        let renewed = self.renew(&to, len);
        if !matches!(renewed, Ok(Some(_))) {
            self.set_aside(&to, kept.id);
        }
        renewed
    }

    /// Opens a file, and makes it one without a header and of this length, if nobody has it.
    fn renew(&self, name: &str, len: u64) -> Result<Option<GuardedFile>> {
        let failed = |error| self.failed("use memory again in", error);
        let Some(file) = self.open_alone(name).map_err(failed)? else {
            return Ok(None);
        };
        // Nothing that this process does lies between the lease and the first change. A name that a file gets after it was deleted
        // is given to it through a descriptor, which the kernel sees.
        let stat = file.stat().map_err(failed)?;
        if !stat.is_reusable(self.stat()) || stat.len < len {
            return Ok(None);
        }
        file.write_at(Source::from(&NO_HEADER), 0).map_err(failed)?;
        if stat.len == len && !len.is_multiple_of(HEADER_UNIT as u64) {
            // What somebody wrote behind the end of the last page goes when the file gets shorter.
            file.set_len(len - 1).map_err(failed)?;
        }
        file.set_len(len).map_err(failed)?;
        // Only now, as it has no header any more by which it could be taken for what it was.
        file.make_writable().map_err(failed)?;
        Ok(Some(file))
    }

    /// Opens a file, with its shared lock, if nobody else has it open or mapped.
    fn open_alone(&self, name: &str) -> io::Result<Option<GuardedFile>> {
        // The process that kept it may not have closed it yet.
        let mut backoff = Backoff::new(PATIENCE);
        loop {
            match self.handle().open_file(name, Access::ReadWrite) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Collectors find it held from here on, and a process that opens it by the name that it had, deleted.
                opened => {
                    let file = opened?;
                    if file.try_lock(LockMode::Shared)? && file.nobody_else_has_it()? {
                        return Ok(Some(file));
                    }
                }
            }
            if !backoff.pause() {
                return Ok(None);
            }
        }
    }

    /// Calls a file deleted that somebody has after all. Those that are deleted are counted, and removed when nobody has them.
    fn set_aside(&self, name: &str, id: Uuid) {
        let deleted = FileName::of_deleted(id).to_string();
        if let Err(error) = self.handle().rename(name, &deleted) {
            tracing::debug!(%id, %error, "memory that could not be used again is left to the next sweep");
        }
    }
}
