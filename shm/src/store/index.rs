//! What is in a store, kept in memory and brought up to date by the events that the kernel gives of the directory.
//!
//! Reading 10,000 headers takes a tenth of a second; a listing from an index costs what changed since the last one.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use uuid::Uuid;

use super::entries::{Entries, Entry, Read};
use super::horizon::Horizon;
use super::position::ListPosition;
use super::watch::{StoreEvent, StoreWatch};
use super::{Store, Summary};
use crate::directory::{Directory, PublicationCount};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::share_out::share_out;
use crate::sys::parallel::locked;

/// Files that a thread reads before it asks for more.
const PART: usize = 64;
/// How often a name is followed to the file that has it now, as another may take the name over while that one is read.
const MOST_MOVES: usize = 64;

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
    pub(super) directory: Directory,
    /// None where the kernel gives this user no more watches, or a container forbids watching. Everything is read again each
    /// time then.
    watch: Option<StoreWatch>,
    threads: usize,
    pub(super) entries: Entries,
    /// How many publications there had been before the store was looked at last.
    pub(super) count: Option<PublicationCount>,
    /// Up to where this had seen what was published when somebody asked.
    pub(super) horizon: Mutex<Option<Horizon>>,
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
            entries: Entries::default(),
            count: None,
            horizon: Mutex::default(),
            behind: false,
        };
        let links = index.read_files()?;
        if index.watch.is_some() {
            // The watch tells of what changed meanwhile, so only names that moved are followed again.
            index.refresh()?;
        } else {
            index.settle_all(links)?;
        }
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
        let before = std::mem::replace(&mut self.count, self.directory.publication_count()?);
        let events = watch.events_and_links(&mut self.entries.moved_links)?;
        let mut changes = Vec::new();
        if was_behind {
            self.read_all()?;
            changes.push(StoreChange::Everything);
        }
        for event in events {
            match event {
                StoreEvent::Changed(id) => changes.push(self.read(id)?),
                StoreEvent::Removed(id) => {
                    if self.entries.forget(id).is_some() {
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
        self.settle_names(&mut changes)?;
        if before != self.count {
            for id in self.entries.ahead.clone() {
                changes.push(self.read(id)?);
            }
        }
        self.behind = false;
        Ok(changes)
    }

    /// Reads a file anew.
    fn read(&mut self, id: Uuid) -> Result<StoreChange> {
        let read = Read::of(&self.directory, id, self.count)?;
        Ok(if self.entries.take_in(id, read) {
            StoreChange::Listing(id)
        } else {
            StoreChange::Descriptor(id)
        })
    }

    /// Reads files until each name that moved is that of the one file that its link says, also if another file takes it over meanwhile.
    fn settle_names(&mut self, changes: &mut Vec<StoreChange>) -> Result<()> {
        for _ in 0..MOST_MOVES {
            for link in std::mem::take(&mut self.entries.moved_links) {
                self.settle_name(&link, changes)?;
            }
            for id in std::mem::take(&mut self.entries.displaced) {
                changes.push(self.read(id)?);
            }
            if self.entries.moved_links.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn settle_name(&mut self, link: &str, changes: &mut Vec<StoreChange>) -> Result<()> {
        let mut before = None;
        for _ in 0..MOST_MOVES {
            let Some(id) = self.directory.named_by(link)? else {
                return Ok(());
            };
            if self.entries.holder(link) == Some(id) {
                return Ok(());
            }
            changes.push(self.read(id)?);
            // It has the name, or the link says so of a file that is gone or has another name.
            if self.entries.holder(link) == Some(id) || before.replace(id) == Some(id) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sleeps until there are changes, a signal comes or the time is up.
    pub(super) fn sleep(&self, time: Duration) -> Result<()> {
        let watch = self.watch.as_ref().expect("who waits for changes has a watch");
        watch.sleep(time)
    }

    /// Reads all files, and then once more which of them has which name.
    fn read_all(&mut self) -> Result<()> {
        let links = self.read_files()?;
        self.settle_all(links)
    }

    fn settle_all(&mut self, links: BTreeSet<String>) -> Result<()> {
        self.entries.moved_links.extend(links);
        self.settle_names(&mut Vec::new())
    }

    /// Reads all files, and gives the links for names that there were before.
    fn read_files(&mut self) -> Result<BTreeSet<String>> {
        self.entries = Entries::default();
        // Before the directory is read, so that nothing with a number up to this comes later unnoticed.
        self.count = self.directory.publication_count()?;
        let (directory, count, threads) = (self.directory.clone(), self.count, self.threads);
        let (ids, links) = directory.ids_and_links()?;
        let ids = &Mutex::new(ids.into_iter());
        let entries = &Mutex::new(&mut self.entries);
        let read = |_| -> Result<()> {
            loop {
                let part: Vec<_> = locked(ids).by_ref().take(PART).collect();
                if part.is_empty() {
                    return Ok(());
                }
                let read = part.into_iter().map(|id| Ok((id, Read::of(&directory, id, count)?)));
                let read: Vec<_> = read.collect::<Result<_>>()?;
                let mut entries = locked(entries);
                for (id, read) in read {
                    entries.take_in(id, read);
                }
            }
        };
        share_out(threads, read)?;
        Ok(links)
    }

    /// Buffers and scenes, newest first. How many there are costs no look at each.
    pub fn buffers(&self) -> impl DoubleEndedIterator<Item = (&ListPosition, &Summary)> + ExactSizeIterator {
        self.entries.buffers.iter()
    }

    /// Those that can be read, newest first: not scenes that wait to be filled, and not buffers that are about to get their
    /// name.
    pub fn readable(&self) -> impl DoubleEndedIterator<Item = (&ListPosition, &Summary)> {
        self.buffers().filter(|(_, summary)| summary.is_readable())
    }

    /// One of the buffers and scenes.
    pub fn buffer(&self, id: Uuid) -> Option<(&ListPosition, &Summary)> {
        match self.entries.all.get(&id)? {
            Entry::Buffer(position) => self.entries.buffers.get_key_value(position),
            _ => None,
        }
    }

    /// Pools with their names, in no order.
    pub fn pools(&self) -> impl Iterator<Item = (Uuid, Option<&str>)> {
        self.entries.all.iter().filter_map(|(id, entry)| match entry {
            Entry::Pool { name, .. } => Some((*id, name.as_deref())),
            _ => None,
        })
    }

    /// Files called `<id>.shm` that cannot be read as a buffer's, and what is wrong with each, by id.
    pub fn damaged(&self) -> impl Iterator<Item = (Uuid, &str)> {
        self.entries.unreadable().filter_map(|(id, entry)| match entry {
            Entry::Damaged(problem) | Entry::Ahead(problem) => Some((id, problem.as_str())),
            _ => None,
        })
    }

    /// Files that newer programs made, and the format version of each, by id.
    pub fn newer(&self) -> impl Iterator<Item = (Uuid, u64)> {
        self.entries.unreadable().filter_map(|(id, entry)| match entry {
            Entry::Newer(version) => Some((id, *version)),
            _ => None,
        })
    }
}
