//! The record of a store: opened and mapped by all programs that make something in it, made if it is missing or damaged, and
//! refused if a newer program made it.

use std::io;
use std::sync::OnceLock;

use super::record_file::{RECORD_FILE, RECORD_LEN, STORE_VERSION, StoreRecord, new_record, read_version};
use super::{Directory, map_file};
use crate::error::{Error, Result};
use crate::sys::{self, Access, Protection, Refusal, Source};

impl Directory {
    /// Refuses a store that a newer program made. A record that cannot be read is made anew by the next process that needs one.
    pub(super) fn check_version(&self) -> Result<()> {
        let path = || self.path_of(RECORD_FILE);
        let file = match self.handle().open_file(RECORD_FILE, Access::Read) {
            Err(error) if is_no_record(&error) => return Ok(()),
            opened => opened.map_err(|error| Error::io("open", &path(), error))?,
        };
        let read = |error| Error::io("read", &path(), error);
        if !file.stat().map_err(read)?.regular {
            return Ok(());
        }
        let found = read_version(&file).map_err(read)?;
        found.map_or(Ok(()), |found| self.expect_version(found))
    }

    fn expect_version(&self, found: u32) -> Result<()> {
        if found <= STORE_VERSION {
            return Ok(());
        }
        Err(Error::UnsupportedVersion {
            what: self.path().display().to_string(),
            found: found.into(),
            known: STORE_VERSION,
        })
    }

    /// The record of this store, which is made if it is not there.
    pub(super) fn record(&self) -> Result<&StoreRecord> {
        self.with_record(|record| record)
    }

    /// Does something with the record of this store, which is made if it is not there. Where the record turns out not to be
    /// that of the store any more, it is done again with the one in its place.
    pub(super) fn with_record<'a, T>(&'a self, act: impl Fn(&'a StoreRecord) -> T) -> Result<T> {
        let mut cell = &self.0.record;
        loop {
            match cell.get() {
                None => drop(sys::keep_first(cell, Box::new(self.open_record()?))),
                Some(record) => match self.done_with(record, &act)? {
                    Some(done) => return Ok(done),
                    None => cell = &record.next,
                },
            }
        }
    }

    /// The record of this store, if it is there.
    pub(super) fn existing_record(&self) -> Result<Option<&StoreRecord>> {
        let mut cell = &self.0.record;
        loop {
            match cell.get() {
                None => match self.map_record(Access::ReadWrite)? {
                    Some(record) => drop(sys::keep_first(cell, Box::new(record))),
                    None => return Ok(None),
                },
                Some(record) => match self.done_with(record, |record| record)? {
                    Some(record) => return Ok(Some(record)),
                    None => cell = &record.next,
                },
            }
        }
    }

    /// Reads something from the record of this store; nothing where there is none, or it is damaged. Nothing is made.
    pub(super) fn with_existing_record<T>(&self, read: impl Fn(&StoreRecord) -> Option<T>) -> Result<Option<T>> {
        let mut cell = &self.0.record;
        loop {
            let Some(record) = cell.get() else {
                match self.map_record(Access::ReadWrite) {
                    Ok(Some(record)) => drop(sys::keep_first(cell, Box::new(record))),
                    // In a file system that can only be read. It is not kept, because nothing could be counted by it.
                    Err(error) if forbids_writing(&error) => {
                        return Ok(self.map_record(Access::Read)?.and_then(|record| read(&record)));
                    }
                    none => return none.map(|_| None),
                }
                continue;
            };
            match self.done_with(record, &read)? {
                Some(found) => return Ok(found),
                None => cell = &record.next,
            }
        }
    }

    /// What was done with a record, if that is this process's and still that of the store.
    fn done_with<'a, T>(&self, record: &'a StoreRecord, act: impl FnOnce(&'a StoreRecord) -> T) -> Result<Option<T>> {
        if record.next.get().is_some() || !record.file.is_own() {
            return Ok(None);
        }
        let done = act(record);
        let stat = record.file.stat();
        let stat = stat.map_err(|error| Error::io("look at", &self.path_of(RECORD_FILE), error))?;
        Ok((stat.links() > 0).then_some(done))
    }

