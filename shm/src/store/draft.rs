//! A file that is being made: room is taken for it, it is filled, and one rename makes it visible.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

use uuid::Uuid;

use super::{DRAFT_SUFFIX, Store};
use crate::error::{Error, Result, SpaceLimit};
use crate::sealing::{self, Seen};
use crate::segment::{self, Segment, map_file};
use crate::sys::{self, Access, GuardedFile, HugePageBudget, LOCK_PATIENCE, Mapping, Mode, Protection, Source};

/// From this size on, data is written through a mapping: before, there are hardly any huge pages in it.
const WORTH_MAPPING: u64 = 2 * sys::HUGE_PAGE as u64;

/// Who may write to the file once it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Everybody, so the lock is held by a descriptor that can write.
    Rewritable,
    /// Nobody after it is sealed, so the lock is held by a descriptor that cannot.
    WrittenOnce,
}

/// A file under a temporary name, removed again unless it is published.
#[derive(Debug)]
pub(crate) struct Draft {
    store: Store,
    id: Uuid,
    /// Holds the lock that keeps collectors away.
    holder: Option<GuardedFile>,
    /// Another descriptor for writing, where the holder cannot.
    writer: Option<GuardedFile>,
    process: u64,
    len: u64,
    /// Whether there is a file to be removed when this is dropped.
    pending: bool,
    /// Whether there is a quota, so that others may be summing up the files.
    counted: bool,
}

impl Draft {
    /// Makes a file of `len` bytes, for which there is room as far as can be told, but nothing is taken yet.
    pub(crate) fn new(store: &Store, id: Uuid, content: Content, len: u64) -> Result<Self> {
        let mut draft = Self {
            store: store.clone(),
            id,
            holder: None,
            writer: None,
            process: sys::process_generation(),
            len: 0,
            pending: false,
            counted: false,
        };
        store.sweep_now_and_then();
        draft.grow_with(len, |draft| draft.create(content))?;
        Ok(draft)
    }

    /// Makes the file longer, in the same way.
    pub(crate) fn grow(&mut self, len: u64) -> Result<()> {
        self.grow_with(len, |_| Ok(()))
    }

    fn grow_with(&mut self, len: u64, first: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let store = self.store.clone();
        let more = len.saturating_sub(self.len);
        store.check_file_size(len)?;
        store.check_room(more)?;
        let quota = store.quota()?;
        self.counted |= quota.is_some();
        let lock = quota.map(|_| store.lock()).transpose()?;
        // Read again where nobody can change it.
        if let Some(quota) = lock.as_ref().map_or(Ok(None), |_| store.quota())? {
            let available = quota.saturating_sub(store.used_bytes()?);
            if more > available {
                return Err(store.full(more, available, SpaceLimit::Quota));
            }
        }
        self.len = len;
        first(self)?;
        let set = self.writer().set_len(len);
        // From here on the length counts against the quota of others.
        set.map_err(|error| self.failed("set the length of", error))
    }

