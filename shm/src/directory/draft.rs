//! A file that is being made: room is taken for it, it is filled, and one rename makes it visible.

use std::io;
use std::path::PathBuf;

use uuid::Uuid;

use super::{Directory, FileName, map_file};
use crate::error::{Error, Result};
use crate::format::{AT_PUBLISHED, Publication};
use crate::sys::{self, Access, GuardedFile, HugePageBudget, LOCK_PATIENCE, LockMode, Mapping, Protection, Source};

/// From this size on, data is written through a mapping: before, there are hardly any huge pages in it.
const WORTH_MAPPING: u64 = 2 * sys::HUGE_PAGE as u64;

/// What is written between the pieces of a payload.
const ZEROS: [u8; 4096] = [0; 4096];

/// Who may write to the file once it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Everybody, so the lock is held by a descriptor that can write.
    Rewritable,
    /// Nobody after it is sealed, so the lock is held by a descriptor that cannot.
    WrittenOnce,
    /// The same, and it grows while it is written.
    Growing,
}

/// A file under a temporary name, removed again unless it is published.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(super) directory: Directory,
    pub(super) id: Uuid,
    /// Holds the lock that keeps collectors away.
    pub(super) holder: Option<GuardedFile>,
    /// Another descriptor for writing, where the holder cannot.
    writer: Option<GuardedFile>,
    process: u64,
    len: u64,
    /// Whether its memory was another file's, whose content is in it where nothing was written yet.
    is_used: bool,
    /// Whether there is a file to be removed when this is dropped.
    pub(super) pending: bool,
    /// Whether there is a quota, so that others may be summing up the files.
    pub(super) counted: bool,
}

impl Draft {
    /// Makes a file of `len` bytes, for which there is room as far as can be told, but nothing is taken yet.
    pub(crate) fn new(directory: &Directory, id: Uuid, content: Content, len: u64) -> Result<Self> {
        let mut draft = Self {
            directory: directory.clone(),
            id,
            holder: None,
            writer: None,
            process: sys::process_generation(),
            len: 0,
            is_used: false,
            pending: false,
            counted: false,
        };
        directory.check_file_size(len)?;
        if content == Content::Growing || !draft.take_used(content, len)? {
            draft.grow_with(len, |draft| draft.create(content))?;
        }
        Ok(draft)
    }

    /// Uses memory again that was kept, if there is some that fits, and says whether there was.
    fn take_used(&mut self, content: Content, len: u64) -> Result<bool> {
        let directory = self.directory.clone();
        let Some(used) = directory.take_kept(self.id, len) else {
            return Ok(false);
        };
        (self.pending, self.counted) = (true, used.counted);
        // The lock that it is held by keeps collectors away meanwhile.
        let Some((holder, writer)) = self.open_holder(content, used.file)? else {
            self.pending = false;
            return Ok(false);
        };
        (self.holder, self.writer) = (Some(holder), writer);
        (self.len, self.is_used) = (len, true);
        Ok(true)
    }

    /// Makes the file longer, in the same way, and says whether there is memory for that whatever others take meanwhile. Else what
    /// comes there is to be written by [`Draft::write_new`], because threads that move data could not ask for memory.
    pub(crate) fn grow(&mut self, len: u64) -> Result<bool> {
        self.directory.check_file_size(len)?;
        let more = len.saturating_sub(self.len);
        let turn = sys::admit(more).map_err(|error| self.failed("write", error))?;
        self.grow_with(len, |_| Ok(()))?;
        Ok(turn.is_plenty())
    }

    fn grow_with(&mut self, len: u64, first: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let directory = self.directory.clone();
        let more = len.saturating_sub(self.len);
        directory.check_room(more)?;
        let quota = directory.quota()?;
        self.counted |= quota.is_some();
        // The record before the lock, which renewing it takes as well.
        let record = quota.map(|_| directory.record()).transpose()?;
        let _lock = quota.map(|_| directory.lock()).transpose()?;
        // The quota is read again where nobody can change it.
        if let Some(record) = record
            && let Some(quota) = directory.quota()?
        {
            directory.take_of_quota(record, quota, more)?;
        }
        self.len = len;
        first(self)?;
        let set = self.writer().set_len(len);
        // From here on the length counts against the quota of others.
        set.map_err(|error| self.failed("set the length of", error))
    }

    fn create(&mut self, content: Content) -> Result<()> {
        let (directory, name) = (self.directory.clone(), self.name());
        // A collector may find the file between these steps, before it is locked, and take it for a leftover.
        loop {
            let created = directory.handle().open_file(&name, Access::Create);
            let writer = created.map_err(|error| directory.creation_failed("create", &self.path(), error))?;
            self.pending = true;
            if let Some((holder, writer)) = self.open_holder(content, writer)? {
                (self.holder, self.writer) = (Some(holder), writer);
                return Ok(());
            }
        }
    }

    /// The descriptor that holds the lock, and the one that can write where that is another. Nothing if the file was removed.
    fn open_holder(&self, content: Content, writer: GuardedFile) -> Result<Option<(GuardedFile, Option<GuardedFile>)>> {
        let (holder, writer) = match content {
            Content::Rewritable => (writer, None),
            Content::WrittenOnce | Content::Growing => {
                match self.directory.handle().open_file(&self.name(), Access::Read) {
                    Ok(holder) => (holder, Some(writer)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(self.failed("open", error)),
                }
            }
        };
        let locked = holder
            .lock(LockMode::Shared, LOCK_PATIENCE)
            .map_err(|error| self.failed("lock", error))?;
        let stat = holder.stat().map_err(|error| self.failed("look at", error))?;
        match (locked, stat.is_deleted()) {
            (_, true) => Ok(None),
            (true, false) => Ok(Some((holder, writer))),
            (false, false) => Err(Error::Busy {
                what: "the file that was just made",
                waited: LOCK_PATIENCE,
                holder: self.directory.lock_holder(&holder),
            }),
        }
    }

    pub(super) fn name(&self) -> String {
        FileName::of_draft(self.id).to_string()
    }

    /// Where it is made.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The length of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path_of(&self.name())
    }

