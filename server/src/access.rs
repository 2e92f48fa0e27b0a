//! How calls reach the store and the index of it: opened when first needed, and again when its directory was replaced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use dcc_mcp_shm::{Error, GcReport, Store, StoreChange, StoreIndex};
use tokio::sync::{Notify, broadcast};

use crate::follower::{FollowedIndex, Follower};
use crate::lanes::Lanes;
use crate::quota::Quota;
use crate::reply::ToolError;
use crate::settings::Settings;
use crate::sync::lock;

/// Changes that a slow listener may be behind before it is told to look at everything.
const CHANGES: usize = 256;
/// The store that this server serves.
///
/// A server that could not start would tell the model nothing; a tool error tells it what to do.
#[derive(Debug)]
pub(crate) struct StoreAccess {
    quota: Arc<Quota>,
    opened: Mutex<Option<Opened>>,
    /// Held while an index is made.
    following: Mutex<()>,
    /// Whether there ever was an index, so that clients may rely on being told of changes.
    was_followed: AtomicBool,
    first_use: Notify,
    lanes: Arc<Lanes>,
    changes: broadcast::Sender<StoreChange>,
}

#[derive(Debug)]
struct Opened {
    store: Store,
    /// Counts the stores that were opened, because one may come in place of another while something is made for that one.
    number: u64,
    /// Made when a call first needs the index.
    follower: Option<Follower>,
}

impl Opened {
    fn index(&self) -> Option<&Arc<FollowedIndex>> {
        self.follower.as_ref()?.index()
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
            was_followed: AtomicBool::new(false),
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
        let store = self.opened().unwrap_or_else(|| self.keep(recorded));
        self.go_on_following();
        Ok(store)
    }

    /// The store, opened if need be. Called on a thread of a lane.
    pub(crate) fn open(&self) -> Result<Store, ToolError> {
        let store = if let Some(store) = self.opened() {
            store
        } else {
            let opened = self.quota.open_to_look(&self.lanes);
            self.keep(opened.map_err(|error| ToolError::no_store(&error))?)
        };
        self.go_on_following();
        Ok(store)
    }

    /// Serves a store that was opened just now.
    fn keep(&self, store: Store) -> Store {
        let mut opened = self.locked();
        // Two calls may do this at once.
        if let Some(others) = opened.as_ref().filter(|others| others.store.is_current()) {
            return others.store.clone();
        }
        let number = opened.as_ref().map_or(0, |before| before.number + 1);
        *opened = Some(Opened {
            store: store.clone(),
            number,
            follower: None,
        });
        drop(opened);
        self.first_use.notify_one();
        store
    }

    /// Looks something up in the index, which knows all that was published before this call. Called on a thread of
    /// a lane.
    pub(crate) fn index<T>(
        &self,
        look: impl FnOnce(&Store, &StoreIndex) -> Result<T, ToolError>,
    ) -> Result<T, ToolError> {
        loop {
            self.open()?;
            let Some(index) = self.followed() else {
                self.follow()?;
                continue;
            };
            if let Some(entries) = index.refreshed()? {
                return look(index.store(), &entries);
            }
            // The directory was removed or opened to others since it was opened here, so opening it again says what it is now.
        }
    }

    /// The index of the store, if there is one and changes are taken in.
    fn followed(&self) -> Option<Arc<FollowedIndex>> {
        self.locked().as_ref()?.index().cloned()
    }

    /// Follows the store again where somebody may listen: after another store came in place of the last one, and after
    /// following it ended.
    fn go_on_following(&self) {
        if self.was_followed.load(Ordering::Relaxed)
            && self.followed().is_none()
            && let Err(error) = self.follow()
        {
            tracing::warn!(%error, "changes of the store are not told");
        }
    }

    /// Makes the index of the store that is open, unless there is one and changes are taken in. One thread does this at a time,
    /// because what an index was told and has not yet told others would be lost with it.
    fn follow(&self) -> Result<(), ToolError> {
        let _only = lock(&self.following);
        let (store, number) = match &*self.locked() {
            Some(opened) if opened.index().is_none() => (opened.store.clone(), opened.number),
            _ => return Ok(()),
        };
        let follower = Follower::new(store, self.changes.clone(), &self.lanes)?;
        let mut opened = self.locked();
        let Some(opened) = opened.as_mut().filter(|opened| opened.number == number) else {
            return Ok(());
        };
        opened.follower = Some(follower);
        if self.was_followed.swap(true, Ordering::Relaxed) {
            // Nobody knows what changed between the last index and this one.
            let _ = self.changes.send(StoreChange::Everything);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, StoreOptions};

    use super::*;
    use crate::settings::StoreOption;

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
        let gone = SharedSceneBuffer::write(&store, b"gone", &BufferOptions::default()).expect("a scene");
        access.index(|_, _| Ok(())).expect("a look");
        let index = access.followed().expect("followed");
        let held = index.refreshed().expect("a look");
        let idle = Arc::strong_count(&index);
        set_permissions(&path, Permissions::from_mode(0o755)).expect("its owner");
        // Until the task that follows the store has handed the index on, to be refreshed as soon as it is free.
        let handed_on = async {
            while Arc::strong_count(&index) == idle {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), handed_on)
            .await
            .expect("it is told");
        drop(held);
        // The task is told that the store is gone, and cannot end before this thread awaits something.
        while changes.try_recv() != Ok(StoreChange::Gone) {
            std::thread::yield_now();
        }
        set_permissions(&path, Permissions::from_mode(0o700)).expect("its owner");
        store.delete(&gone.id().into()).expect("deleted");
        access.index(|_, _| Ok(())).expect("a look");
        assert_eq!(
            changes.try_recv(),
            Ok(StoreChange::Everything),
            "of what was deleted meanwhile"
        );
        let scene = SharedSceneBuffer::write(&store, b"data", &BufferOptions::default()).expect("a scene");
        let told = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await;
        assert_eq!(told, Ok(Ok(StoreChange::Listing(scene.id()))));
    }
}
