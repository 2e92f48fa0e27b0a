//! Giving memory back that is kept.

use uuid::Uuid;

use super::clock::{self, KEPT_FOR};
use super::table::Table;
use crate::directory::file_name::NAME_LEN;
use crate::directory::{Directory, FileName};
use crate::error::Result;

/// Longer than memory is kept by a process that lives.
const LEFT_BEHIND: u64 = 2 * KEPT_FOR;

impl Directory {
    /// Frees all memory that is kept, because there is no room for something else, and says how many bytes that were.
    pub(crate) fn give_reserve_back(&self) -> u64 {
        let Ok(Some(record)) = self.existing_record() else {
            return 0;
        };
        let bytes = self.give_back(Table(record), 0, clock::now().unwrap_or(u64::MAX));
        self.end_watch();
        bytes
    }

    /// Frees what has been kept for this long. It runs where nothing may be allocated.
    pub(super) fn give_back(&self, table: Table<'_>, age: u64, now: u64) -> u64 {
        let mut bytes = 0u64;
        while let Some((claim, kept)) = table.claim_older(age, now) {
            let mut buffer = [0; NAME_LEN];
            let name = FileName::of_reserve(kept.id).write_to(&mut buffer);
            // Where it cannot be removed, the next sweep finds a file that no entry leads to.
            if matches!(self.handle().remove(name), Ok(true)) {
                bytes = bytes.saturating_add(kept.size);
            }
            drop(claim);
        }
        bytes
    }

    /// Whether a file is kept that somebody may still use: younger than it is kept, and found by the table. Others are left from
    /// processes that were killed, or nobody can tell how old they are.
    pub(crate) fn is_kept(&self, id: Uuid) -> Result<bool> {
        let (Some(record), Some(now)) = (self.existing_record()?, clock::now()) else {
            return Ok(false);
        };
        Ok(Table(record).leads_to(id, now, LEFT_BEHIND))
    }

    /// Frees the entries of what is left from processes that were killed, and what those lead to.
    pub(crate) fn sweep_reserve(&self) {
        if let (Ok(Some(record)), Some(now)) = (self.existing_record(), clock::now()) {
            let table = Table(record);
            self.give_back(table, LEFT_BEHIND, now);
            table.free_abandoned(now);
        }
    }
}
