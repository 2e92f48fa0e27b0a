//! What is in the store, kept in memory and brought up to date by what the kernel tells of the directory.
//!
//! Reading 10,000 headers takes a tenth of a second; here a listing costs what changed since the last one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use dcc_mcp_shm::{BufferState, Error, FileRole, Store, StoreEvent, StoreWatch, Summary};
use dcc_mcp_shm_view::parallel::{cores, share_out};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::cursor::Position;
use crate::sync::lock;

/// Files that a thread reads before it asks for more: their names come from the kernel some hundred at a time.
const PART: usize = 64;

/// Something that happened to a file of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A buffer or pool came, went, or is listed differently.
    Listing(Uuid),
    /// It was opened or closed, which is seen in its descriptor only.
    Descriptor(Uuid),
    /// Nobody knows what.
    Everything,
}

#[derive(Debug, PartialEq)]
enum Entry {
    Buffer(Position),
    Pool(Option<String>),
    Slot,
    Damaged(String),
}

/// What came of reading a file's header.
enum Read {
    Buffer(Position, Summary),
    Pool(Option<String>),
    Slot,
    Damaged(String),
    Gone,
}

impl Read {
    fn of(store: &Store, id: Uuid) -> Result<Self, Error> {
        let summary = match store.summary(id) {
            Ok(summary) => summary,
            Err(error) if error.is_gone() => return Ok(Self::Gone),
            Err(error) if error.is_conclusive() => return Ok(Self::Damaged(error.to_string())),
            // What cannot be looked at now may be as good as any: it is looked at again.
            Err(error) => return Err(error),
        };
        Ok(match summary.role {
            FileRole::Buffer | FileRole::Scene => Self::Buffer(Position::of(summary.created, id), summary),
            FileRole::Pool => Self::Pool(summary.name),
            FileRole::Slot => Self::Slot,
        })
    }
}

/// The files of a store.
#[derive(Debug)]
pub(crate) struct Index {
    store: Store,
    /// None where the kernel lets this user watch no more, or a container lets nobody: all is read again each time then.
    watch: Option<StoreWatch>,
    buffers: BTreeMap<Position, Summary>,
    entries: HashMap<Uuid, Entry>,
    /// Whether something could not be taken in, so that all has to be read again.
    behind: bool,
    changes: broadcast::Sender<Change>,
}

impl Index {
    /// Reads the whole store. From here on changes are sent to whoever listens.
    pub(crate) fn new(store: Store, changes: broadcast::Sender<Change>) -> Result<Self, Error> {
        // Watched first: what happens while it is read is read again.
        let watch = match store.watch() {
            // There are no more, or this system lets nobody watch.
            Err(error) if error.forbids_watching() => {
                tracing::warn!(%error, "changes of the store are found only when it is looked at");
                None
            }
            watch => Some(watch?),
        };
        let mut index = Self {
            store,
            watch,
            buffers: BTreeMap::new(),
            entries: HashMap::new(),
            behind: false,
            changes,
        };
        index.read_all()?;
        Ok(index)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Its descriptor becomes readable when there is something to take in.
    pub(crate) fn watch(&self) -> Option<&StoreWatch> {
        self.watch.as_ref()
    }

    /// Takes in what happened since the last time: what was published before this call is found after it. Says
    /// whether the store is still there.
    pub(crate) fn refresh(&mut self) -> Result<bool, Error> {
        let Some(watch) = &self.watch else {
            self.read_all()?;
            return Ok(true);
        };
        // Until all is taken in: what is told of is told of once.
        let was_behind = std::mem::replace(&mut self.behind, true);
        let events = watch.events()?;
        if was_behind {
            self.read_all()?;
            self.tell(Change::Everything);
        }
        for event in events {
            match event {
                StoreEvent::Changed(id) => {
                    let listing = self.read(id)?;
                    self.tell(if listing {
                        Change::Listing(id)
                    } else {
                        Change::Descriptor(id)
                    });
                }
                StoreEvent::Removed(id) => {
                    if self.forget(id).is_some() {
                        self.tell(Change::Listing(id));
                    }
                }
                StoreEvent::Gone => {
                    self.tell(Change::Everything);
                    return Ok(false);
                }
                // Events were lost, or are of a kind that is not known here.
                _ => {
                    self.read_all()?;
                    self.tell(Change::Everything);
                }
            }
        }
        self.behind = false;
        Ok(true)
    }

    fn tell(&self, change: Change) {
        // Nobody listens: nobody wants to know.
        let _ = self.changes.send(change);
    }

    /// Reads all files on all cores, while the directory is being read.
    fn read_all(&mut self) -> Result<(), Error> {
        self.buffers.clear();
        self.entries.clear();
        let store = &self.store.clone();
        let ids = &Mutex::new(store.read_ids()?);
        let index = &Mutex::new(self);
        let read = |_| {
            loop {
                let part: Vec<_> = lock(ids).by_ref().take(PART).collect::<Result<_, _>>()?;
                if part.is_empty() {
                    return Ok(());
                }
                let read = part.into_iter().map(|id| Ok((id, Read::of(store, id)?)));
                let read: Vec<_> = read.collect::<Result<_, Error>>()?;
                let mut index = lock(index);
                for (id, read) in read {
                    index.take_in(id, read);
                }
            }
        };
        share_out(cores(), read).map(drop)
    }

    /// Reads one file's header; says whether it is listed differently now.
    fn read(&mut self, id: Uuid) -> Result<bool, Error> {
        let read = Read::of(&self.store, id)?;
        Ok(self.take_in(id, read))
    }

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
            self.buffers.insert(position.clone(), summary);
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
    pub(crate) fn buffers(&self) -> impl Iterator<Item = (&Position, &Summary)> {
        self.buffers.iter()
    }

    /// Those that can be read, newest first: not the scenes that wait to be filled.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (&Position, &Summary)> {
        let readable = |state| matches!(state, BufferState::Sealed | BufferState::Open);
        self.buffers().filter(move |(_, summary)| readable(summary.state))
    }

    /// Pools with their names, in no order.
    pub(crate) fn pools(&self) -> impl Iterator<Item = (Uuid, Option<&str>)> {
        self.entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Pool(name) => Some((*id, name.as_deref())),
            _ => None,
        })
    }

    /// Files with a buffer's name that are none, and what is wrong with them, by id.
    pub(crate) fn damaged(&self) -> BTreeMap<Uuid, &str> {
        let damaged = self.entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Damaged(problem) => Some((*id, problem.as_str())),
            _ => None,
        });
        damaged.collect()
    }
}