    fn open_record(&self) -> Result<StoreRecord> {
        loop {
            match self.map_record(Access::ReadWrite)? {
                Some(record) => return Ok(record),
                None if self.record_is_missing()? => self.make_record(false)?,
                None => self.renew_record()?,
            }
        }
    }

    fn record_is_missing(&self) -> Result<bool> {
        let stat = self.handle().stat_of(RECORD_FILE);
        stat.map(|stat| stat.is_none())
            .map_err(|error| Error::io("look at", &self.path_of(RECORD_FILE), error))
    }

    /// The record of this store, if there is one that can be read as such.
    fn map_record(&self, access: Access) -> Result<Option<StoreRecord>> {
        let path = self.path_of(RECORD_FILE);
        let failed = |error| Error::io("open", &path, error);
        let file = match self.handle().open_file(RECORD_FILE, access) {
            Err(error) if is_no_record(&error) => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let stat = file.stat().map_err(failed)?;
        if !stat.regular || stat.len < RECORD_LEN as u64 {
            return Ok(None);
        }
        let Some(version) = read_version(&file).map_err(failed)? else {
            return Ok(None);
        };
        self.expect_version(version)?;
        let protection = match access {
            Access::Read => Protection::CopyOnWrite,
            Access::ReadWrite | Access::Create => Protection::Shared,
        };
        Ok(Some(StoreRecord {
            mapping: map_file(&file, RECORD_LEN as u64, &path, protection)?,
            file,
            next: OnceLock::new(),
        }))
    }

    /// Puts a new record in the place of one that is damaged, unless somebody else did.
    pub(super) fn renew_record(&self) -> Result<()> {
        let _lock = self.lock()?;
        let greatest = self.greatest_number()?;
        let found = self.map_record(Access::ReadWrite)?;
        let count = found.and_then(|record| record.publication_count());
        if count.is_some_and(|count| count.last >= greatest) {
            return Ok(());
        }
        tracing::warn!(store = %self.path().display(), "the record of the store was damaged and is made anew");
        self.make_record(true)
    }

    /// Makes the record of a store, which counts on behind the greatest number that a file has; in the place of another, or only
    /// if there is none.
    fn make_record(&self, replaces: bool) -> Result<()> {
        let new_id = || sys::new_id().map_err(Error::random);
        let new = format!("{RECORD_FILE}.{}", new_id()?);
        let path = self.path_of(&new);
        let (greatest, (era, _)) = (self.greatest_number()?, new_id()?.as_u64_pair());
        let bytes = new_record(greatest, era);
        self.check_file_size(RECORD_LEN as u64)?;
        let file = self
            .handle()
            .open_file(&new, Access::Create)
            .map_err(|error| self.creation_failed("make", &path, error))?;
        let rename = || {
            if replaces {
                self.handle().rename(&new, RECORD_FILE).map(|()| true)
            } else {
                self.handle().rename_new(&new, RECORD_FILE)
            }
        };
        let made = file
            .write_at(Source::from(&bytes[..]), 0)
            .map_err(|error| self.write_failed("write", &path, RECORD_LEN as u64, error))
            .and_then(|()| match rename() {
                // A sweep took it for one that was left behind, so the next process that needs a record makes another.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    Err(self.damaged_record("it is a directory: remove it"))
                }
                renamed => renamed.map_err(|error| self.creation_failed("record the version of", self.path(), error)),
            });
        if !matches!(made, Ok(true)) {
            self.remove_leftover(&new);
        }
        made.map(drop)
    }

    pub(super) fn damaged_record(&self, problem: &str) -> Error {
        Error::damaged(&self.path_of(RECORD_FILE), problem)
    }
}

/// Whether a record could not be opened because nothing has its name, or something that is no file.
fn is_no_record(error: &io::Error) -> bool {
    matches!(
        Refusal::of(error),
        Refusal::Missing | Refusal::Link | Refusal::Directory | Refusal::NoRegularFile
    )
}

/// Whether a record could not be opened because nothing can be written here.
fn forbids_writing(error: &Error) -> bool {
    let kind = match error {
        Error::Io { source, .. } => source.kind(),
        _ => return false,
    };
    matches!(
        kind,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}
