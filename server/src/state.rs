//! The state of a server, and how calls reach the store.

use std::sync::Arc;

use dcc_mcp_shm::{Store, StoreIndex};
use rmcp::RoleServer;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::service::RequestContext;
use tokio_util::sync::CancellationToken;

use crate::access::StoreAccess;
use crate::answers::Answers;
use crate::lanes::Lane;
use crate::reply::ToolError;
use crate::settings::Settings;
use crate::subscriptions::Subscriptions;
use crate::work::{Work, unless_cancelled};

/// Serves one store to one client. Clients name buffers by their ids in each call, so a session has no state except its
/// subscriptions.
#[derive(Debug)]
pub struct ShmServer {
    store: Arc<StoreAccess>,
    settings: Settings,
    tools: ToolRouter<Self>,
    /// Answers of `read_descriptor` about sealed scenes.
    described: Answers,
    /// The changes that the client of this session wants to be told of. A client without a session listens in a
    /// request.
    subscriptions: Subscriptions,
}

impl ShmServer {
    /// A server with these tools.
    pub(crate) fn with_tools(settings: Settings, tools: ToolRouter<Self>) -> Self {
        Self {
            store: Arc::new(StoreAccess::new(&settings)),
            settings,
            tools,
            described: Answers::default(),
            subscriptions: Subscriptions::default(),
        }
    }

    pub(crate) fn tools(&self) -> &ToolRouter<Self> {
        &self.tools
    }

    pub(crate) fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    pub(crate) fn access(&self) -> &Arc<StoreAccess> {
        &self.store
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn described(&self) -> &Answers {
        &self.described
    }

    /// The store, for work of a few system calls at most, because anything longer would stall every request.
    pub(crate) async fn store(&self) -> Result<Store, ToolError> {
        if let Some(store) = self.store.opened() {
            return Ok(store);
        }
        let access = Arc::clone(&self.store);
        self.store.lanes().quick.run(move || access.open()).await
    }

    /// Runs `look` in the quick lane. It may look at some thousand files of the store at most.
    pub(crate) async fn quick<T, F>(&self, cancelled: &CancellationToken, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, ToolError> + Send + 'static,
    {
        let access = Arc::clone(&self.store);
        let looked = self.store.lanes().quick.run(move || look(&access.open()?));
        unless_cancelled(cancelled, looked).await
    }

    /// Runs `look` on the index of the store, which is brought up to date first.
    pub(crate) async fn index<T, F>(&self, cancelled: &CancellationToken, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &StoreIndex) -> Result<T, ToolError> + Send + 'static,
    {
        let access = Arc::clone(&self.store);
        let looked = self.store.lanes().quick.run(move || access.index(look));
        unless_cancelled(cancelled, looked).await
    }

    /// Runs `look`, which reads the data of a buffer. The `Work` that it gets says whether the client has cancelled the
    /// call, and tells the client how far `look` is.
    pub(crate) async fn read<T, F>(&self, context: &RequestContext<RoleServer>, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(&self.store.lanes().reading, StoreAccess::open, context, look)
            .await
    }

    /// Runs `draw`, which draws the data of a buffer. The rest is as in [`Self::read`].
    pub(crate) async fn draw<T, F>(&self, context: &RequestContext<RoleServer>, draw: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(&self.store.lanes().drawing, StoreAccess::open, context, draw)
            .await
    }

    /// Runs `make`, which makes a buffer without a name. No other process can want the same name, so `make` waits for
    /// the store's lock only if there is a quota.
    pub(crate) async fn make<T, F>(&self, context: &RequestContext<RoleServer>, make: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(&self.store.lanes().making, StoreAccess::open_to_change, context, make)
            .await
    }

    /// Runs `change`, which may wait for the store's lock, and may free or fill much memory.
    pub(crate) async fn change<T, F>(&self, context: &RequestContext<RoleServer>, change: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(
            &self.store.lanes().changing,
            StoreAccess::open_to_change,
            context,
            change,
        )
        .await
    }

    async fn long<T, F>(
        &self,
        lane: &Lane,
        open: fn(&StoreAccess) -> Result<Store, ToolError>,
        context: &RequestContext<RoleServer>,
        work: F,
    ) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        let (access, steps) = (Arc::clone(&self.store), Work::of(context));
        lane.run_to_end(&context.ct, move || work(&open(&access)?, &steps))
            .await
    }
}
