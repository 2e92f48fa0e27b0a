//! Filling a scene in place: foreign code writes into the shared memory itself, and then it is sealed.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::SharedSceneBuffer;
use super::filling::{being_filled, is_being_filled, is_being_sealed, open_writer};
use super::new::NewScene;
use super::sealing::{Audience, check_leases, finish_visible, seal, seal_draft};
use super::write::Parts;
use crate::collector::Collector;
use crate::directory::{Directory, Reference, map_file};
use crate::error::{Error, Result};
use crate::format::{AT_DATA_LEN, AT_STATE, BufferOptions, BufferState, CheckedOptions, Layout, Role, State};
use crate::memory::{OpenMemory, WritableMemory};
use crate::segment::Segment;
use crate::sys::{self, Access, GuardedFile, LockByte, LockMode, Mapping, Protection, Source};

/// A scene that is being filled. It is published by [`SceneWriter::finish`]; dropped without, it leaves nothing.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
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
    goal: WriteGoal,
}

/// Up to this size a scene is filled in memory of this process, and written to its file when it is sealed: to enter the pages of a new
/// file in a mapping, and to take them out again, takes longer than to copy them.
const STAGED_UP_TO: u64 = 2 << 20;

#[derive(Debug)]
enum WriteGoal {
    /// A scene of which there is no file yet.
    Staged {
        directory: Directory,
        id: Uuid,
        process: u64,
        options: Box<CheckedOptions>,
    },
    /// A file of ours that nobody has seen.
    New {
        directory: Directory,
        file: NewScene,
        options: Box<CheckedOptions>,
    },
    /// An empty scene that somebody made for us.
    Published { writer: GuardedFile, segment: Segment },
}

impl SceneWriter {
    /// Makes a scene in this directory to be filled by the caller.
    pub(crate) fn new_in(directory: &Directory, layout: Layout, options: BufferOptions) -> Result<Self> {
        let options = options.checked().map_err(Error::nothing_published)?;
        if layout.size() <= STAGED_UP_TO {
            return Self::staged(directory, layout, options);
        }
        let (file, mapping) = Collector(directory).make(|| {
            let file = NewScene::create(directory, &layout, None, &options, State::Sealed)?;
            let mapping = file.draft.map_reserved(file.payload)?;
            Ok((file, mapping))
        })?;
        let memory = Self::memory_of(mapping, file.payload, &layout)?;
        Ok(Self {
            memory,
            layout,
            goal: WriteGoal::New {
                directory: directory.clone(),
                file,
                options: Box::new(options),
            },
        })
    }

    /// A scene of which everything is found out now that can be, and the file made when it is sealed.
    fn staged(directory: &Directory, layout: Layout, options: CheckedOptions) -> Result<Self> {
        Collector(directory)
            .check_name(&options)
            .and_then(|()| directory.check_file_size(layout.size()))
            .map_err(Error::nothing_published)?;
        let (header, _) = NewScene::header(&layout, None, &options, State::Sealed)?;
        let (id, len) = (header.id, layout.size());
        let len = usize::try_from(len).map_err(|_| Error::invalid("shape", "more than memory can be"))?;
        let memory = Collector(directory).make(|| {
            let failed =
                |error| directory.write_failed("take memory to fill a scene of", directory.path(), len as u64, error);
            OpenMemory::staging(len).map_err(failed)
        })?;
        Ok(Self {
            memory,
            layout,
            goal: WriteGoal::Staged {
                directory: directory.clone(),
                id,
                process: sys::process_generation(),
                options: Box::new(options),
            },
        })
    }

