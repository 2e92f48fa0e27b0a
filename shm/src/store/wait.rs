//! Waiting for what somebody is about to share, by the events that the kernel gives of the directory.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::{BufferFilter, ListPosition, Store, StoreChange, StoreIndex, Summary};
use crate::directory::{Directory, Purpose};
use crate::error::{Error, Result};
use crate::format::{BufferState, Descriptor, FileRole};
use crate::sys::{self, Deadline, LONGEST_SLEEP};

/// The ids of what is not new, and whether each had its name.
type KnownBuffers = BTreeMap<Uuid, bool>;

impl Store {
    /// Waits until something that matches is shared and can be read, a scene when it is sealed, and gives all that is
    /// new, oldest first; nothing if none came in time.
    ///
    /// What is in `after` is not new: what [`Store::list`] gave, and what earlier waits did, so that nothing falls between
    /// them. What was not finished then, or had not got its name, is new when it is. Without `after`, all that is there now
    /// is not new. The store keeps a file descriptor for the next wait.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferFilter, BufferOptions, NameFilter, SharedSceneBuffer};
    /// # use std::time::Duration;
    /// let mut seen = store.list()?.buffers;
    /// SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default().name("hero"))?;
    /// let hero = BufferFilter { name: Some(NameFilter::Is("hero".to_owned())), ..BufferFilter::default() };
    /// let came = store.wait(&hero, Some(&seen), Duration::MAX)?;
    /// assert_eq!(came[0].name.as_deref(), Some("hero"));
    /// seen.extend(came);
    /// assert!(store.wait(&hero, Some(&seen), Duration::from_millis(1))?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`] when the directory is removed or another takes its place, [`Error::UnsafeStore`] when others can
    /// enter it by now; as [`Store::watch`] and [`Store::list`].
    pub fn wait(
        &self,
        wanted: &BufferFilter,
        after: Option<&[Descriptor]>,
        timeout: Duration,
    ) -> Result<Vec<Descriptor>> {
        self.wait_while(wanted, after, timeout, || true)
    }

    /// The same for programs that have to look after something else meanwhile: `go_on` is asked every few milliseconds,
    /// and the wait ends, with nothing, when it says no.
    ///
    /// # Errors
    /// As [`Store::wait`].
    pub fn wait_while(
        &self,
        wanted: &BufferFilter,
        after: Option<&[Descriptor]>,
        timeout: Duration,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Vec<Descriptor>> {
        let deadline = Deadline::after(timeout);
        // Before the first look, so that nothing falls between the two.
        let mut index = self.idle_index()?;
        if !self.directory.is_still_there()? {
            return Err(self.gone());
        }
        let known: KnownBuffers = match after {
            Some(after) => after
                .iter()
                .filter(|buffer| is_readable(buffer))
                .map(|buffer| (buffer.id, buffer.name.is_some()))
                .collect(),
            None => index
                .readable()
                .map(|(position, summary)| (position.id(), summary.name.is_some()))
                .collect(),
        };
        let mut came = self.unseen(index.readable().rev(), &known, wanted)?;
        loop {
            let left = deadline.left();
            if !came.is_empty() || left.is_zero() || !go_on() {
                self.keep(index);
                return Ok(came);
            }
            index.sleep(left.min(LONGEST_SLEEP))?;
            let changes = index.refresh()?;
            if changes.contains(&StoreChange::Gone) {
                return Err(self.gone());
            }
            came = if changes.contains(&StoreChange::Everything) {
                self.unseen(index.readable().rev(), &known, wanted)?
            } else {
                let touched = changes.iter().filter_map(|change| match change {
                    StoreChange::Listing(id) | StoreChange::Descriptor(id) => index.buffer(*id),
                    StoreChange::Everything | StoreChange::Gone => None,
                });
                let touched: BTreeMap<_, _> = touched.filter(|(_, summary)| summary.is_readable()).collect();
                self.unseen(touched.into_iter().rev(), &known, wanted)?
            };
        }
    }

    /// The index that an earlier wait kept, brought up to date, or a new one.
    fn idle_index(&self) -> Result<StoreIndex> {
        let idle = self.idle_index.try_lock().ok().and_then(|mut idle| idle.take());
        match idle {
            // The parent of a forked child reads events away from the watch that they share.
            Some((process, mut index)) if process == sys::process_generation() => {
                if index.refresh()?.contains(&StoreChange::Gone) {
                    return Err(self.gone());
                }
                Ok(index)
            }
            // On this thread alone, because a thread that starts while memory is short ends the process.
            _ => StoreIndex::watched_by(Some(self.watch()?), self, 1),
        }
    }

    /// Keeps an index for the next wait, because reading the store takes time, and to end a watch takes the kernel some ten
    /// milliseconds. If more happens meanwhile than the kernel keeps events of, the next wait reads the store anew.
    fn keep(&self, index: StoreIndex) {
        if let Ok(mut idle) = self.idle_index.try_lock() {
            *idle = Some((sys::process_generation(), index));
        }
    }

    /// Describes those that are new and match, in the order in which they come.
    fn unseen<'a>(
        &self,
        readable: impl Iterator<Item = (&'a ListPosition, &'a Summary)>,
        known: &KnownBuffers,
        wanted: &BufferFilter,
    ) -> Result<Vec<Descriptor>> {
        let mut found = Vec::new();
        for (position, summary) in readable {
            let is_new = match known.get(&position.id()) {
                None => true,
                // It may have been about to get its name.
                Some(had_name) => !had_name && summary.name.is_some(),
            };
            if !is_new || !wanted.matches(summary) {
                continue;
            }
            match self.describe(&position.id().into()) {
                Ok(buffer) if is_readable(&buffer) && buffer.name == summary.name => found.push(buffer),
                Err(error) if !error.is_conclusive() => return Err(error),
                // It is gone, damaged, or without its name by now.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(found)
    }

    /// Why nothing more will come: what is wrong with the directory, unless there is a good one in its place.
    fn gone(&self) -> Error {
        let opened = Directory::open(self.path(), Purpose::ToLook);
        opened
            .err()
            .unwrap_or_else(|| self.directory.not_found(self.path().display()))
    }
}

fn is_readable(buffer: &Descriptor) -> bool {
    matches!(buffer.role, FileRole::Buffer | FileRole::Scene)
        && matches!(buffer.state, BufferState::Open | BufferState::Sealed)
}
