//! Keeping the memory of a deleted file.

use std::io;

use uuid::Uuid;

use super::table::{Kept, Table};
use super::{SMALLEST, clock};
use crate::directory::{Directory, FileName};
use crate::error::{Error, Result};
use crate::sys::GuardedFile;

impl Directory {
    /// Keeps the memory of a file that is called deleted and that no other process has; says whether it did. If not, the file is
    /// to be removed. `file` has its lease, so nobody opens it before it is marked.
    ///
    /// That nobody has it is asked once more before it is used; here it saves keeping what could not be.
    pub(in crate::directory) fn keep(&self, id: Uuid, file: &GuardedFile) -> bool {
        match self.try_to_keep(id, file) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::debug!(%id, %error, "memory is freed that could have been kept");
                false
            }
        }
    }

    fn try_to_keep(&self, id: Uuid, file: &GuardedFile) -> Result<bool> {
        if self.reserve_limit() < SMALLEST {
            return Ok(false);
        }
        let deleted = FileName::of_deleted(id).to_string();
        let failed = |error| Error::io("keep", &self.path_of(&deleted), error);
        let stat = file.stat().map_err(failed)?;
        if !stat.is_reusable(self.stat()) || stat.len < SMALLEST || !self.sees_mappings() {
            return Ok(false);
        }
        let Some(now) = clock::now() else { return Ok(false) };
        // Before the lock, which making a record takes as well.
        let table = Table(self.record()?);
        // With a quota others sum up the files, and must not miss this one because it changes its name.
        let quota = self.quota()?;
        let lock = quota.map_or(Ok(None), |_| self.lock_if_free())?;
        if quota.is_some() && lock.is_none() {
            return Ok(false);
        }
        if !self.may_keep(table, stat.len, quota, now)? {
            return Ok(false);
        }
        let Some(claim) = table.claim_empty(now) else {
            return Ok(false);
        };
        let reserve = FileName::of_reserve(id).to_string();
        // Another process may have done away with it before this one opened it, and what is open here be another file by now: then
        // nothing has the name. From here on nobody finds it, and nothing else happens to it.
        match self.handle().rename(&deleted, &reserve) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            renamed => renamed.map_err(failed)?,
        }
        drop(lock);
        if let Err(error) = file.mark_kept() {
            self.remove_leftover(&reserve);
            return Err(failed(error));
        }
        claim.fill(Kept {
            id,
            size: stat.len,
            since: now,
        });
        if !self.keeps_watch(now) {
            self.give_back(table, 0, now);
        }
        Ok(true)
    }
}