    /// Opens an empty scene of this directory to fill it.
    pub(crate) fn fill_in(directory: &Directory, reference: &Reference) -> Result<Self> {
        let (segment, snapshot) =
            directory.at_found(reference, |found| Segment::open(directory, found.id, Access::Read))?;
        let (id, path) = (segment.id(), segment.path());
        snapshot.expect(Role::Scene)?;
        if snapshot.state() == BufferState::Sealed {
            return Err(Error::Sealed { id });
        }
        check_leases(id, segment.file()?, path)?;
        // Checked before the file is opened for writing, because root can open a scene that is being sealed, and each open writer
        // delays that sealing.
        if is_being_filled(&segment)? || is_being_sealed(&segment)? {
            return Err(being_filled(&segment));
        }
        let writer = open_writer(&segment)?;
        let locked = writer
            .lock_byte(LockByte::Data, LockMode::Exclusive, Duration::ZERO)
            .map_err(|error| Error::io("lock", path, error))?;
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
            return Err(Error::damaged(path, "it is compressed and not sealed"));
        }
        // What makes it a sealed scene in the end is written to its header.
        directory.check_file_size(snapshot.payload)?;
        let layout = Layout::from_placed(metadata.arrays.clone(), metadata.size)?;
        let mapping = map_file(&writer, snapshot.stat.len, path, Protection::Shared)?;
        let memory = Self::memory_of(mapping, snapshot.payload, &layout)?;
        Ok(Self {
            memory,
            layout,
            goal: WriteGoal::Published { segment, writer },
        })
    }

    fn memory_of(mapping: Mapping, payload: u64, layout: &Layout) -> Result<OpenMemory> {
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
        let Self { memory, layout, goal } = self;
        let memory = memory.get();
        let (id, is_own) = match &goal {
            WriteGoal::Staged { id, process, .. } => (*id, *process == sys::process_generation()),
            WriteGoal::New { file, .. } => (file.draft.id(), file.draft.writer().is_own()),
            WriteGoal::Published { segment, writer } => (segment.id(), writer.is_own()),
        };
        if !is_own {
            return Err(Error::Forked { id });
        }
        match goal {
            WriteGoal::Staged { directory, options, .. } => {
                let sources = vec![(0, memory.source())];
                let published = Parts { layout, sources }.publish(&directory, &options);
                // What was filled can be read also where it could not be published.
                memory.end_staging();
                published
            }
            WriteGoal::New {
                directory,
                file,
                options,
            } if options.compress => {
                // Compressed it is another file; this one goes.
                let sources = vec![(0, memory.source())];
                let scene = Parts { layout, sources }.publish(&directory, &options)?;
                if let Err(error) = memory.detach(file.draft.holder(), &file.draft.path()) {
                    tracing::warn!(%id, %error, "memory that was filled becomes zeros where it is still looked at");
                }
                Ok(scene)
            }
            WriteGoal::New {
                directory,
                mut file,
                options,
            } => {
                let detached = memory.detach(file.draft.holder(), &file.draft.path());
                detached
                    .and_then(|()| seal_draft(&mut file.draft))
                    .map_err(Error::nothing_published)?;
                // What was filled is not lost for want of room for its name.
                Collector(&directory).make(|| file.publish(&options))
            }
            WriteGoal::Published { segment, writer } => {
                let path = segment.path();
                segment.with_file_without_locks(|file| memory.detach(file, path))?;
                let write = |at: usize, word: u64| {
                    writer
                        .write_at(Source::from(&word.to_le_bytes()), at as u64)
                        .map_err(|error| Error::io("write", path, error))
                };
                write(AT_DATA_LEN, layout.size())?;
                write(AT_STATE, State::Sealed as u64)?;
                // Until the scene is sealed, this lock keeps other fillers away. Both are given back by name: closing does
                // it too, but not before a process that is being forked just now has closed its copy.
                let holder = segment.file()?;
                holder
                    .lock_byte(LockByte::Gate, LockMode::Shared, Duration::ZERO)
                    .map_err(|error| Error::io("lock", path, error))?;
                let unlock = |file: &GuardedFile, byte: LockByte| {
                    file.unlock_byte(byte).map_err(|error| Error::io("unlock", path, error))
                };
                unlock(&writer, LockByte::Data)?;
                let sealed = finish_visible(segment.directory(), &writer, path)
                    .and_then(|()| seal(segment.id(), holder, Some(writer), path, Audience::Others));
                if let Err(error) = unlock(holder, LockByte::Gate) {
                    tracing::warn!(%id, %error, "a lock is held until its scene is closed");
                }
                sealed?;
                Ok(SharedSceneBuffer::from_segment(segment))
            }
        }
    }
}
