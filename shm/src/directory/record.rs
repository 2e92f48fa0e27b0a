//! What a store says of itself, in a file that all programs that make something in it have mapped: its version, and words that
//! they share. `docs/format.md` has its bytes.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use super::{Directory, map_file};
use crate::error::{Error, Result};
use crate::sys::{self, Access, GuardedFile, Mapping, Protection, Source};

const RECORD_FILE: &str = ".store";
const RECORD_LEN: usize = 4096;
/// First bytes of the record, made like those of a buffer's file.
const MAGIC: [u8; 8] = *b"\x89DSS\r\n\x1a\n";
/// The version of stores made here. A store without a record is of version 1.
const STORE_VERSION: u32 = 2;

const AT_VERSION: usize = 8;

/// The record of a store, open and mapped.
#[derive(Debug)]
pub(super) struct StoreRecord {
    file: GuardedFile,
    mapping: Mapping,
    /// The one that took its place: in a forked child, or after the file was removed.
    next: OnceLock<Box<StoreRecord>>,
}

impl StoreRecord {
    /// One of the words that processes share.
    pub(super) fn word(&self, at: usize) -> &AtomicU64 {
        self.mapping.word(at)
    }

    /// Whether it is this process's, and still that of the store.
    fn is_current(&self) -> io::Result<bool> {
        Ok(self.file.is_own() && !self.file.stat()?.is_deleted())
    }
}

impl Directory {
    /// Refuses a store that a newer program made. What cannot be read is made anew by whoever needs it.
    pub(super) fn check_version(&self) -> Result<()> {
        let path = || self.path_of(RECORD_FILE);
        let file = match self.handle().open_file(RECORD_FILE, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|error| Error::io("open", &path(), error))?,
        };
        match read_version(&file).map_err(|error| Error::io("read", &path(), error))? {
            Some(found) if found > STORE_VERSION => Err(Error::UnsupportedVersion {
                what: self.path().display().to_string(),
                found: found.into(),
                known: STORE_VERSION,
            }),
            _ => Ok(()),
        }
    }

    /// The record of this store, which is made if it is not there.
    pub(super) fn record(&self) -> Result<&StoreRecord> {
        loop {
            match self.existing_record()? {
                Some(record) => return Ok(record),
                None => self.make_record()?,
            }
        }
    }

    /// The record of this store, if it is there.
    pub(super) fn existing_record(&self) -> Result<Option<&StoreRecord>> {
        let mut cell = &self.0.record;
        loop {
            let Some(record) = cell.get() else {
                match self.open_record()? {
                    Some(record) => sys::keep_first(cell, Box::new(record)),
                    None => return Ok(None),
                };
                continue;
            };
            let current = record.is_current();
            if current.map_err(|error| Error::io("look at", &self.path_of(RECORD_FILE), error))? {
                return Ok(Some(record));
            }
            cell = &record.next;
        }
    }

    fn open_record(&self) -> Result<Option<StoreRecord>> {
        let path = self.path_of(RECORD_FILE);
        let failed = |error| Error::io("open", &path, error);
        let file = match self.handle().open_file(RECORD_FILE, Access::ReadWrite) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let is_whole = file.stat().map_err(failed)?.len >= RECORD_LEN as u64;
        if !is_whole || read_version(&file).map_err(failed)?.is_none() {
            return Err(Error::damaged(&path, "it is no record of a store"));
        }
        Ok(Some(StoreRecord {
            mapping: map_file(&file, RECORD_LEN as u64, &path, Protection::Shared)?,
            file,
            next: OnceLock::new(),
        }))
    }

    /// Makes the record of a store that has none, unless somebody else does.
    fn make_record(&self) -> Result<()> {
        let new = format!("{RECORD_FILE}.{}", sys::new_id().map_err(Error::random)?);
        let path = self.path_of(&new);
        let mut bytes = [0; RECORD_LEN];
        bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
        bytes[AT_VERSION..AT_VERSION + 4].copy_from_slice(&STORE_VERSION.to_le_bytes());
        self.check_file_size(RECORD_LEN as u64)?;
        let file = self
            .handle()
            .open_file(&new, Access::Create)
            .map_err(|error| self.creation_failed("make", &path, error))?;
        let made = file
            .write_at(Source::from(&bytes[..]), 0)
            .map_err(|error| self.write_failed("write", &path, RECORD_LEN as u64, error))
            .and_then(|()| {
                let renamed = self.handle().rename_new(&new, RECORD_FILE);
                renamed.map_err(|error| self.creation_failed("record the version of", self.path(), error))
            });
        if !matches!(made, Ok(true)) {
            self.remove_leftover(&new);
        }
        made.map(drop)
    }
}

/// The version that a record says; nothing if it is none.
fn read_version(file: &GuardedFile) -> io::Result<Option<u32>> {
    let mut bytes = [0; AT_VERSION + 4];
    let len = file.read_at(&mut bytes, 0)?;
    let (magic, version) = bytes.split_at(AT_VERSION);
    let version = version.try_into().map(u32::from_le_bytes).ok();
    Ok(version.filter(|_| len == bytes.len() && magic == MAGIC))
}
