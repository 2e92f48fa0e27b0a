//! Telling clients that resources changed: what each wants to know, and the two ways of saying it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use dcc_mcp_shm::{Reference, Store, StoreChange};
use rmcp::model::{ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::SubscriptionSink;
use rmcp::{Peer, RoleServer};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::access::StoreAccess;
use crate::address::{ResourceUri, visible_address};
use crate::spelling::meant;
use crate::sync::lock;

/// What a client wants to be told of.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    /// That resources came or went.
    listing: bool,
    /// That one of these changed.
    resources: BTreeMap<String, Subject>,
}

/// What a subscription is about.
#[derive(Debug)]
struct Subject {
    uri: ResourceUri,
    /// Whose id or name it was when it was looked at last: a name goes over to another buffer.
    id: Option<Uuid>,
}

impl Subject {
    fn new(uri: ResourceUri, store: Option<&Store>) -> Self {
        let mut subject = Self { uri, id: None };
        subject.id = store.and_then(|store| subject.resolve(store));
        subject
    }

    fn resolve(&self, store: &Store) -> Option<Uuid> {
        match self.uri.reference()? {
            Reference::Id(id) => Some(*id),
            reference => store.resolve(&meant(store, reference.clone()).ok()?).ok(),
        }
    }

    fn is_changed(&mut self, changes: &[StoreChange], store: Option<&Store>) -> bool {
        let before = self.id;
        self.id = store.and_then(|store| self.resolve(store));
        if self.uri == ResourceUri::Store {
            return changes
                .iter()
                .any(|change| !matches!(change, StoreChange::Descriptor(_)));
        }
        let concerns = |change: &StoreChange| match change {
            StoreChange::Listing(id) | StoreChange::Descriptor(id) => [before, self.id].contains(&Some(*id)),
            StoreChange::Everything | StoreChange::Gone => true,
        };
        before != self.id || changes.iter().any(concerns)
    }
}

impl Interest {
    /// Of a `subscriptions/listen` request.
    pub(crate) fn of(filter: &SubscriptionFilter, store: Option<&Store>) -> Self {
        let uris = filter.resource_subscriptions.iter().flatten();
        let subject = |uri: &String| Some((visible_address(uri), Subject::new(ResourceUri::parse(uri)?, store)));
        Self {
            listing: filter.resources_list_changed == Some(true),
            resources: uris.filter_map(subject).collect(),
        }
    }

    /// The part of a requested filter that can be served: of resources, and of addresses that can exist.
    pub(crate) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
        let mut accepted = SubscriptionFilter::new();
        accepted.resources_list_changed = requested.resources_list_changed;
        accepted.resource_subscriptions = requested.resource_subscriptions.as_ref().map(|uris| {
            let exists = |uri: &&String| ResourceUri::parse(uri).is_some();
            uris.iter().filter(exists).cloned().collect()
        });
        accepted
    }
}

/// How a client is told.
#[derive(Debug)]
pub(crate) enum Sink {
    /// In a session, by messages that belong to no request.
    Session(Peer<RoleServer>),
    /// As part of the request that listens.
    Listening(SubscriptionSink),
}

impl Sink {
    async fn list_changed(&self) -> bool {
        match self {
            Self::Session(peer) => peer.notify_resource_list_changed().await.is_ok(),
            Self::Listening(sink) => sink.notify_resource_list_changed().await.is_ok(),
        }
    }

    async fn updated(&self, uri: String) -> bool {
        match self {
            Self::Session(peer) => {
                let changed = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(changed).await.is_ok()
            }
            Self::Listening(sink) => sink.notify_resource_updated(uri).await.is_ok(),
        }
    }
}

/// Tells a client what it wants to know, until it is gone.
pub(crate) async fn follow(
    access: Arc<StoreAccess>,
    mut changes: Receiver<StoreChange>,
    interest: Arc<Mutex<Interest>>,
    sink: Sink,
) {
    while let Some(batch) = next_batch(&mut changes).await {
        let store = access.opened();
        let (listing, updated) = {
            let mut interest = lock(&interest);
            let listing = interest.listing && batch.iter().any(|change| !matches!(change, StoreChange::Descriptor(_)));
            let resources = interest.resources.iter_mut();
            let updated =
                resources.filter_map(|(uri, subject)| subject.is_changed(&batch, store.as_ref()).then(|| uri.clone()));
            (listing, updated.collect::<Vec<_>>())
        };
        if listing && !sink.list_changed().await {
            return;
        }
        for uri in updated {
            if !sink.updated(uri).await {
                return;
            }
        }
    }
}

/// The next change, and all that came together with it.
pub(crate) async fn next_batch(changes: &mut Receiver<StoreChange>) -> Option<Vec<StoreChange>> {
    let mut batch = match changes.recv().await {
        Ok(change) => vec![change],
        Err(RecvError::Lagged(_)) => vec![StoreChange::Everything],
        Err(RecvError::Closed) => return None,
    };
    loop {
        match changes.try_recv() {
            Ok(change) => batch.push(change),
            Err(TryRecvError::Lagged(_)) => batch.push(StoreChange::Everything),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(batch),
        }
    }
}

/// What the client of a session wants to know: nothing until it has listed or subscribed.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    interest: Arc<Mutex<Interest>>,
    telling: OnceLock<AbortOnDropHandle<()>>,
}

impl Subscriptions {
    /// The client has listed the resources, so it is told when that listing is out of date. `changes` are those since
    /// before it was made.
    pub(crate) fn listed(&self, access: &Arc<StoreAccess>, peer: &Peer<RoleServer>, changes: Receiver<StoreChange>) {
        lock(&self.interest).listing = true;
        self.tell(access, peer, changes);
    }

    /// The client wants to be told of a resource. What has no address, and never can have one, is refused.
    pub(crate) fn subscribe(&self, uri: &str, access: &Arc<StoreAccess>, peer: &Peer<RoleServer>) -> bool {
        let Some(parsed) = ResourceUri::parse(uri) else {
            return false;
        };
        let subject = Subject::new(parsed, access.opened().as_ref());
        lock(&self.interest).resources.insert(visible_address(uri), subject);
        self.tell(access, peer, access.changes());
        true
    }

    pub(crate) fn unsubscribe(&self, uri: &str) {
        lock(&self.interest).resources.remove(&visible_address(uri));
    }

    fn tell(&self, access: &Arc<StoreAccess>, peer: &Peer<RoleServer>, changes: Receiver<StoreChange>) {
        self.telling.get_or_init(|| {
            let sink = Sink::Session(peer.clone());
            let telling = follow(access.clone(), changes, self.interest.clone(), sink);
            AbortOnDropHandle::new(tokio::spawn(telling))
        });
    }
}
