//! Filling a scene in place: foreign code writes into the shared memory itself, and then it is sealed.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use crate::descriptor::BufferState;
use crate::error::{Error, Result};
use crate::header::{AT_DATA_LEN, AT_STATE, Role, State};
use crate::layout::Layout;
use crate::memory::{OpenMemory, WritableMemory};
use crate::new_scene::{NewScene, Parts};
use crate::options::BufferOptions;
use crate::scene::SharedSceneBuffer;
use crate::sealing::{self, Seen};
use crate::segment::{self, Segment, map_file};
use crate::store::{Reference, Store};
use crate::sys::{self, Access, GuardedFile, Mode, Protection, Source};

/// A scene that is being filled. It is published by [`SceneWriter::finish`]; dropped without, it leaves nothing.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
/// use dcc_mcp_shm::{ArraySpec, BufferOptions, Layout, SceneWriter};
///
/// let layout = Layout::new([("position", ArraySpec::new("f4".parse()?, [2, 3]))])?;
/// let writer = SceneWriter::new(&store, layout, BufferOptions::default())?;
/// writer.memory().copy_in(0, &1.5f32.to_le_bytes())?;
/// let scene = writer.finish()?;
/// assert_eq!(scene.view()?[..4], 1.5f32.to_le_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SceneWriter {
    memory: OpenMemory,
    layout: Layout,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// A file of ours that nobody has seen.
    New {
        store: Store,
        file: NewScene,
        options: BufferOptions,
    },
    /// An empty scene that somebody made for us.
    Published { segment: Segment, writer: GuardedFile },
}

impl SceneWriter {
    /// Makes a scene to be filled by the caller, with its memory reserved.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::NameTaken`], [`Error::Io`].
    pub fn new(store: &Store, layout: Layout, options: BufferOptions) -> Result<Self> {
        let (file, mapping) = store.make(|| {
            let file = NewScene::create(store, &layout, None, &options, State::Sealed)?;
            let mapping = file.draft.map_reserved(file.payload)?;
            Ok((file, mapping))
        })?;
        let memory = Self::memory_of(mapping, file.payload, &layout)?;
        Ok(Self {
            memory,
            layout,
            target: Target::New {
                store: store.clone(),
                file,
                options,
            },
        })
    }

    /// Opens a scene that was made empty ([`SharedSceneBuffer::create_empty`]) to fill it. Nobody else can do so
    /// meanwhile. A writer that goes without finishing leaves it empty.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it has been filled, [`Error::Busy`] when somebody is filling it, [`Error::NoLeases`] when the
    /// system could not tell afterwards whether anybody still writes to it, [`Error::Damaged`]; see also
    /// [`SharedSceneBuffer::open`].
    pub fn fill(store: &Store, reference: &Reference) -> Result<Self> {
        let (segment, snapshot) = store.at_place(reference, |place| Segment::open(store, place.id, Access::Read))?;
        let (id, path) = (segment.id(), segment.path());
        snapshot.expect(Role::Scene)?;
        if snapshot.state() == BufferState::Sealed {
            return Err(Error::Sealed { id });
        }
        sealing::check_leases(id, segment.file()?, &path)?;
        // Looked at first, because root can open it also while it is being sealed, which each writer that is open holds up.
        if is_being_filled(&segment)? || is_being_sealed(&segment)? {
            return Err(being_filled(&segment));
        }
        let writer = open_writer(&segment)?;
        let locked = sys::lock_byte(writer.as_fd(), sys::BYTE_DATA, Mode::Exclusive, Duration::ZERO)
            .map_err(|error| Error::io("lock", &path, error))?;
        if !locked || is_being_sealed(&segment)? {
            drop(writer);
            return Err(being_filled(&segment));
        }
        // Read again: it may have been filled and sealed just before the lock was taken.
        let snapshot = segment.snapshot_of(Role::Scene)?;
        if snapshot.state() == BufferState::Sealed {
            return Err(Error::Sealed { id });
        }
        let metadata = &snapshot.header.metadata;
        // What is compressed is sealed before anybody sees it, and its layout is longer than its file.
        if metadata.codec.is_some() {
            return Err(Error::damaged(&path, "it is compressed and not sealed"));
        }
        // What makes it a sealed scene in the end is written to its header.
        store.check_file_size(snapshot.payload)?;
        let layout = Layout::from_placed(metadata.arrays.clone(), metadata.size)?;
        let mapping = map_file(&writer, snapshot.stat.len, &path, Protection::Shared)?;
        let memory = Self::memory_of(mapping, snapshot.payload, &layout)?;
        Ok(Self {
            memory,
            layout,
            target: Target::Published { segment, writer },
        })
    }

    fn memory_of(mapping: sys::Mapping, payload: u64, layout: &Layout) -> Result<OpenMemory> {
        let size = |len: u64| usize::try_from(len).map_err(|_| Error::invalid("shape", "more than memory can be"));
        Ok(OpenMemory::new(mapping, size(payload)?, size(layout.size())?))
    }

    /// The memory of the whole payload; arrays lie in it as [`SceneWriter::layout`] says.
    pub fn memory(&self) -> &Arc<WritableMemory> {
        self.memory.get()
    }

