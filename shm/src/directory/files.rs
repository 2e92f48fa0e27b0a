//! The files in a directory: which there are, their sizes, and opening one without holding it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::{Directory, FileKind, FileName};
use crate::error::{Error, OPENING, Result};
use crate::sys::{Access, Backoff, GuardedFile, Mapping, Protection, Refusal, Stat};

/// How long a program may take to give up a lease on a file.
const LEASE_PATIENCE: Duration = Duration::from_millis(50);

impl Directory {
    /// The path of what is published under an id.
    pub(crate) fn file_path(&self, id: Uuid) -> PathBuf {
        self.path_of(&FileName::of(id).to_string())
    }

    /// The buffers' files, those that are being made, and those that were deleted and are still open.
    pub(crate) fn files(&self) -> Result<Vec<FileName>> {
        self.read_files()?.collect()
    }

    pub(crate) fn read_files(&self) -> Result<impl Iterator<Item = Result<FileName>> + Send + '_> {
        let names = self
            .handle()
            .names()
            .map_err(|error| self.failed("list the store", error))?;
        Ok(names.filter_map(|name| match name {
            Ok(name) => FileName::parse(name.to_bytes()).map(Ok),
            Err(error) => Some(Err(self.failed("list the store", error))),
        }))
    }

    /// The ids of the files that are called `<id>.shm`, while the directory is being read.
    pub(crate) fn published_ids(&self) -> Result<impl Iterator<Item = Result<Uuid>> + Send + '_> {
        Ok(self
            .read_files()?
            .filter(|file| !matches!(file, Ok(file) if file.kind != FileKind::Published))
            .map(|file| file.map(|file| file.id)))
    }

    /// Bytes taken by everything in the directory, finished or not, and deleted and still open.
    ///
    /// A file that is renamed while the directory is read may be missed under both names, so it is read twice. Where there is a quota,
    /// the caller has the store's lock, and the only rename that is made without the lock is that of a file which is deleted: it is made
    /// once, so one of the readings has the file.
    pub(crate) fn used_bytes(&self) -> Result<u64> {
        let mut lens = BTreeMap::<Uuid, u64>::new();
        let mut files: BTreeSet<_> = self.read_files()?.collect::<Result<_>>()?;
        for file in self.read_files()? {
            files.insert(file?);
        }
        for file in files {
            let mut len = self.len_of(file)?;
            // Deleted since the directory was read, it has another name if somebody has it open.
            if len == 0 && file.kind == FileKind::Published {
                len = self.len_of(FileName::of_deleted(file.id))?;
            }
            // What was renamed meanwhile is there by both names.
            let counted = lens.entry(file.id).or_default();
            *counted = len.max(*counted);
        }
        Ok(lens.into_values().fold(0, u64::saturating_add))
    }

    /// Bytes of a file; 0 if it is gone or not a regular file.
    pub(crate) fn len_of(&self, file: FileName) -> Result<u64> {
        let name = file.to_string();
        let stat = self
            .handle()
            .stat_of(&name)
            .map_err(|error| Error::io("look at", &self.path_of(&name), error))?;
        Ok(stat.filter(|stat| stat.regular).map_or(0, |stat| stat.len))
    }

    /// What the file system knows of the file of a published buffer, not following a link; `None` if there is no such file, or
    /// it is marked as deleted.
    pub(crate) fn stat_of(&self, id: Uuid) -> io::Result<Option<Stat>> {
        let stat = self.handle().stat_of(&FileName::of(id).to_string())?;
        Ok(stat.filter(|stat| !stat.is_marked_deleted()))
    }

    /// Whether there is a file of a published buffer with this id.
    pub(crate) fn file_exists(&self, id: Uuid) -> Result<bool> {
        let stat = self.stat_of(id);
        stat.map(|stat| stat.is_some())
            .map_err(|error| Error::io("look at", &self.file_path(id), error))
    }

    /// Opens a file without holding it: it may be deleted at any time.
    pub(crate) fn open_file(&self, id: Uuid, access: Access) -> Result<GuardedFile> {
        let name = FileName::of(id).to_string();
        let mut backoff = Backoff::new(LEASE_PATIENCE);
        let opened = loop {
            match self.handle().open_file(&name, access) {
                // Another program has a lease on it, and was told just now to give it up.
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        && matches!(self.stat_of(id), Ok(Some(_)))
                        && backoff.pause() => {}
                opened => break opened,
            }
        };
        opened.map_err(|error| {
            let damaged = |problem| Error::damaged(&self.file_path(id), problem);
            let is_foreign = || matches!(self.handle().stat_of(&name), Ok(Some(stat)) if !stat.same_owner(self.stat()));
            match Refusal::of(&error) {
                Refusal::Missing => self.not_found(id),
                // It was renamed after its name was looked up, and the process that deletes it asks whether anybody has it.
                _ if error.kind() == io::ErrorKind::WouldBlock && matches!(self.stat_of(id), Ok(None)) => {
                    self.not_found(id)
                }
                Refusal::Link => damaged("it is a symbolic link"),
                Refusal::Directory => damaged("it is a directory"),
                Refusal::NoRegularFile => damaged("it is no regular file"),
                // Only its owner may look at a file and leave its times as they are.
                Refusal::NotOwned if is_foreign() => damaged("it belongs to another user"),
                _ => Error::io(OPENING, &self.file_path(id), error),
            }
        })
    }
}

/// Maps a whole file of `len` bytes. The length of a file in a store never changes.
pub(crate) fn map_file(file: &GuardedFile, len: u64, path: &Path, protection: Protection) -> Result<Mapping> {
    let len = usize::try_from(len).map_err(|_| Error::damaged(path, "it is longer than memory can be"))?;
    Mapping::new(file, len, protection).map_err(|error| Error::io("map", path, error))
}
