//! What is in a store, kept in memory and brought up to date by the events that the kernel gives of the directory.
//!
//! Reading 10,000 headers takes a tenth of a second; a listing from an index costs what changed since the last one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use uuid::Uuid;

use super::position::ListPosition;
use super::watch::{StoreEvent, StoreWatch};
use super::{Store, Summary};
use crate::directory::Directory;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::FileRole;
use crate::share_out::share_out;
use crate::sys::parallel::locked;

/// Files that a thread reads before it asks for more, because their names come from the kernel some hundred at a time.
const PART: usize = 64;

/// Something that happened to a file of the store, as an index sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreChange {
    /// A buffer, pool, slot or damaged file came, went, or is listed differently.
    Listing(Uuid),
    /// Something happened to it that a listing does not tell, such as that it was opened for the first time or closed for the last.
    Descriptor(Uuid),
    /// Events were lost, so anything may have changed.
    Everything,
    /// The directory was removed, moved away or opened to others. This index is not to be relied on from here on.
    Gone,
}

#[derive(Debug, PartialEq)]
enum Entry {
    Buffer(ListPosition),
    Pool(Option<String>),
    Slot,
    Damaged(String),
}

/// What came of reading a file's header.
enum Read {
    Buffer(ListPosition, Summary),
    Pool(Option<String>),
    Slot,
    Damaged(String),
    Gone,
}

impl Read {
    fn of(directory: &Directory, id: Uuid) -> Result<Self> {
        let summary = match Summary::of(directory, id) {
            Ok(summary) => summary,
            Err(error) if error.is_gone() => return Ok(Self::Gone),
            Err(error) if error.is_conclusive() => return Ok(Self::Damaged(error.to_string())),
            // The file may be a good buffer that the system could not read just now, so it is not taken for a damaged one.
            Err(error) => return Err(error),
        };
        Ok(match summary.role {
            FileRole::Buffer | FileRole::Scene => Self::Buffer(ListPosition::of(&summary, id), summary),
            FileRole::Pool => Self::Pool(summary.name),
            FileRole::Slot => Self::Slot,
        })
    }
}

/// The files of a store, as they were when it was last refreshed.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
/// use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, StoreChange, StoreIndex};
///
/// let mut index = StoreIndex::new(&store, 1)?;
/// let scene = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?;
/// assert_eq!(index.refresh()?, [StoreChange::Listing(scene.id())]);
/// assert_eq!(index.readable().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoreIndex {
    directory: Directory,
    /// None where the kernel gives this user no more watches, or a container forbids watching. Everything is read again each
    /// time then.
    watch: Option<StoreWatch>,
    threads: usize,
    buffers: BTreeMap<ListPosition, Summary>,
    entries: BTreeMap<Uuid, Entry>,
    /// Whether a change could not be taken in, so that everything has to be read again.
    behind: bool,
}

impl StoreIndex {
    /// Reads the whole store on this many threads, 1 for the calling one alone. Where the system lets nobody watch the
    /// directory, each refresh reads the whole store again.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`] and [`Error::TooManyOpenFiles`] when the directory or one of its files cannot be
    /// read.
    pub fn new(store: &Store, threads: usize) -> Result<Self> {
        // Watched first, so that what happens while the store is read is read again.
        let watch = match store.watch() {
            Err(error) if error.forbids_watching() => {
                tracing::warn!(%error, "changes of the store are found only when it is looked at");
                None
            }
            watch => Some(watch?),
        };
        Self::watched_by(watch, store, threads)
    }

    /// The same with a watch that was begun before, or without one.
    pub(super) fn watched_by(watch: Option<StoreWatch>, store: &Store, threads: usize) -> Result<Self> {
        let mut index = Self {
            directory: store.directory.clone(),
            watch,
            threads,
            buffers: BTreeMap::new(),
            entries: BTreeMap::new(),
            behind: false,
        };
        index.read_all()?;
        Ok(index)
    }

    /// The watch whose descriptor becomes readable when there are changes to take in.
    pub fn watch(&self) -> Option<&StoreWatch> {
        self.watch.as_ref()
    }

