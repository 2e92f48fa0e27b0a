//! An index that takes in what changes in a store as it happens, and tells it to those who listen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dcc_mcp_shm::{Error, Store, StoreChange, StoreIndex, cores};
use tokio::sync::{Notify, broadcast};
use tokio_util::task::AbortOnDropHandle;

use crate::lanes::Lanes;
use crate::platform::StoreReadiness;
use crate::reply::ToolError;
use crate::sync::lock;

/// Shortest time between two looks at what changed, so that a busy store does not keep this process busy.
const PAUSE: Duration = Duration::from_millis(10);
/// When it is looked again at what changed, after the system failed to say.
const AGAIN: Duration = Duration::from_secs(1);

/// An index of a store, kept fresh for as long as this exists.
#[derive(Debug)]
pub(crate) struct Follower {
    index: Arc<FollowedIndex>,
    /// None where nothing tells of changes.
    task: Option<AbortOnDropHandle<()>>,
}

impl Follower {
    /// Reads the whole store, and from here on sends to `changes` what changes in it. Called on a thread of a lane.
    pub(crate) fn new(
        store: Store,
        changes: broadcast::Sender<StoreChange>,
        lanes: &Arc<Lanes>,
    ) -> Result<Self, ToolError> {
        let entries = StoreIndex::new(&store, cores())?;
        let ready = entries.watch().map(StoreReadiness::of).transpose().map_err(|error| {
            let advice = "Close buffers, or raise the limit of open files (ulimit -n) of the server.";
            ToolError::new(format!("Changes of the store cannot be followed: {error}"), advice)
        })?;
        let index = Arc::new(FollowedIndex {
            store,
            entries: Mutex::new(entries),
            changes,
            failed: Notify::new(),
            is_over: AtomicBool::new(false),
        });
        let task = ready.map(|ready| tokio::spawn(keep_fresh(lanes.clone(), index.clone(), ready)));
        Ok(Self {
            index,
            task: task.map(AbortOnDropHandle::new),
        })
    }

    /// The index, as long as changes are taken in.
    pub(crate) fn index(&self) -> Option<&Arc<FollowedIndex>> {
        let is_over = self.index.is_over.load(Ordering::Relaxed);
        let has_ended = self.task.as_ref().is_some_and(AbortOnDropHandle::is_finished);
        (!is_over && !has_ended).then_some(&self.index)
    }
}

/// The index of a store, whose changes are told to those who listen.
#[derive(Debug)]
pub(crate) struct FollowedIndex {
    store: Store,
    entries: Mutex<StoreIndex>,
    changes: broadcast::Sender<StoreChange>,
    /// Notified when changes could not be taken in. The kernel tells of each once, so the task has to look again by itself.
    failed: Notify,
    /// Whether the watch said that the directory was removed, moved or opened to others. It may be as it must be again, but the
    /// task that follows it ends when it learns of this.
    is_over: AtomicBool,
}

impl FollowedIndex {
    /// The store that this is an index of.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The index with all that was published before this call, whose changes are told before anybody else sees it; nothing if
    /// the directory is no longer what was opened.
    pub(crate) fn refreshed(&self) -> Result<Option<MutexGuard<'_, StoreIndex>>, Error> {
        let mut entries = lock(&self.entries);
        let changes = entries.refresh().inspect_err(|_| self.failed.notify_one())?;
        for change in changes {
            if change == StoreChange::Gone {
                self.is_over.store(true, Ordering::Relaxed);
            }
            // Fails if nobody listens.
            let _ = self.changes.send(change);
        }
        Ok((!self.is_over.load(Ordering::Relaxed)).then_some(entries))
    }
}

/// Takes changes in as they happen, for those who listen. Ends when the directory is no longer what was opened.
async fn keep_fresh(lanes: Arc<Lanes>, index: Arc<FollowedIndex>, ready: StoreReadiness) {
    loop {
        tokio::select! {
            events = ready.wait() => if let Err(error) = events {
                return tracing::error!(%error, "changes of the store cannot be waited for");
            },
            () = index.failed.notified() => {}
        }
        let refreshing = index.clone();
        let refresh = move || Ok(refreshing.refreshed().map(|entries| entries.is_some()));
        let error = match lanes.quick.run(refresh).await {
            Ok(Ok(true)) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Ok(Ok(false)) => return,
            Ok(Err(error)) => error.to_string(),
            // There was no thread for it.
            Err(error) => {
                index.failed.notify_one();
                error.to_string()
            }
        };
        tracing::warn!(error, "changes of the store are looked for again");
        tokio::time::sleep(AGAIN).await;
    }
}
