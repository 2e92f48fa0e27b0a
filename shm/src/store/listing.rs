//! Looking at what is there, without holding or renewing anything, and deleting it.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::io::Errno;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::Store;
use crate::descriptor::{BufferState, Descriptor};
use crate::error::{Error, Result};
use crate::header::{AT_SEQUENCE, Role};
use crate::segment::{self, Segment, Snapshot};
use crate::slot_holder::SlotHolder;
use crate::sys::{self, Access, GuardedFile, Mode};
use crate::target::Target;
use crate::text::check_name;

/// How a buffer can be referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// Its id.
    Id(Uuid),
    /// Its name.
    Name(String),
    /// A whole descriptor.
    Descriptor(String),
}

impl FromStr for Reference {
    type Err = Error;

    /// Reads an id, a descriptor (JSON starts with a brace) or else a name. A name that looks like an id or like
    /// JSON has to be given as [`Reference::Name`].
    fn from_str(text: &str) -> Result<Self> {
        if text.trim_start().starts_with('{') {
            return Ok(Self::Descriptor(text.to_owned()));
        }
        if let Ok(id) = Uuid::parse_str(text) {
            return Ok(Self::Id(id));
        }
        check_name("buffer", text)?;
        Ok(Self::Name(text.to_owned()))
    }
}

impl From<Uuid> for Reference {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

/// What a store holds.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Buffers and scenes, newest first. The slots of pools are not among them.
    pub buffers: Vec<Descriptor>,
    /// Pools, newest first.
    pub pools: Vec<PoolStatus>,
    /// Files with a buffer's name that are none.
    pub damaged: Vec<DamagedFile>,
}

/// A pool, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PoolStatus {
    /// Id of the pool: a UUID.
    pub id: Uuid,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How many bytes each slot holds.
    pub buffer_size: u64,
    /// Whether it stays when nobody has it open.
    pub persistent: bool,
    /// When it was made: RFC 3339, UTC.
    pub created_at: String,
    /// Its slots, in order.
    pub slots: Vec<SlotStatus>,
}

impl PoolStatus {
    /// How many slots nobody has.
    pub fn free(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.in_use).count()
    }
}

/// A slot of a pool, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotStatus {
    /// Id of the slot: a UUID.
    pub id: Uuid,
    /// How often it has been given out.
    pub generation: u64,
    /// How many bytes are stored in it.
    pub data_len: u64,
    /// Whether somebody has it.
    pub in_use: bool,
    /// Who it was given to, if that one has it still: others may have it open to read.
    pub holder: Option<SlotHolder>,
}

