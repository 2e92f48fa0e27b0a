//! Scenes: data that is written once and then sealed, so that anybody can read it without a copy and without a lock. An open
//! handle holds the file by a shared lock all the same, by which collectors leave it alone.

mod filling;
mod new;
mod open;
mod sealing;
mod view;
mod write;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use uuid::Uuid;

pub use self::view::SceneView;
pub use self::writer::SceneWriter;
use crate::codec;
use crate::error::{Error, Result};
use crate::format::{BufferState, Descriptor, PlacedArray, Role, SceneDataKind, Snapshot};
use crate::segment::{OnClose, Segment};
use crate::stored_data::{check_range, read_range};
use crate::sys::{self, Destination, Protection};

/// Data that is written once and never changes. Cloning gives another handle to the same.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
/// use dcc_mcp_shm::{BufferOptions, SceneDataKind, SharedSceneBuffer};
///
/// let options = BufferOptions::new(SceneDataKind::Geometry).source_dcc("Blender");
/// let scene = SharedSceneBuffer::write(&store, b"vertices", &options)?;
/// let json = scene.descriptor()?.to_json();
/// drop(scene);
///
/// let elsewhere = SharedSceneBuffer::from_descriptor(&json)?;
/// assert_eq!(&elsewhere.view()?[..], b"vertices");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedSceneBuffer(Arc<OpenScene>);

#[derive(Debug)]
struct OpenScene {
    segment: Arc<Segment>,
    view: OnceLock<Arc<SceneView>>,
    /// Where the chunks lie, if it is compressed.
    index: OnceLock<codec::ChunkIndex>,
}

impl SharedSceneBuffer {
    fn from_segment(segment: Segment) -> Self {
        Self(Arc::new(OpenScene {
            segment: Arc::new(segment),
            view: OnceLock::new(),
            index: OnceLock::new(),
        }))
    }

    fn snapshot(&self) -> Result<Arc<Snapshot>> {
        if let Some(sealed) = self.0.segment.sealed() {
            return Ok(sealed.clone());
        }
        Ok(self.0.segment.keep_if_sealed(self.0.segment.snapshot_of(Role::Scene)?))
    }

    /// The header of a sealed scene.
    fn sealed(&self) -> Result<&Snapshot> {
        if let Some(sealed) = self.0.segment.sealed() {
            return Ok(sealed);
        }
        let snapshot = self.snapshot()?;
        if let Some(sealed) = self.0.segment.sealed() {
            return Ok(sealed);
        }
        Err(Error::NotSealed {
            id: self.id(),
            state: self.0.segment.directory().state(&snapshot)?.as_str(),
        })
    }

    /// The id: a UUID.
    pub fn id(&self) -> Uuid {
        self.0.segment.id()
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.0.segment.path().to_owned()
    }

    /// What the data is.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn kind(&self) -> Result<SceneDataKind> {
        Ok(self.snapshot()?.header.metadata.kind)
    }

    /// Size of the data in bytes, before compression.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn size_bytes(&self) -> Result<u64> {
        Ok(self.snapshot()?.header.metadata.size)
    }

    /// Whether the stored bytes are compressed.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn use_compression(&self) -> Result<bool> {
        Ok(self.snapshot()?.header.metadata.codec.is_some())
    }

    /// Names of the arrays, in order.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn array_names(&self) -> Result<Vec<String>> {
        Ok(self.snapshot()?.header.metadata.arrays.keys().cloned().collect())
    }

    /// Whether the scene is finished, empty, or being filled.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn state(&self) -> Result<BufferState> {
        let snapshot = self.snapshot()?;
        self.0.segment.directory().state(&snapshot)
    }

    /// The descriptor.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn descriptor(&self) -> Result<Descriptor> {
        let segment = &self.0.segment;
        let snapshot = segment.snapshot_of(Role::Scene)?;
        let descriptor = segment.directory().describe_snapshot(&snapshot);
        segment.keep_if_sealed(snapshot);
        descriptor
    }

    /// A copy of the data, decompressed if need be.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::Damaged`], [`Error::Io`].
    pub fn read(&self) -> Result<Vec<u8>> {
        self.read_range(0, u64::MAX)
    }

    /// A copy of up to `len` bytes of the data from `offset` on; only the chunks they lie in are decompressed.
    ///
    /// # Errors
    /// As [`SharedSceneBuffer::read`]; [`Error::InvalidArgument`] when `offset` lies behind the data.
    pub fn read_range(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let size = self.sealed()?.header.metadata.size;
        let Some(left) = size.checked_sub(offset) else {
            return Err(Error::invalid(
                "offset",
                format!("{offset} lies behind the {size} bytes of data"),
            ));
        };
        let len = usize::try_from(left.min(len)).map_err(|_| Error::invalid("len", "more than memory can be"))?;
        sys::NewVec::with_len(len)?.filled(|memory| self.read_into(offset, memory))
    }

    /// The same into the caller's memory, all of which is filled.
    ///
    /// # Errors
    /// As [`SharedSceneBuffer::read_range`], also when there are fewer bytes.
    pub fn read_into(&self, offset: u64, destination: &mut Destination) -> Result<()> {
        let snapshot = self.sealed()?;
        check_range(offset, destination.len(), snapshot.header.metadata.size)?;
        let file = self.0.segment.file()?;
        read_range(file, &self.path(), snapshot, &self.0.index, offset, destination)
    }

    /// The data without a copy, at the same cost for any size.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::Compressed`], [`Error::Io`].
    pub fn view(&self) -> Result<Arc<SceneView>> {
        if let Some(view) = self.0.view.get() {
            return Ok(view.clone());
        }
        let snapshot = self.sealed()?;
        if snapshot.header.metadata.codec.is_some() {
            return Err(Error::Compressed { id: self.id() });
        }
        let path = self.path();
        let size =
            |len: u64| usize::try_from(len).map_err(|_| Error::damaged(&path, "it is longer than memory can be"));
        let (start, len) = (size(snapshot.payload)?, size(snapshot.header.capacity)?);
        // With its lock: a forked child that inherits the view keeps the scene.
        let mapping = self.0.segment.map(Protection::CopyOnWrite)?;
        let view = Arc::new(SceneView::new(mapping, start, len, self.0.segment.clone()));
        Ok(sys::keep_first(&self.0.view, view).clone())
    }

    /// Type, shape and place of one array; its bytes are at that place of the view and of what is read.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`], [`Error::Damaged`], [`Error::Io`].
    pub fn array(&self, name: &str) -> Result<PlacedArray> {
        let snapshot = self.snapshot()?;
        let arrays = &snapshot.header.metadata.arrays;
        arrays.get(name).cloned().ok_or_else(|| Error::NoSuchArray {
            id: self.id(),
            name: name.to_owned(),
            available: arrays.keys().cloned().collect(),
        })
    }

    /// Changes how long the scene stays after its last holder anywhere let go, up to 584 years; zero is until it is deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it has been deleted, [`Error::InvalidArgument`], [`Error::StoreFull`], [`Error::Busy`],
    /// [`Error::Io`].
    pub fn set_ttl(&self, ttl: Duration) -> Result<()> {
        self.0.segment.set_ttl(ttl)
    }

    /// Deletes the scene. Who has it open keeps it until they drop it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn unlink(&self) -> Result<()> {
        self.0.segment.delete()
    }

    /// Whether the scene is deleted when its last handle in this process is dropped.
    pub fn set_unlink_on_close(&self, unlink: bool) {
        self.0
            .segment
            .set_on_close(if unlink { OnClose::Unlink } else { OnClose::Keep });
    }
}