    /// Where the arrays lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Seals the scene and lets everybody see it. From now on the memory is this process's own.
    ///
    /// # Errors
    /// [`Error::StillWritable`] when something else can write to the file, [`Error::NoLeases`], [`Error::NameTaken`] and
    /// [`Error::StoreFull`] as in [`SceneWriter::new`], [`Error::Io`]. Nothing is published then.
    pub fn finish(self) -> Result<SharedSceneBuffer> {
        let Self { memory, layout, target } = self;
        let memory = memory.get();
        let (id, is_own) = match &target {
            Target::New { file, .. } => (file.draft.id(), file.draft.writer().is_own()),
            Target::Published { segment, writer } => (segment.id(), writer.is_own()),
        };
        if !is_own {
            return Err(Error::Forked { id });
        }
        match target {
            Target::New { store, file, options } if options.wants_compression() => {
                // Compressed it is another file; this one goes.
                let sources = vec![(0, memory.source())];
                let scene = Parts { layout, sources }.publish(&store, &options)?;
                if let Err(error) = memory.detach(file.draft.holder(), &file.draft.path()) {
                    tracing::warn!(%id, %error, "memory that was filled becomes zeros where it is still looked at");
                }
                Ok(scene)
            }
            Target::New {
                store,
                mut file,
                options,
            } => {
                let detached = memory.detach(file.draft.holder(), &file.draft.path());
                detached
                    .and_then(|()| file.draft.seal())
                    .map_err(Error::nothing_published)?;
                // What was filled is not lost for want of room for its name.
                store.make(|| file.publish(&options))
            }
            Target::Published { segment, writer } => {
                let path = segment.path();
                segment.with_file_without_locks(|file| memory.detach(file, &path))?;
                let write = |at: usize, word: u64| {
                    Source::from(&word.to_le_bytes())
                        .write_at(writer.as_fd(), at as u64)
                        .map_err(|error| Error::io("write", &path, error))
                };
                write(AT_DATA_LEN, layout.size())?;
                write(AT_STATE, State::Sealed as u64)?;
                // Until the scene is sealed, this lock keeps other fillers away. Both are given back by name: closing does
                // it too, but not before a process that is being forked just now has closed its copy.
                let holder = segment.file()?;
                sys::lock_byte(holder.as_fd(), sys::BYTE_GATE, Mode::Shared, Duration::ZERO)
                    .map_err(|error| Error::io("lock", &path, error))?;
                let unlock = |file: &GuardedFile, byte| {
                    sys::unlock_byte(file.as_fd(), byte).map_err(|error| Error::io("unlock", &path, error))
                };
                unlock(&writer, sys::BYTE_DATA)?;
                let sealed = sealing::seal(segment.id(), holder, Some(writer), &path, Seen::ByOthers);
                if let Err(error) = unlock(holder, sys::BYTE_GATE) {
                    tracing::warn!(%id, %error, "a lock is held until its scene is closed");
                }
                sealed?;
                Ok(SharedSceneBuffer::from_segment(segment))
            }
        }
    }
}

/// Opens an empty scene for writing. One that a filler left in the middle of sealing cannot be: it becomes writable
/// again, as nobody is there to finish it.
fn open_writer(segment: &Segment) -> Result<GuardedFile> {
    let (store, id) = (segment.store(), segment.id());
    match segment::open_file(store, id, Access::ReadWrite) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {}
        // The mode does not stop root, who meets the lease that sealing takes for a moment.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::WouldBlock => return Err(being_filled(segment)),
        opened => return opened,
    }
    // Of several that find it so, one makes it writable: a second one could undo what has been sealed since.
    let _lock = store.lock()?;
    let file = segment.file()?;
    let failed = |error| Error::io("lock", &segment.path(), error);
    if !sys::lock_byte(file.as_fd(), sys::BYTE_GATE, Mode::Shared, Duration::ZERO).map_err(failed)? {
        return Err(being_filled(segment));
    }
    let opened = reopen_half_sealed(segment);
    sys::unlock_byte(file.as_fd(), sys::BYTE_GATE).map_err(failed)?;
    opened
}

/// Opens a scene that was left in the middle of sealing; the caller has the gate, so that nobody begins to fill it, not even
/// through a descriptor from before. Who began earlier has the data lock, or has gone on to the gate, or has sealed it, and is
/// looked for in this order.
fn reopen_half_sealed(segment: &Segment) -> Result<GuardedFile> {
    let (store, id) = (segment.store(), segment.id());
    if is_being_filled(segment)? || is_being_sealed(segment)? {
        return Err(being_filled(segment));
    }
    if is_half_sealed(segment)? {
        sealing::make_writable(segment.file()?, &segment.path())?;
    }
    if segment.snapshot_of(Role::Scene)?.state() == BufferState::Sealed {
        return Err(Error::Sealed { id });
    }
    segment::open_file(store, id, Access::ReadWrite)
}

fn is_half_sealed(segment: &Segment) -> Result<bool> {
    let stat = segment.file()?.stat();
    stat.map(|stat| stat.mode == sealing::MODE_SEALING)
        .map_err(|error| Error::io("look at", &segment.path(), error))
}

fn is_being_filled(segment: &Segment) -> Result<bool> {
    sys::is_locked_against(segment.file()?.as_fd(), sys::BYTE_DATA, Mode::Shared)
        .map_err(|error| Error::io("look at the lock of", &segment.path(), error))
}

fn is_being_sealed(segment: &Segment) -> Result<bool> {
    sys::is_locked_against(segment.file()?.as_fd(), sys::BYTE_GATE, Mode::Exclusive)
        .map_err(|error| Error::io("look at the lock of", &segment.path(), error))
}

fn being_filled(segment: &Segment) -> Error {
    Error::Busy {
        what: "the empty scene (somebody is filling it)",
        waited: Duration::ZERO,
        holder: segment.file().ok().and_then(|file| segment.store().data_holder(file)),
    }
}
