//! How calls reach the store and the index of it: opened when first needed, and again when its directory was replaced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dcc_mcp_shm::{Error, GcReport, Store, StoreChange, StoreIndex, cores};
use tokio::sync::{Notify, broadcast};
use tokio_util::task::AbortOnDropHandle;

use crate::lanes::Lanes;
use crate::platform::StoreReadiness;
use crate::quota::Quota;
use crate::reply::ToolError;
use crate::settings::Settings;
use crate::sync::lock;

/// Changes that a slow listener may be behind before it is told to look at everything.
const CHANGES: usize = 256;
/// Shortest time between two looks at what changed, so that a busy store does not keep this process busy.
const PAUSE: Duration = Duration::from_millis(10);

/// When it is looked again at what changed, after the system failed to say.
const AGAIN: Duration = Duration::from_secs(1);

/// The store that this server serves.
///
/// A server that could not start would tell the model nothing; a tool error tells it what to do.
#[derive(Debug)]
pub(crate) struct StoreAccess {
    quota: Arc<Quota>,
    opened: Mutex<Option<Opened>>,
    /// Held while an index is made.
    following: Mutex<()>,
    first_use: Notify,
    lanes: Arc<Lanes>,
    changes: broadcast::Sender<StoreChange>,
}

#[derive(Debug)]
struct Opened {
    store: Store,
    index: Option<Followed>,
}

#[derive(Debug)]
struct Followed {
    index: Arc<Index>,
    /// None where nothing tells of changes.
    task: Option<AbortOnDropHandle<()>>,
}

impl Followed {
    /// Whether changes are still taken in.
    fn is_followed(&self) -> bool {
        !self.index.is_over.load(Ordering::Relaxed) && self.task.as_ref().is_none_or(|task| !task.is_finished())
    }
}

/// The index of a store, whose changes are told to those who listen.
#[derive(Debug)]
struct Index {
    store: Store,
    entries: Mutex<StoreIndex>,
    changes: broadcast::Sender<StoreChange>,
    /// Whether the watch said that the directory was removed, moved or opened to others. It may be as it must be again, but the
    /// task that follows it ends when it learns of this.
    is_over: AtomicBool,
}

impl Index {
    /// Takes in what happened since the last time and tells it, before anybody else sees the index. Says whether the store is
    /// still there.
    fn refresh(&self, entries: &mut StoreIndex) -> Result<bool, Error> {
        for change in entries.refresh()? {
            if change == StoreChange::Gone {
                self.is_over.store(true, Ordering::Relaxed);
            }
            // Fails if nobody listens.
            let _ = self.changes.send(change);
        }
        Ok(!self.is_over.load(Ordering::Relaxed))
    }
}