    fn create(&mut self, content: Content) -> Result<()> {
        let (store, name) = (self.store.clone(), self.name());
        let directory = store.directory();
        // A collector may find the file between these steps, before it is locked, and take it for a leftover.
        loop {
            let created = GuardedFile::open_at(directory, &name, Access::Create);
            let writer = created.map_err(|error| store.creation_failed("create", &self.path(), error))?;
            self.pending = true;
            let (holder, writer) = match content {
                Content::Rewritable => (writer, None),
                Content::WrittenOnce => match GuardedFile::open_at(directory, &name, Access::Read) {
                    Ok(holder) => (holder, Some(writer)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(self.failed("open", error)),
                },
            };
            let locked = sys::lock_file(holder.as_fd(), Mode::Shared, LOCK_PATIENCE)
                .map_err(|error| self.failed("lock", error))?;
            let kept = holder.stat().map_err(|error| self.failed("look at", error))?.links > 0;
            if locked && kept {
                (self.holder, self.writer) = (Some(holder), writer);
                return Ok(());
            }
            if kept {
                return Err(Error::Busy {
                    what: "the file that was just made",
                    waited: LOCK_PATIENCE,
                    holder: store.lock_holder(&holder),
                });
            }
        }
    }

    fn name(&self) -> String {
        format!("{}{DRAFT_SUFFIX}", self.id)
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.store.path().join(self.name())
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
        if self.len >= sys::HUGE_PAGE as u64 {
            return self.map_reserved(payload).map(drop);
        }
        sys::reserve(self.writer().as_fd(), payload, self.len - payload).map_err(|error| self.failed("reserve", error))
    }

    /// Maps the file for writing.
    pub(crate) fn map(&self) -> Result<Mapping> {
        map_file(self.writer(), self.len, &self.path(), Protection::Shared)
    }

    /// Maps the file for writing, with memory taken for its payload: huge pages where there are, as its mappings are then
    /// made and filled at a fraction of the cost.
    pub(crate) fn map_reserved(&self, payload: u64) -> Result<Mapping> {
        let mapping = self.map()?;
        let size = |len: u64| usize::try_from(len).map_err(|_| Error::invalid("capacity", "more than memory can be"));
        mapping
            .reserve(self.writer().as_fd(), size(payload)?, size(self.len - payload)?)
            .map_err(|error| self.failed("reserve", error))?;
        Ok(mapping)
    }

    /// Writes large data, each piece at its offset: into huge pages where they are cheap.
    pub(crate) fn fill(&self, pieces: &[(u64, Source<'_>)]) -> Result<()> {
        // Where it cannot be mapped it can still be written.
        let mapping = (self.len >= WORTH_MAPPING).then(|| self.map().ok()).flatten();
        let budget = HugePageBudget::default();
        for &(offset, piece) in pieces {
            match &mapping {
                Some(mapping) => {
                    let at = usize::try_from(offset).map_err(|_| Error::invalid("data", "more than memory can be"))?;
                    let written = mapping.write(self.writer().as_fd(), at, piece, &budget);
                    written.map_err(|error| self.failed("write", error))?;
                }
                None => self.write(offset, piece)?,
            }
        }
        Ok(())
    }

    /// Writes bytes, taking memory as it goes.
    pub(crate) fn write(&self, offset: u64, bytes: Source<'_>) -> Result<()> {
        bytes
            .write_at(self.writer().as_fd(), offset)
            .map_err(|error| self.failed("write", error))
    }

    /// Lets nobody write to the file any more; see [`sealing::seal`]. The caller has ended its mappings that can.
    pub(crate) fn seal(&mut self) -> Result<()> {
        let writer = self.writer.take();
        sealing::seal(self.id, self.holder(), writer, &self.path(), Seen::ByNobody)
    }

    /// Makes the file visible under its id, and gives it its name. On an error neither is so, nobody has lost a name, and it can be
    /// tried again; where even undoing fails, a warning says what is left.
    ///
    /// A name that is free is given first, because it says nothing until the file is there: so no file is ever visible that is to
    /// have a name and has none. A name that is taken over is given last, because it leads to the old buffer until then; what is
    /// left without it, by a process that was killed, is collected as another has its name. The old buffer goes after that.
    pub(crate) fn publish(&mut self, name: Option<&str>, replace: bool) -> Result<Segment> {
        let (store, id) = (self.store.clone(), self.id);
        // Whoever sums up files must not miss this one because it changes its name meanwhile.
        let needs_lock = name.is_some() || self.counted;
        let lock = needs_lock.then(|| store.lock()).transpose()?;
        let before = name.map_or(Ok(None), |name| store.holder_of_name(name))?;
        if let (Some(name), Some(holder), false) = (name, before, replace) {
            return Err(Error::NameTaken {
                name: name.to_owned(),
                holder,
            });
        }
        let replaced = before.map(|before| store.look_at_replaced(before)).transpose()?;
        // Before anybody can see it.
        segment::record_use(self.holder(), &self.path())?;
        match (name, &replaced) {
            (None, _) => self.show()?,
            (Some(name), None) => {
                store.bind_name(name, id)?;
                self.show().inspect_err(|_| {
                    if let Err(error) = store.unbind_name(name, id) {
                        tracing::debug!(%id, %error, "a name that leads nowhere is left to the next sweep");
                    }
                })?;
            }
            (Some(name), Some(replaced)) => {
                self.show()?;
                // It is visible for a moment on an error, but nobody was told of it.
                store.take_name_over(name, id, replaced).inspect_err(|_| self.hide())?;
            }
        }
        self.pending = false;
        let holder = self
            .holder
            .take()
            .expect("a draft has its descriptors until it is published");
        let segment = Segment::take_over(&store, id, holder, self.len);
        drop(lock);
        if let Some(replaced) = replaced {
            store.remove_replaced(replaced);
        }
        Ok(segment)
    }

    fn show(&self) -> Result<()> {
        sys::rename(self.store.directory(), &self.name(), &Store::file_name(self.id))
            .map_err(|error| self.store.creation_failed("publish", &self.path(), error))
    }

    fn hide(&self) {
        let hidden = sys::rename(self.store.directory(), &Store::file_name(self.id), &self.name());
        if let Err(error) = hidden {
            tracing::warn!(id = %self.id, %error, "a buffer without its name is left to the next sweep");
        }
    }

    pub(crate) fn failed(&self, action: &'static str, error: io::Error) -> Error {
        self.store.write_failed(action, &self.path(), self.len, error)
    }

    fn remove(&self) {
        self.store.remove_leftover(&self.name());
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

impl Store {
    /// Runs what makes something. Where there is no room for it, what nobody needs any more goes, and it is run once more.
    pub(crate) fn make<T>(&self, mut make: impl FnMut() -> Result<T>) -> Result<T> {
        let result = match make() {
            // What limits this process alone is no matter of room.
            Err(error @ Error::StoreFull { .. }) if error.is_transient() && self.made_room() => make(),
            result => result,
        };
        result.map_err(Error::nothing_published)
    }
}
