//! The accounts of what was deleted and is still open: which files, and which processes keep them.

use std::io;

use serde::Serialize;
use uuid::Uuid;

use super::header::read_header;
use super::{Directory, FileKind, FileName, Keeper, PendingMemory, check_file};
use crate::error::{Error, Result};
use crate::format::Header;
use crate::holder::HeldBy;
use crate::sys::{Access, GuardedFile, LockMode, LockTable, Stat};

/// A file that was deleted, and whose memory a process still has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingFile {
    /// The id it had.
    pub id: Uuid,
    /// The name it was made with, if it was made with one. Another may have the name by now.
    pub name: Option<String>,
    /// Bytes that the file takes.
    pub bytes: u64,
    /// What keeps it.
    #[serde(flatten)]
    pub held_by: HeldBy,
}

impl Directory {
    /// What was deleted and is still open, largest first. Nothing is held or freed.
    pub(crate) fn pending(&self) -> Result<Vec<PendingFile>> {
        let mut files = self.files()?;
        files.retain(|file| file.kind == FileKind::Deleted);
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let table = LockTable::read(self.handle());
        let mut pending = Vec::new();
        for file in files {
            pending.extend(self.look_at_deleted(table.as_ref(), file.id)?);
        }
        pending.sort_by_key(|file| (std::cmp::Reverse(file.bytes), file.id));
        Ok(pending)
    }

    fn look_at_deleted(&self, table: Option<&LockTable>, id: Uuid) -> Result<Option<PendingFile>> {
        let Some((file, stat)) = self.open_deleted(id)? else {
            return Ok(None);
        };
        let path = self.path_of(&FileName::of_deleted(id).to_string());
        let header = match read_header(&file, &path, id, stat) {
            Err(error) if error.is_conclusive() => None,
            read => Some(read?.header),
        };
        Ok(Some(PendingFile {
            id,
            bytes: stat.len,
            held_by: self.keepers_of(table, &file, &stat, header.as_ref())?,
            name: header.and_then(|header| header.metadata.name),
        }))
    }

    /// Opens a deleted file without holding it; nothing if it is gone, or is about to go, or is no file.
    fn open_deleted(&self, id: Uuid) -> Result<Option<(GuardedFile, Stat)>> {
        let name = FileName::of_deleted(id).to_string();
        let path = self.path_of(&name);
        let file = match self.handle().open_file(&name, Access::Read) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {
                return Ok(None);
            }
            opened => opened.map_err(|error| Error::io("open", &path, error))?,
        };
        match check_file(&file, &path) {
            Err(error) if error.is_conclusive() => Ok(None),
            looked => looked.map(|stat| Some((file, stat))),
        }
    }

    fn keepers_of(
        &self,
        table: Option<&LockTable>,
        file: &GuardedFile,
        stat: &Stat,
        header: Option<&Header>,
    ) -> Result<HeldBy> {
        let holders = table.and_then(|table| table.holders_of(stat));
        if let Some(pids) = holders.filter(|pids| !pids.is_empty()) {
            return Ok(HeldBy::pids(pids));
        }
        let failed = |error| Error::io("look for users of", self.path(), error);
        // Where the system shows only some of the locks, trying tells whether there are others.
        if holders.is_none() && !file.try_lock(LockMode::Exclusive).map_err(failed)? {
            return Ok(HeldBy::Hidden);
        }
        let id = header.map_or(Uuid::nil(), |header| header.id);
        if self.is_unused(id, file)? {
            return Ok(HeldBy::Nobody);
        }
        // Processes that have a pool open have its slots open, and hold its control file.
        let pool = header.and_then(|header| header.metadata.slot_of);
        let of_pool = pool.map_or(Ok(None), |pool| self.holders_of_pool(table, pool))?;
        Ok(of_pool.unwrap_or(HeldBy::Unlocked))
    }

    fn holders_of_pool(&self, table: Option<&LockTable>, pool: Uuid) -> Result<Option<HeldBy>> {
        let Some((_, stat)) = self.open_deleted(pool)? else {
            return Ok(None);
        };
        let pids = table.and_then(|table| table.holders_of(&stat));
        Ok(pids.filter(|pids| !pids.is_empty()).map(HeldBy::pids))
    }

    /// What keeps the memory of files that were just deleted.
    pub(crate) fn keepers(&self, pending: &[PendingMemory]) -> HeldBy {
        if pending.is_empty() {
            return HeldBy::Nobody;
        }
        let table = LockTable::read(self.handle());
        let of = |memory: &PendingMemory| match memory.keeper {
            Keeper::Unknown => HeldBy::Nobody,
            Keeper::NoLock => HeldBy::Unlocked,
            Keeper::Lock => {
                let pids = table.as_ref().and_then(|table| table.holders_of(&memory.stat));
                pids.map_or(HeldBy::Hidden, HeldBy::pids)
            }
        };
        pending.iter().map(of).fold(HeldBy::Nobody, HeldBy::and)
    }
}