/// A file with a buffer's name that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DamagedFile {
    /// The id that its name has.
    pub id: Uuid,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl Store {
    /// Everything in the store. Nothing is held, and no time to live is renewed.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`] and [`Error::TooManyOpenFiles`] when the directory or one of its files cannot be
    /// looked at. Damaged files are in the listing.
    pub fn list(&self) -> Result<Listing> {
        let mut found = Vec::new();
        let mut listing = Listing::default();
        for file in self.files()?.into_iter().filter(|file| !file.draft) {
            match self.look(file.id) {
                Ok(snapshot) => found.push(snapshot),
                // Deleted since the directory was read.
                Err(error) if error.is_gone() => {}
                Err(error) if error.is_conclusive() => listing.damaged.push(DamagedFile {
                    id: file.id,
                    path: self.file_path(file.id),
                    problem: error.to_string(),
                }),
                // What cannot be looked at now may be as good as any.
                Err(error) => return Err(error),
            }
        }
        found.sort_by_key(|snapshot| (std::cmp::Reverse(snapshot.created()), snapshot.header.id));
        for snapshot in found {
            match snapshot.header.role {
                Role::Pool => listing.pools.push(self.pool_status(&snapshot)?),
                Role::Slot => {}
                Role::Buffer | Role::Scene => listing.buffers.push(self.describe_snapshot(&snapshot)?),
            }
        }
        listing.damaged.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listing)
    }

    /// The descriptor of a buffer, scene or slot, as it is now. Nothing is held, and no time to live is renewed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::InvalidDescriptor`], [`Error::Damaged`], [`Error::Io`].
    pub fn describe(&self, reference: &Reference) -> Result<Descriptor> {
        self.describe_snapshot(&self.find(reference)?)
    }

    /// The status of one pool, by id, name or descriptor.
    ///
    /// # Errors
    /// As [`Store::describe`], and [`Error::WrongRole`] when it is no pool.
    pub fn pool(&self, reference: &Reference) -> Result<PoolStatus> {
        let snapshot = self.find(reference)?;
        if snapshot.header.role != Role::Pool {
            return Err(Error::WrongRole {
                id: snapshot.header.id,
                expected: Role::Pool.as_str(),
                found: snapshot.header.role.as_str(),
            });
        }
        self.pool_status(&snapshot)
    }

    /// Deletes a buffer, or a pool with its slots. Whoever has it open keeps what they see. A damaged file is deleted by
    /// its id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::WrongRole`] for a slot, which goes with its pool; see also
    /// [`Store::describe`].
    pub fn delete(&self, reference: &Reference) -> Result<()> {
        self.at_place(reference, |place| self.delete_at(place))
    }

    fn delete_at(&self, Place { id, generation }: Place) -> Result<()> {
        let snapshot = match self.look(id) {
            Err(Error::Damaged { .. } | Error::UnsupportedVersion { .. }) => return self.unlink(id),
            looked => looked?,
        };
        snapshot.expect_generation(generation)?;
        if snapshot.header.role == Role::Slot {
            return Err(Error::WrongRole {
                id,
                expected: "buffer, scene or pool",
                found: Role::Slot.as_str(),
            });
        }
        self.remove(id)
    }

    /// The id that is meant. Whether it exists is seen when it is opened.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that nothing has; [`Error::InvalidDescriptor`] for a descriptor of another store.
    pub fn resolve(&self, reference: &Reference) -> Result<Uuid> {
        self.locate(reference).map(|place| place.id)
    }

    /// The same, and which use of a slot is meant.
    pub(crate) fn locate(&self, reference: &Reference) -> Result<Place> {
        let whichever = |id| Place { id, generation: None };
        match reference {
            Reference::Id(id) => Ok(whichever(*id)),
            Reference::Name(name) => self
                .holder_of_name(name)?
                .map(whichever)
                .ok_or_else(|| self.not_found(name)),
            Reference::Descriptor(json) => {
                let target = Target::parse(json)?;
                if !self.is_file_path(target.id, &target.path)? {
                    return Err(Error::descriptor(format!(
                        "its file {} is not the one of {} in this store, {}",
                        target.path.display(),
                        target.id,
                        self.path().display()
                    )));
                }
                Ok(Place {
                    id: target.id,
                    generation: Some(target.generation),
                })
            }
        }
    }

    /// Whether a path leads to the file with this id in this store. Links among the directories above the store change the path
    /// and not where it leads; a link in the place of the store is refused here as it is when a store is opened.
    fn is_file_path(&self, id: Uuid, path: &Path) -> Result<bool> {
        let own = self.file_path(id);
        if path == own {
            return Ok(true);
        }
        let Some(directory) = path
            .parent()
            .filter(|_| path.is_absolute() && path.file_name() == own.file_name())
        else {
            return Ok(false);
        };
        match sys::stat_path(directory) {
            Ok(stat) => Ok(stat.is_some_and(|stat| stat.same_file(&self.0.stat))),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::NAMETOOLONG | Errno::INVAL) => Ok(false),
                _ => Err(Error::io("look at", directory, error)),
            },
        }
    }

    /// Does something with what is meant, once more where a name goes over to another buffer before that is done.
    pub(crate) fn at_place<T>(&self, reference: &Reference, act: impl Fn(Place) -> Result<T>) -> Result<T> {
        let mut place = self.locate(reference)?;
        loop {
            let id = place.id;
            match act(place) {
                Err(error) if error.is_gone() && matches!(reference, Reference::Name(_)) => {
                    place = self.locate(reference)?;
                    if place.id == id {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }

    /// Reads the header of what is meant, without holding it.
    pub(super) fn find(&self, reference: &Reference) -> Result<Snapshot> {
        self.at_place(reference, |Place { id, generation }| {
            let snapshot = self.look(id)?;
            snapshot.expect_generation(generation)?;
            Ok(snapshot)
        })
    }

    /// Reads a file's header without holding the file.
    pub(crate) fn look(&self, id: Uuid) -> Result<Snapshot> {
        let file = segment::open_file(self, id, Access::Read)?;
        segment::snapshot(&file, &self.file_path(id), id)
    }

    /// The state, also asking whether somebody is filling an empty scene.
    pub(crate) fn state(&self, snapshot: &Snapshot) -> Result<BufferState> {
        if snapshot.state() != BufferState::Empty {
            return Ok(snapshot.state());
        }
        let id = snapshot.header.id;
        let file = segment::open_file(self, id, Access::Read)?;
        let locked = |byte, mode| {
            sys::is_locked_against(file.as_fd(), byte, mode)
                .map_err(|error| Error::io("look at the lock of", &self.file_path(id), error))
        };
        // Who seals it has the second one.
        let filling = locked(sys::BYTE_DATA, Mode::Shared)? || locked(sys::BYTE_GATE, Mode::Exclusive)?;
        if filling {
            return Ok(BufferState::Filling);
        }
        // It may have been sealed between the two looks.
        Ok(segment::snapshot(&file, &self.file_path(id), id)?.state())
    }

    /// The same of a file that may be gone by now.
    pub(super) fn last_state(&self, snapshot: &Snapshot) -> Result<BufferState> {
        match self.state(snapshot) {
            Err(error) if error.is_gone() => Ok(snapshot.state()),
            state => state,
        }
    }

    /// The descriptor of a file whose header was read.
    pub(crate) fn describe_snapshot(&self, snapshot: &Snapshot) -> Result<Descriptor> {
        let mut descriptor = Descriptor::new(self, snapshot, self.last_state(snapshot)?);
        // Another may have taken the name over: the link says which buffer has it.
        descriptor.name = self.still_named(descriptor.name, descriptor.id)?;
        Ok(descriptor)
    }

    fn pool_status(&self, snapshot: &Snapshot) -> Result<PoolStatus> {
        let header = &snapshot.header;
        let facts = header.metadata.pool.as_ref();
        let slots = facts.map_or(&[][..], |facts| &facts.slots);
        Ok(PoolStatus {
            id: header.id,
            name: self.still_named(header.metadata.name.clone(), header.id)?,
            buffer_size: facts.map_or(0, |facts| facts.buffer_size),
            persistent: facts.is_some_and(|facts| facts.persistent),
            created_at: snapshot.created_at(),
            slots: slots.iter().map(|&id| self.slot_status(id)).collect::<Result<_>>()?,
        })
    }

    /// A slot that is damaged or gone counts as in use: nobody can be given it.
    fn slot_status(&self, id: Uuid) -> Result<SlotStatus> {
        let look = || -> Result<SlotStatus> {
            let path = self.file_path(id);
            let file = segment::open_file(self, id, Access::Read)?;
            let locked = |byte| {
                sys::is_locked_against(file.as_fd(), byte, Mode::Exclusive)
                    .map_err(|error| Error::io("look at the locks of", &path, error))
            };
            // The locks first: who is recorded is not older than what they say.
            let given = locked(sys::BYTE_SLOT)?;
            let in_use = given || locked(sys::BYTE_DATA)?;
            let words = segment::snapshot(&file, &path, id)?.words;
            Ok(SlotStatus {
                id,
                generation: words.generation,
                data_len: words.data_len,
                in_use,
                holder: given.then(|| words.holder.of(words.generation)).flatten(),
            })
        };
        match look() {
            Err(error) if error.is_conclusive() => Ok(SlotStatus {
                id,
                generation: 0,
                data_len: 0,
                in_use: true,
                holder: None,
            }),
            looked => looked,
        }
    }

    /// Removes a file and frees its name; a pool goes with its slots.
    pub(crate) fn remove(&self, id: Uuid) -> Result<()> {
        let name = self.name_of(id);
        self.unlink_with_slots(id)?;
        self.free_name(name, id, || self.lock().map(Some));
        Ok(())
    }

    /// Removes a file alone, and frees its name.
    pub(crate) fn remove_file(&self, id: Uuid) -> Result<()> {
        let name = self.name_of(id);
        self.unlink(id)?;
        self.free_name(name, id, || self.lock().map(Some));
        Ok(())
    }

    /// The same for collectors, who remove many and wait for no lock each time: what they leave, the next one finds.
    pub(super) fn collect_file(&self, id: Uuid) -> Result<()> {
        let name = self.name_of(id);
        self.unlink(id)?;
        self.free_name(name, id, || self.lock_if_free());
        Ok(())
    }

    fn name_of(&self, id: Uuid) -> Option<String> {
        self.look(id).ok()?.header.metadata.name
    }

    /// Frees the name of a file that is gone. Until then it says nothing; were it freed first, a process that dies between
    /// the two would leave a file that nobody finds.
    fn free_name(&self, name: Option<String>, id: Uuid, lock: impl FnOnce() -> Result<Option<GuardedFile>>) {
        let Some(name) = name else { return };
        let freed = lock().and_then(|lock| match lock {
            Some(_lock) => self.unbind_name(&name, id),
            None => Ok(()),
        });
        if let Err(error) = freed {
            tracing::debug!(%id, %error, "a name is left to the next sweep");
        }
    }

    /// Removes a file that has no name, or not any more; a pool goes with its slots.
    fn unlink_with_slots(&self, id: Uuid) -> Result<()> {
        let slots = match self.look(id) {
            Err(error) if error.is_conclusive() => Vec::new(),
            looked => looked?.header.metadata.pool.map_or(Vec::new(), |pool| pool.slots),
        };
        self.unlink(id)?;
        self.unlink_slots(id, slots);
        Ok(())
    }

    /// Removes the slots of a pool that is gone. Those that cannot be looked at or removed are left to the next sweep, which takes
    /// slots without a pool.
    pub(super) fn unlink_slots(&self, pool: Uuid, slots: Vec<Uuid>) {
        for slot in slots {
            // A pool's list is only believed where the slot says the same.
            let removed = match self.look(slot) {
                Ok(snapshot) if snapshot.header.metadata.slot_of == Some(pool) => self.unlink(slot),
                Err(error) if !error.is_conclusive() => Err(error),
                _ => Ok(()),
            };
            if let Err(error) = removed {
                tracing::warn!(%slot, %error, "a slot of a deleted pool is left to the next sweep");
            }
        }
    }

    /// Removes a file; one that is gone already is fine. Who waits for a write to it is woken.
    pub(super) fn unlink(&self, id: Uuid) -> Result<()> {
        // Those who are not woken, because it cannot be opened or mapped, look again soon.
        let opened = Segment::open_unlocked(self, id).ok();
        sys::remove(self.directory(), &Self::file_name(id))
            .map_err(|error| Error::io("delete", &self.file_path(id), error))?;
        if let Some((segment, snapshot)) = opened
            && snapshot.header.role == Role::Buffer
            && let Ok(mapping) = segment.shared()
        {
            sys::wake_all(mapping.word(AT_SEQUENCE));
        }
        Ok(())
    }
}

/// What a reference means in a store.
pub(crate) struct Place {
    pub(crate) id: Uuid,
    /// Of a descriptor, that of the slot when it was made.
    pub(crate) generation: Option<u64>,
}
