//! Being told what happens in a store, instead of looking again and again.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use super::Store;
use crate::directory::{Directory, FileName, is_link};
use crate::error::{Error, Result, WATCHING};
#[cfg(unix)]
use crate::sys::{AsFd, BorrowedFd, OwnedFd};
use crate::sys::{DirectoryWatch, NameEvent, WatchRefusal};

/// Something that happened in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreEvent {
    /// A buffer or pool appeared, or was given its name, finished, opened for the first time, or closed for the last; or its time to
    /// live was changed.
    Changed(Uuid),
    /// The file of a buffer or pool is gone.
    Removed(Uuid),
    /// There was more than the kernel keeps: everything may have changed.
    Lost,
    /// The directory was removed, moved away or opened to others. What this watch tells from here on is not to be relied on.
    Gone,
}

/// Events of a store from when this was made. Its descriptor becomes readable when there are some.
///
/// What happens inside of memory is not among them: writes to buffers, and slots given out and back.
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
/// use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, StoreEvent};
///
/// let watch = store.watch()?;
/// let scene = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?;
/// assert!(watch.events()?.contains(&StoreEvent::Changed(scene.id())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoreWatch {
    directory: Directory,
    watch: DirectoryWatch,
}

impl Store {
    /// Begins to watch.
    ///
    /// # Errors
    /// [`Error::TooManyWatches`], [`Error::TooManyOpenFiles`], [`Error::Io`].
    pub fn watch(&self) -> Result<StoreWatch> {
        let watch = DirectoryWatch::new(self.directory.handle()).map_err(|refusal| match refusal {
            WatchRefusal::TooMany(source) => Error::TooManyWatches { source },
            WatchRefusal::Failed(error) => self.directory.failed(WATCHING, error),
        })?;
        Ok(StoreWatch {
            directory: self.directory.clone(),
            watch,
        })
    }
}

impl StoreWatch {
    /// What happened since the last call, in order; equal events in a row are one. Never waits.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn events(&self) -> Result<Vec<StoreEvent>> {
        self.events_and_links(&mut BTreeSet::new())
    }

    /// The same, and the links of names that were given or went over to another.
    pub(super) fn events_and_links(&self, links: &mut BTreeSet<String>) -> Result<Vec<StoreEvent>> {
        let mut events = Vec::new();
        self.watch.take_events(
            |error| self.directory.failed(WATCHING, error),
            |event, name| {
                if event == NameEvent::MovedIn {
                    links.extend(name.filter(|name| is_link(name)).map(str::to_owned));
                }
                let event = self.meaning(event, name)?;
                // One publication is several events of the kernel.
                if let Some(event) = event
                    && events.last() != Some(&event)
                {
                    events.push(event);
                }
                Ok(())
            },
        )?;
        // A directory that is removed while we have it open only loses its name, of which the kernel tells nothing.
        if !self.directory.is_still_safe()? && events.last() != Some(&StoreEvent::Gone) {
            events.push(StoreEvent::Gone);
        }
        Ok(events)
    }

    /// Sleeps until there are events, a signal comes or the time is up.
    pub(super) fn sleep(&self, time: Duration) -> Result<()> {
        self.watch
            .sleep(time)
            .map_err(|error| self.directory.failed(WATCHING, error))
    }

    fn meaning(&self, event: NameEvent, name: Option<&str>) -> Result<Option<StoreEvent>> {
        match event {
            NameEvent::Lost => return Ok(Some(StoreEvent::Lost)),
            NameEvent::Ended => return Ok(Some(StoreEvent::Gone)),
            NameEvent::MovedIn | NameEvent::Gone | NameEvent::Changed => {}
        }
        let Some(name) = name else { return Ok(None) };
        // A buffer that takes a name over is there a moment before it has the name.
        if event == NameEvent::MovedIn
            && let Some(id) = self.directory.named_by(name)?
        {
            return Ok(Some(StoreEvent::Changed(id)));
        }
        // Its file is not touched when its time to live changes. The link of a deleted buffer goes after the buffer.
        if matches!(event, NameEvent::MovedIn | NameEvent::Gone)
            && let Some(id) = Directory::ttl_link_of(name)
        {
            return Ok(self.directory.file_exists(id)?.then_some(StoreEvent::Changed(id)));
        }
        // Drafts are of no interest: one that is published changes its name to that of a buffer.
        Ok(FileName::published_id(name).map(if event == NameEvent::Gone {
            StoreEvent::Removed
        } else {
            StoreEvent::Changed
        }))
    }
}

#[cfg(unix)]
impl From<StoreWatch> for OwnedFd {
    fn from(watch: StoreWatch) -> Self {
        watch.watch.into()
    }
}

#[cfg(unix)]
impl AsFd for StoreWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}
