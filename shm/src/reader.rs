//! Looking at data through its file descriptor: nothing is mapped, nothing is held, and no time to live is renewed.
//!
//! For programs that look at buffers of others and must survive whatever those do meanwhile: a map of a file that is
//! truncated kills its reader, a read of it ends early.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use indexmap::IndexMap;

use crate::codec::{self, DecodeError};
use crate::descriptor::{BufferState, Descriptor};
use crate::error::{Error, Result};
use crate::header::{Role, State};
use crate::layout::PlacedArray;
use crate::segment::{self, Snapshot};
use crate::store::{Place, Reference, Store};
use crate::sys::{self, Access, Backoff, Destination, GuardedFile, Mode};

/// Longest wait for a write that is under way.
const WRITE_PATIENCE: Duration = Duration::from_secs(2);

/// The data of one buffer, scene or slot, as it was when this was made.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
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
    index: OnceLock<codec::Index>,
}

impl Store {
    /// Opens a buffer, scene or slot to look at its data. It can be deleted meanwhile; what was opened stays readable.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::NotSealed`] for a scene that is not finished,
    /// [`Error::Interrupted`] and [`Error::Busy`] for a buffer whose writer died or does not come to an end,
    /// [`Error::WrongRole`] for a pool, [`Error::InvalidDescriptor`], [`Error::Damaged`], [`Error::Io`].
    pub fn reader(&self, reference: &Reference) -> Result<DataReader> {
        self.at_place(reference, |place| self.reader_at(place))
    }

    fn reader_at(&self, Place { id, generation }: Place) -> Result<DataReader> {
        let path = self.file_path(id);
        let file = segment::open_file(self, id, Access::Read)?;
        let mut snapshot = segment::snapshot(&file, &path, id)?;
        if snapshot.header.role == Role::Pool {
            return Err(Error::WrongRole {
                id,
                expected: "buffer, scene or slot",
                found: Role::Pool.as_str(),
            });
        }
        snapshot.expect_generation(generation)?;
        let mut backoff = Backoff::new(WRITE_PATIENCE);
        // Only what can be rewritten counts its writes.
        while snapshot.words.state == State::Open && !snapshot.words.sequence.is_multiple_of(2) {
            let writing = sys::is_locked_against(file.as_fd(), sys::BYTE_DATA, Mode::Shared)
                .map_err(|error| Error::io("look at the lock of", &path, error))?;
            let before = snapshot.words;
            snapshot = segment::snapshot(&file, &path, id)?;
            // The word is read again after the lock: a writer that ended between the two is none that died.
            if !writing && snapshot.words == before {
                return Err(Error::Interrupted { id });
            }
            if writing && !backoff.pause() {
                return Err(Error::Busy {
                    what: "the buffer's data",
                    waited: WRITE_PATIENCE,
                    holder: self.data_holder(&file),
                });
            }
        }
        let descriptor = self.describe_snapshot(&snapshot)?;
        if !matches!(descriptor.state, BufferState::Sealed | BufferState::Open) {
            return Err(Error::NotSealed {
                id,
                state: descriptor.state.as_str(),
            });
        }
        Ok(DataReader {
            descriptor,
            snapshot,
            file,
            index: OnceLock::new(),
        })
    }
}

impl DataReader {
    /// The descriptor, as it was when this was made.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Size of the data in bytes, before compression.
    pub fn len(&self) -> u64 {
        self.descriptor.size_bytes
    }

    /// Whether there is none.
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
        let now = segment::snapshot(&self.file, Path::new(&self.descriptor.path), id)?;
        if now.words == self.snapshot.words {
            return Ok(());
        }
        Err(Error::Changed { id })
    }
}

/// Refuses a range that does not lie within data of `size` bytes.
pub(crate) fn check_range(offset: u64, len: usize, size: u64) -> Result<()> {
    if offset.checked_add(len as u64).is_some_and(|end| end <= size) {
        return Ok(());
    }
    let argument = if offset > size { "offset" } else { "len" };
    Err(Error::invalid(
        argument,
        format!("{offset} + {len} lies behind the {size} bytes of data"),
    ))
}

/// Fills memory from an offset of the data on; the range must lie within it.
pub(crate) fn read_range(
    file: &GuardedFile,
    path: &Path,
    snapshot: &Snapshot,
    index: &OnceLock<codec::Index>,
    offset: u64,
    destination: &mut Destination,
) -> Result<()> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::damaged(path, "it is shorter than it was when it was opened"),
        _ => Error::io("read", path, error),
    };
    let metadata = &snapshot.header.metadata;
    let Some(codec) = &metadata.codec else {
        let start = snapshot.payload + offset;
        return sys::fill_pieces(destination, |at, piece| file.read_exact_at(piece, start + at as u64)).map_err(failed);
    };
    let read = |at: u64, bytes: &mut [u8]| file.read_exact_at(sys::as_destination(bytes), snapshot.payload + at);
    let undecodable = |error| match error {
        DecodeError::Damaged(problem) => Error::damaged(path, problem),
        DecodeError::Read(error) => failed(error),
        DecodeError::Memory(error) => error,
    };
    let index = if let Some(index) = index.get() {
        index
    } else {
        let new = codec::Index::read(&metadata.arrays, metadata.size, codec, snapshot.words.data_len, &read);
        let new = new.map_err(undecodable)?;
        sys::keep_first(index, new)
    };
    let end = offset + destination.len() as u64;
    sys::prefer_huge_pages(destination);
    index.decode(offset..end, &read, destination).map_err(undecodable)
}