    /// Takes in what happened since the last time, and says what that was. What was published before this call is found
    /// after it. Without a watch it does not know what changed, and says nothing.
    ///
    /// # Errors
    /// As [`StoreIndex::new`]. The next call then reads the whole store.
    pub fn refresh(&mut self) -> Result<Vec<StoreChange>> {
        let Some(watch) = &self.watch else {
            self.read_all()?;
            return Ok(Vec::new());
        };
        // Until all is taken in, because each event comes once.
        let was_behind = std::mem::replace(&mut self.behind, true);
        let events = watch.events()?;
        let mut changes = Vec::new();
        if was_behind {
            self.read_all()?;
            changes.push(StoreChange::Everything);
        }
        for event in events {
            match event {
                StoreEvent::Changed(id) => {
                    let read = Read::of(&self.directory, id)?;
                    changes.push(if self.take_in(id, read) {
                        StoreChange::Listing(id)
                    } else {
                        StoreChange::Descriptor(id)
                    });
                }
                StoreEvent::Removed(id) => {
                    if self.forget(id).is_some() {
                        changes.push(StoreChange::Listing(id));
                    }
                }
                StoreEvent::Gone => changes.push(StoreChange::Gone),
                StoreEvent::Lost => {
                    self.read_all()?;
                    changes.push(StoreChange::Everything);
                }
            }
        }
        self.behind = false;
        Ok(changes)
    }

    /// Sleeps until there are changes, a signal comes or the time is up.
    pub(super) fn sleep(&self, time: Duration) -> Result<()> {
        let watch = self.watch.as_ref().expect("who waits for changes has a watch");
        watch.sleep(time)
    }

    /// Reads all files, while the directory is being read.
    fn read_all(&mut self) -> Result<()> {
        self.buffers.clear();
        self.entries.clear();
        let (directory, threads) = (self.directory.clone(), self.threads);
        let ids = &Mutex::new(directory.published_ids()?);
        let index = &Mutex::new(self);
        let read = |_| {
            loop {
                let part: Vec<_> = locked(ids).by_ref().take(PART).collect::<Result<_>>()?;
                if part.is_empty() {
                    return Ok(());
                }
                let read = part.into_iter().map(|id| Ok((id, Read::of(&directory, id)?)));
                let read: Vec<_> = read.collect::<Result<_>>()?;
                let mut index = locked(index);
                for (id, read) in read {
                    index.take_in(id, read);
                }
            }
        };
        share_out(threads, read).map(drop)
    }

    /// Says whether the file is listed differently now.
    fn take_in(&mut self, id: Uuid, read: Read) -> bool {
        let before = self.forget(id);
        let (entry, summary) = match read {
            Read::Gone => return before.is_some(),
            Read::Damaged(problem) => (Entry::Damaged(problem), None),
            Read::Buffer(position, summary) => (Entry::Buffer(position), Some(summary)),
            Read::Pool(name) => (Entry::Pool(name), None),
            Read::Slot => (Entry::Slot, None),
        };
        let is_new = before.is_none_or(|before| before.0 != entry || before.1 != summary);
        if let (Entry::Buffer(position), Some(summary)) = (&entry, summary) {
            self.buffers.insert(*position, summary);
        }
        self.entries.insert(id, entry);
        is_new
    }

    fn forget(&mut self, id: Uuid) -> Option<(Entry, Option<Summary>)> {
        let entry = self.entries.remove(&id)?;
        let summary = match &entry {
            Entry::Buffer(position) => self.buffers.remove(position),
            _ => None,
        };
        Some((entry, summary))
    }

    /// Buffers and scenes, newest first.
    pub fn buffers(&self) -> impl DoubleEndedIterator<Item = (&ListPosition, &Summary)> {
        self.buffers.iter()
    }

    /// Those that can be read, newest first: not scenes that wait to be filled, and not buffers that are about to get their
    /// name.
    pub fn readable(&self) -> impl DoubleEndedIterator<Item = (&ListPosition, &Summary)> {
        self.buffers().filter(|(_, summary)| summary.is_readable())
    }

    /// One of the buffers and scenes.
    pub fn buffer(&self, id: Uuid) -> Option<(&ListPosition, &Summary)> {
        match self.entries.get(&id)? {
            Entry::Buffer(position) => self.buffers.get_key_value(position),
            _ => None,
        }
    }

    /// Pools with their names, in no order.
    pub fn pools(&self) -> impl Iterator<Item = (Uuid, Option<&str>)> {
        self.entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Pool(name) => Some((*id, name.as_deref())),
            _ => None,
        })
    }

    /// Files called `<id>.shm` that cannot be read as a buffer's, and what is wrong with each, by id.
    pub fn damaged(&self) -> impl Iterator<Item = (Uuid, &str)> {
        self.entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Damaged(problem) => Some((*id, problem.as_str())),
            _ => None,
        })
    }
}