    /// The descriptor that can write.
    pub(crate) fn writer(&self) -> &GuardedFile {
        self.writer
            .as_ref()
            .or(self.holder.as_ref())
            .expect("a draft has its descriptors until it is published")
    }

    /// The descriptor that holds the lock.
    pub(crate) fn holder(&self) -> &GuardedFile {
        self.holder
            .as_ref()
            .expect("a draft has its descriptors until it is published")
    }

    /// Takes memory for the payload, which starts at `payload`, so that writing to it through a mapping cannot fail.
    pub(crate) fn reserve(&self, payload: u64) -> Result<()> {
        if self.is_used || self.len >= sys::HUGE_PAGE as u64 {
            return self.map_reserved(payload).map(drop);
        }
        let len = self.len - payload;
        sys::admit(len)
            .and_then(|_turn| self.writer().reserve(payload, len))
            .map_err(|error| self.failed("reserve", error))
    }

    /// Maps the file for writing.
    pub(crate) fn map(&self) -> Result<Mapping> {
        map_file(self.writer(), self.len, &self.path(), Protection::Shared)
    }

    /// Maps the file for writing, with memory taken for its payload: huge pages where there are, as its mappings are then
    /// made and filled at a fraction of the cost. It is zeros.
    pub(crate) fn map_reserved(&self, payload: u64) -> Result<Mapping> {
        let mapping = self.map()?;
        let size = |len: u64| usize::try_from(len).map_err(|_| Error::invalid("capacity", "more than memory can be"));
        let (start, len) = (size(payload)?, size(self.len - payload)?);
        let reserved = if self.is_used {
            mapping.clear(self.writer(), start, len)
        } else {
            let budget = HugePageBudget::default();
            sys::take_in_steps(start..start + len, |step| {
                mapping.reserve(self.writer(), step.start, step.len(), &budget)
            })
        };
        reserved.map_err(|error| self.failed("reserve", error))?;
        Ok(mapping)
    }

    /// Writes the whole payload, which starts at `payload`: each piece at its offset, in order, and zeros between them. Large data
    /// goes into huge pages where they are cheap.
    pub(crate) fn fill(&self, payload: u64, pieces: &[(u64, Source<'_>)]) -> Result<()> {
        if self.is_used {
            self.clear_between(payload, pieces)?;
        }
        // Where it cannot be mapped it can still be written.
        let mapping = (self.len >= WORTH_MAPPING).then(|| self.map().ok()).flatten();
        let budget = HugePageBudget::default();
        for &(offset, piece) in pieces {
            let written = match &mapping {
                Some(mapping) => {
                    let at = usize::try_from(offset).map_err(|_| Error::invalid("data", "more than memory can be"))?;
                    self.in_steps(at, piece, |at, part| mapping.write(self.writer(), at, part, &budget))
                }
                None => self.write_new(offset, piece),
            };
            written.map_err(|error| self.failed("write", error))?;
        }
        Ok(())
    }

    /// Makes zeros of what lies before, between and behind pieces, which is less than an array's alignment each time.
    fn clear_between(&self, payload: u64, pieces: &[(u64, Source<'_>)]) -> Result<()> {
        let mut end = payload;
        let behind = (self.len, Source::from(&[]));
        for &(offset, piece) in pieces.iter().chain([&behind]) {
            while end < offset {
                let zeros = Source::from(&ZEROS).part(0, usize::try_from(offset - end).unwrap_or(usize::MAX));
                self.write(end, zeros)?;
                end += zeros.len() as u64;
            }
            end = end.max(offset + piece.len() as u64);
        }
        Ok(())
    }

    /// Writes bytes where no memory was taken yet.
    pub(crate) fn write_new(&self, offset: u64, bytes: Source<'_>) -> io::Result<()> {
        let at = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.in_steps(at, bytes, |at, part| self.writer().write_at(part, at as u64))
    }

    /// Writes bytes part by part, each when there is memory for it. What had other content before has its memory.
    fn in_steps(
        &self,
        at: usize,
        bytes: Source<'_>,
        write: impl Fn(usize, Source<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.is_used {
            return write(at, bytes);
        }
        sys::take_in_steps(at..at.saturating_add(bytes.len()), |step| {
            write(step.start, bytes.part(step.start - at, step.len()))
        })
    }

    /// Writes a few bytes, such as a header.
    pub(crate) fn write(&self, offset: u64, bytes: Source<'_>) -> Result<()> {
        self.writer()
            .write_at(bytes, offset)
            .map_err(|error| self.failed("write", error))
    }

    /// Takes a number for the publication of this file, and writes it into the header, which says [`Publication::Pending`] by now.
    pub(crate) fn take_number(&self) -> Result<()> {
        let number = Publication::Number(self.directory.next_number()?);
        self.write(AT_PUBLISHED as u64, Source::from(&number.word().to_le_bytes()))
    }

    /// Gives the descriptor that can write away, where the holder is another one: the last way to write to the file.
    pub(crate) fn take_writer(&mut self) -> Option<GuardedFile> {
        self.writer.take()
    }

    pub(crate) fn failed(&self, action: &'static str, error: io::Error) -> Error {
        self.directory.write_failed(action, &self.path(), self.len, error)
    }

    fn remove(&self) {
        self.directory.remove_leftover(&self.name());
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // A forked child's copy is the parent's to remove.
        if self.pending && self.process == sys::process_generation() {
            self.remove();
        }
    }
}
