//! Looking at data through its file descriptor: nothing is mapped, nothing is held, and no time to live is renewed.
//!
//! For programs that look at buffers of others and must survive whatever those do meanwhile: a map of a file that is
//! truncated kills its reader, a read of it ends early.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use indexmap::IndexMap;

use crate::codec;
use crate::directory::{Directory, Found, snapshot};
use crate::error::{Error, Result};
use crate::format::{BufferState, Descriptor, PlacedArray, Role, Snapshot, State};
use crate::stored_data::{check_range, read_range};
use crate::sys::{self, Access, Backoff, GuardedFile, LockByte, LockMode};

/// Longest wait for a write that is under way.
const UNDERWAY_WRITE_PATIENCE: Duration = Duration::from_secs(2);

/// The data of one buffer, scene or slot, as it was when this was made.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
/// use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer};
///
/// let scene = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?;
/// let reader = store.reader(&scene.id().into())?;
/// let mut bytes = [0; 4];
/// reader.read_at(4, &mut bytes)?;
/// reader.check_unchanged()?;
/// assert_eq!(&bytes, b"ices");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DataReader {
    descriptor: Descriptor,
    snapshot: Snapshot,
    file: GuardedFile,
    index: OnceLock<codec::ChunkIndex>,
}

impl DataReader {
    /// Opens what somebody meant.
    pub(crate) fn open_found(directory: &Directory, Found { id, generation }: Found) -> Result<Self> {
        let path = directory.file_path(id);
        let file = directory.open_file(id, Access::Read)?;
        let mut snapshot = directory.look_at(&file, id)?;
        if snapshot.header.role == Role::Pool {
            return Err(Error::WrongRole {
                id,
                expected: "buffer, scene or slot",
                found: Role::Pool.as_str(),
            });
        }
        snapshot.expect_generation(generation)?;
        let mut backoff = Backoff::new(UNDERWAY_WRITE_PATIENCE);
        // Only what can be rewritten counts its writes.
        while snapshot.words.state == State::Open && !snapshot.words.sequence.is_multiple_of(2) {
            let writing = file
                .is_locked_against(LockByte::Data, LockMode::Shared)
                .map_err(|error| Error::io("look at the lock of", &path, error))?;
            let before = snapshot.words;
            snapshot = directory.snapshot(&file, id)?;
            // The word is read again after the lock, because a writer that ended between the two has not died.
            if !writing && snapshot.words == before {
                return Err(Error::Interrupted { id });
            }
            if writing && !backoff.pause() {
                return Err(Error::Busy {
                    what: "the buffer's data",
                    waited: UNDERWAY_WRITE_PATIENCE,
                    holder: directory.data_holder(&file),
                });
            }
        }
        let descriptor = directory.describe_snapshot(&snapshot)?;
        if !matches!(descriptor.state, BufferState::Sealed | BufferState::Open) {
            return Err(Error::NotSealed {
                id,
                state: descriptor.state.as_str(),
            });
        }
        Ok(Self {
            descriptor,
            snapshot,
            file,
            index: OnceLock::new(),
        })
    }

    /// The descriptor, as it was when this was made.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Size of the data in bytes, before compression.
    pub fn len(&self) -> u64 {
        self.descriptor.size_bytes
    }

    /// Whether there is no data.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The arrays by name, with their places in the data.
    pub fn arrays(&self) -> &IndexMap<String, PlacedArray> {
        &self.snapshot.header.metadata.arrays
    }

    /// Fills `bytes` from an offset of the data on, decompressed if need be.
    ///
    /// Of what can be rewritten this may be parts of two writes; [`DataReader::check_unchanged`] says afterwards.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when there are fewer bytes, [`Error::Damaged`] when the file is shorter than it was
    /// or what is compressed in it is not valid, [`Error::Io`].
    pub fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let path = Path::new(&self.descriptor.path);
        check_range(offset, bytes.len(), self.len())?;
        read_range(
            &self.file,
            path,
            &self.snapshot,
            &self.index,
            offset,
            sys::as_destination(bytes),
        )
    }

    /// Whether all that was read is of one write. What is sealed always is.
    ///
    /// # Errors
    /// [`Error::Changed`], [`Error::Damaged`], [`Error::Io`].
    pub fn check_unchanged(&self) -> Result<()> {
        if self.descriptor.state == BufferState::Sealed {
            return Ok(());
        }
        let id = self.descriptor.id;
        let now = snapshot(&self.file, Path::new(&self.descriptor.path), id)?;
        if now.words == self.snapshot.words {
            return Ok(());
        }
        Err(Error::Changed { id })
    }
}
