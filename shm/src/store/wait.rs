//! Waiting for what somebody is about to share: the kernel tells of the directory, nothing is looked at again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Store, StoreEvent, StoreWatch};
use crate::directory::{Directory, Purpose};
use crate::error::{Error, Result};
use crate::format::{BufferState, Descriptor, FileRole, SceneDataKind};
use crate::sys::{self, Deadline, LONGEST_SLEEP};

/// Which buffers and scenes are looked for: those that have all of what is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BufferFilter {
    /// What the data is.
    pub kind: Option<SceneDataKind>,
    /// How the name of the program that wrote it begins, in upper or lower case: exporters say which version it was.
    pub source_dcc: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The group.
    pub group: Option<String>,
}

/// What is not new, with the names it had.
type KnownBuffers<'a> = BTreeMap<Uuid, Option<&'a str>>;

impl BufferFilter {
    fn matches(&self, buffer: &Descriptor) -> bool {
        let begins = |program: &String| buffer.source_dcc.to_lowercase().starts_with(&program.to_lowercase());
        self.kind.is_none_or(|kind| buffer.kind == kind)
            && self.source_dcc.as_ref().is_none_or(begins)
            && (self.name.is_none() || self.name == buffer.name)
            && (self.group.is_none() || self.group == buffer.group)
    }
}

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
    /// # use dcc_mcp_shm::{BufferFilter, BufferOptions, SharedSceneBuffer};
    /// # use std::time::Duration;
    /// let mut seen = store.list()?.buffers;
    /// SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default().name("hero"))?;
    /// let hero = BufferFilter { name: Some("hero".to_owned()), ..BufferFilter::default() };
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
        let watch = self.idle_watch()?;
        if !self.directory.is_still_there()? {
            return Err(self.gone());
        }
        let listed = after.is_none().then(|| self.list()).transpose()?;
        let after = after
            .or(listed.as_ref().map(|listing| &listing.buffers[..]))
            .unwrap_or_default();
        let seen: KnownBuffers = after
            .iter()
            .filter(|buffer| is_readable(buffer))
            .map(|buffer| (buffer.id, buffer.name.as_deref()))
            .collect();
        let mut candidates: BTreeSet<Uuid> = self.ids()?.into_iter().collect();
        loop {
            let came = self.unseen(&candidates, &seen, wanted)?;
            let left = deadline.left();
            if !came.is_empty() || left.is_zero() || !go_on() {
                self.keep(watch);
                return Ok(came);
            }
            watch.sleep(left.min(LONGEST_SLEEP))?;
            candidates = self.touched(&watch)?;
        }
    }

    /// The watch that an earlier wait kept, without what it was told meanwhile, or a new one.
    fn idle_watch(&self) -> Result<StoreWatch> {
        let idle = self.idle_watch.try_lock().ok().and_then(|mut idle| idle.take());
        match idle {
            // What a forked child takes from a watch of its parent's is missing there.
            Some((process, idle)) if process == sys::process_generation() => {
                let watch = StoreWatch::new(&self.directory, idle);
                watch.events()?;
                Ok(watch)
            }
            _ => self.watch(),
        }
    }

    /// Keeps a watch for the next wait, as to end one takes the kernel some ten milliseconds. What happens meanwhile is
    /// only counted once there are as many events as it keeps.
    fn keep(&self, watch: StoreWatch) {
        if let Ok(mut idle) = self.idle_watch.try_lock() {
            *idle = Some((sys::process_generation(), watch.into_idle()));
        }
    }

    /// Those that are new, match and can be read, oldest first.
    fn unseen(&self, ids: &BTreeSet<Uuid>, seen: &KnownBuffers<'_>, wanted: &BufferFilter) -> Result<Vec<Descriptor>> {
        let mut found = Vec::new();
        for id in ids {
            // One that was seen without its name may have been about to get it.
            let before = seen.get(id);
            if before.is_some_and(Option::is_some) {
                continue;
            }
            match self.describe_published(*id) {
                Ok(Some(buffer)) if before.is_some() && buffer.name.is_none() => {}
                Ok(Some(buffer)) if is_readable(&buffer) && wanted.matches(&buffer) => found.push(buffer),
                Err(error) if !error.is_conclusive() => return Err(error),
                // Of another kind, gone again, or damaged: nobody waits for that.
                Ok(_) | Err(_) => {}
            }
        }
        found.sort_by_cached_key(|buffer| buffer.created_at.parse::<Timestamp>().ok());
        Ok(found)
    }

    /// Describes a published buffer; nothing while one that is to have a name is not bound to it yet, which happens just after the
    /// rename.
    fn describe_published(&self, id: Uuid) -> Result<Option<Descriptor>> {
        let snapshot = self.directory.look(id)?;
        let buffer = self.directory.describe_snapshot(&snapshot)?;
        Ok((buffer.name == snapshot.header.metadata.name).then_some(buffer))
    }

    /// The buffers of which the kernel told something.
    fn touched(&self, watch: &StoreWatch) -> Result<BTreeSet<Uuid>> {
        let mut touched = BTreeSet::new();
        for event in watch.events()? {
            match event {
                StoreEvent::Changed(id) => drop(touched.insert(id)),
                StoreEvent::Removed(id) => drop(touched.remove(&id)),
                StoreEvent::Lost => touched.extend(self.ids()?),
                StoreEvent::Gone => return Err(self.gone()),
            }
        }
        Ok(touched)
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
