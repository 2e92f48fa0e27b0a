//! Being told what happens in a store, instead of looking again and again.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::{Errno, retry_on_intr};
use uuid::Uuid;

use super::{SUFFIX, Store};
use crate::error::{Error, Result};

/// Bytes of events that are read at once: some hundred.
const EVENTS: usize = 16 << 10;

/// Something that happened in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreEvent {
    /// A buffer or pool appeared, or was given its name, finished, opened for the first time, or closed for the last.
    Changed(Uuid),
    /// The file of a buffer or pool is gone.
    Removed(Uuid),
    /// There was more than the kernel keeps: everything may have changed.
    Lost,
    /// The directory was removed or moved away. Nothing more will be told.
    Gone,
}

/// Events of a store from when this was made. Its descriptor becomes readable when there are some.
///
/// What happens inside of memory is not among them: writes to buffers, and slots given out and back.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open_at(parent.path().join("store"))?;
/// use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, StoreEvent};
///
/// let watch = store.watch()?;
/// let scene = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?;
/// assert!(watch.events()?.contains(&StoreEvent::Changed(scene.id())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoreWatch {
    store: Store,
    inotify: OwnedFd,
}

impl Store {
    /// Begins to watch.
    ///
    /// # Errors
    /// [`Error::TooManyWatches`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn watch(&self) -> Result<StoreWatch> {
        let failed = |error: Errno| Error::io("watch", self.path(), error);
        let inotify =
            retry_on_intr(|| inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)).map_err(|error| {
                // The same number says that this process has no descriptor left, and that the user has no instance.
                match self.directory().try_clone_to_owned() {
                    Ok(_) if error == Errno::MFILE => Error::TooManyWatches { source: error.into() },
                    _ => failed(error),
                }
            })?;
        let flags = WatchFlags::ATTRIB
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::EXCL_UNLINK
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        // The directory that was opened and checked, wherever the path leads by now.
        let directory = format!("/proc/self/fd/{}", self.directory().as_raw_fd());
        retry_on_intr(|| inotify::add_watch(&inotify, &directory, flags)).map_err(|error| match error {
            Errno::NOSPC => Error::TooManyWatches { source: error.into() },
            error => failed(error),
        })?;
        Ok(StoreWatch::new(self, inotify))
    }
}

impl StoreWatch {
    pub(super) fn new(store: &Store, inotify: OwnedFd) -> Self {
        Self {
            store: store.clone(),
            inotify,
        }
    }

    /// What happened since the last call, in order, each event once. Never waits.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn events(&self) -> Result<Vec<StoreEvent>> {
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut events = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(Error::io("watch", self.store.path(), error)),
            };
            let name = event.file_name().and_then(|name| name.to_str().ok());
            let event = self.meaning(event.events(), name)?;
            // One publication is several events of the kernel.
            if let Some(event) = event
                && events.last() != Some(&event)
            {
                events.push(event);
            }
        }
        // A directory that is removed while we have it open only loses its name, of which the kernel tells nothing.
        if !self.store.is_still_safe()? && events.last() != Some(&StoreEvent::Gone) {
            events.push(StoreEvent::Gone);
        }
        Ok(events)
    }

    /// Sleeps until there are events, a signal comes or the time is up.
    pub(super) fn sleep(&self, time: Duration) -> Result<()> {
        let timeout = Timespec::try_from(time).unwrap_or_default();
        match poll(&mut [PollFd::new(&self.inotify, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Error::io("watch", self.store.path(), error)),
        }
    }

    fn meaning(&self, flags: ReadFlags, name: Option<&str>) -> Result<Option<StoreEvent>> {
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Ok(Some(StoreEvent::Lost));
        }
        let ends = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT | ReadFlags::IGNORED;
        if flags.intersects(ends) {
            return Ok(Some(StoreEvent::Gone));
        }
        let Some(name) = name else { return Ok(None) };
        // A buffer that takes a name over is there a moment before it has the name.
        if flags.contains(ReadFlags::MOVED_TO)
            && let Some(id) = self.store.named_by(name)?
        {
            return Ok(Some(StoreEvent::Changed(id)));
        }
        // Drafts are of no interest: one that is published changes its name to that of a buffer.
        let id = name.strip_suffix(SUFFIX).and_then(|id| Uuid::parse_str(id).ok());
        let removed = flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM);
        Ok(id.map(if removed {
            StoreEvent::Removed
        } else {
            StoreEvent::Changed
        }))
    }
}

impl From<StoreWatch> for OwnedFd {
    fn from(watch: StoreWatch) -> Self {
        watch.inotify
    }
}

impl AsFd for StoreWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