impl StoreAccess {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            quota: Arc::new(Quota {
                directory: settings.store.directory(),
                bytes: settings.max_bytes,
            }),
            opened: Mutex::new(None),
            following: Mutex::new(()),
            first_use: Notify::new(),
            lanes: Arc::new(Lanes::new()),
            changes: broadcast::Sender::new(CHANGES),
        }
    }

    /// The threads that work on the store.
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The store if it is open and still there.
    pub(crate) fn opened(&self) -> Option<Store> {
        let opened = self.locked();
        let store = &opened.as_ref()?.store;
        store.is_current().then(|| store.clone())
    }

    /// The store, with the quota recorded, for what changes it. Called on a thread of a lane.
    pub(crate) fn open_to_change(&self) -> Result<Store, ToolError> {
        let recorded = self.quota.open_to_change();
        let recorded = recorded.map_err(|error| match error {
            Error::Busy { .. } => error.into(),
            error => ToolError::no_store(&error),
        })?;
        match self.opened() {
            Some(store) => Ok(store),
            None => self.keep(recorded),
        }
    }

    /// The store, opened if need be. Called on a thread of a lane.
    pub(crate) fn open(&self) -> Result<Store, ToolError> {
        if let Some(store) = self.opened() {
            return Ok(store);
        }
        let store = self.quota.open_to_look(&self.lanes);
        self.keep(store.map_err(|error| ToolError::no_store(&error))?)
    }

    /// Serves a store that was opened just now.
    fn keep(&self, store: Store) -> Result<Store, ToolError> {
        let mut opened = self.locked();
        // Two calls may do this at once.
        if let Some(others) = opened.as_ref().filter(|others| others.store.is_current()) {
            return Ok(others.store.clone());
        }
        let before = opened.replace(Opened {
            store: store.clone(),
            index: None,
        });
        drop(opened);
        self.first_use.notify_one();
        if let Some(before) = before {
            // Whoever listens learns of the store that came in place of the last one.
            let _ = self.changes.send(StoreChange::Everything);
            if before.index.is_some() {
                let _only = lock(&self.following);
                self.follow(store.clone())?;
            }
        }
        Ok(store)
    }

    /// Looks something up in the index, which knows all that was published before this call. Called on a thread of
    /// a lane.
    pub(crate) fn index<T>(
        &self,
        look: impl FnOnce(&Store, &StoreIndex) -> Result<T, ToolError>,
    ) -> Result<T, ToolError> {
        loop {
            let store = self.open()?;
            let index = if let Some(index) = self.followed() {
                index
            } else {
                let _only = lock(&self.following);
                // Another call may have made it meanwhile.
                self.followed().map_or_else(|| self.follow(store), Ok)?
            };
            let mut entries = lock(&index.entries);
            if index.refresh(&mut entries)? {
                return look(&index.store, &entries);
            }
            // The directory was removed or opened to others since it was opened here, so opening it again says what it is now.
        }
    }

    /// The index, if there is one and changes are taken in.
    fn followed(&self) -> Option<Arc<Index>> {
        let opened = self.locked();
        let followed = opened.as_ref()?.index.as_ref()?;
        followed.is_followed().then(|| followed.index.clone())
    }

    /// Reads the whole store, once, and keeps to it from then on. Called by one thread at a time: of two indexes, the one that is
    /// given up would take with it what it was told and has not told anybody.
    fn follow(&self, store: Store) -> Result<Arc<Index>, ToolError> {
        let entries = StoreIndex::new(&store, cores())?;
        let ready = entries.watch().map(StoreReadiness::of).transpose().map_err(|error| {
            let advice = "Close buffers, or raise the limit of open files (ulimit -n) of the server.";
            ToolError::new(format!("Changes of the store cannot be followed: {error}"), advice)
        })?;
        let index = Arc::new(Index {
            store,
            entries: Mutex::new(entries),
            changes: self.changes.clone(),
            is_over: AtomicBool::new(false),
        });
        let task = ready.map(|ready| tokio::spawn(keep_fresh(self.lanes.clone(), index.clone(), ready)));
        let mut opened = self.locked();
        if let Some(opened) = opened.as_mut() {
            opened.index = Some(Followed {
                index: index.clone(),
                task: task.map(AbortOnDropHandle::new),
            });
        }
        Ok(index)
    }

    /// What changes from now on. Changes are noticed once something has been looked up in the index.
    pub(crate) fn changes(&self) -> broadcast::Receiver<StoreChange> {
        self.changes.subscribe()
    }

    /// Waits until a call needs the store.
    pub(crate) async fn used(&self) {
        self.first_use.notified().await;
    }

    /// Removes what expired. A store that no call has needed yet is left alone.
    pub(crate) fn sweep(&self) -> Option<Result<GcReport, Error>> {
        self.opened().map(|store| store.gc(false))
    }

    fn locked(&self) -> MutexGuard<'_, Option<Opened>> {
        lock(&self.opened)
    }
}

/// Takes changes in as they happen, for those who listen. Ends when the store is gone.
async fn keep_fresh(lanes: Arc<Lanes>, index: Arc<Index>, ready: StoreReadiness) {
    loop {
        if let Err(error) = ready.wait().await {
            return tracing::error!(%error, "changes of the store cannot be waited for");
        }
        loop {
            let index = index.clone();
            let refresh = move || Ok(index.refresh(&mut lock(&index.entries)));
            match lanes.quick.run(refresh).await {
                Ok(Ok(true)) => break,
                Ok(Ok(false)) => return,
                // The kernel tells of each change once, so nothing but this looks again.
                Ok(Err(error)) => tracing::warn!(%error, "changes of the store are looked for again"),
                // The next call that needs the index reads it anew.
                Err(error) => return tracing::error!(%error, "changes of the store are no longer followed"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, StoreOptions};

    use super::*;
    use crate::settings::StoreOption;

    #[expect(
        clippy::await_holding_lock,
        reason = "the task that waits for it waits on a thread of its own"
    )]
    #[tokio::test]
    async fn a_store_that_was_open_to_others_for_a_moment_is_followed_by_the_next_look() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("store");
        let store = Store::open(&StoreOptions::at(&path)).expect("a store");
        let access = StoreAccess::new(&Settings {
            store: StoreOption {
                store: Some(path.clone()),
            },
            ..Settings::default()
        });
        let mut changes = access.changes();
        access.index(|_, _| Ok(())).expect("a look");
        let index = access.followed().expect("followed");
        let held = lock(&index.entries);
        set_permissions(&path, Permissions::from_mode(0o755)).expect("its owner");
        // Until the task that follows the store waits for the index.
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(held);
        // The task is told that the store is gone, and cannot end before this thread awaits something.
        while changes.try_recv() != Ok(StoreChange::Gone) {
            std::thread::yield_now();
        }
        set_permissions(&path, Permissions::from_mode(0o700)).expect("its owner");
        access.index(|_, _| Ok(())).expect("a look");
        let scene = SharedSceneBuffer::write(&store, b"data", &BufferOptions::default()).expect("a scene");
        let told = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await;
        assert_eq!(told, Ok(Ok(StoreChange::Listing(scene.id()))));
    }
}
