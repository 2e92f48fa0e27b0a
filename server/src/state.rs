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

/// Serves one store to one client. Buffer ids are handles that clients pass as arguments: but for subscriptions, there
/// is no state in a session.
#[derive(Debug)]
pub struct ShmServer {
    store: Arc<StoreAccess>,
    settings: Settings,
    tools: ToolRouter<Self>,
    /// What `read_descriptor` said of scenes.
    described: Answers,
    /// What the client of this session wants to be told of; clients without sessions listen in a request.
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

    /// The store, for work that is a few system calls at most: anything longer stalls every request.
    pub(crate) async fn store(&self) -> Result<Store, ToolError> {
        if let Some(store) = self.store.opened() {
            return Ok(store);
        }
        let access = Arc::clone(&self.store);
        self.store.lanes().quick.run(move || access.open()).await
    }

    /// Looks at files of the store, some thousand at most.
    pub(crate) async fn quick<T, F>(&self, cancelled: &CancellationToken, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, ToolError> + Send + 'static,
    {
        let access = Arc::clone(&self.store);
        let looked = self.store.lanes().quick.run(move || look(&access.open()?));
        unless_cancelled(cancelled, looked).await
    }

    /// Looks something up in the index of the store, as it is now.
    pub(crate) async fn index<T, F>(&self, cancelled: &CancellationToken, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &StoreIndex) -> Result<T, ToolError> + Send + 'static,
    {
        let access = Arc::clone(&self.store);
        let looked = self.store.lanes().quick.run(move || access.index(look));
        unless_cancelled(cancelled, looked).await
    }

    /// Looks at the data of a buffer: `look` is told when the client cancels, and tells how far it is.
    pub(crate) async fn read<T, F>(&self, context: &RequestContext<RoleServer>, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(&self.store.lanes().reading, StoreAccess::open, context, look)
            .await
    }

    /// Draws the data of a buffer; else as [`Self::read`].
    pub(crate) async fn draw<T, F>(&self, context: &RequestContext<RoleServer>, draw: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(&self.store.lanes().drawing, StoreAccess::open, context, draw)
            .await
    }

    /// Makes what nobody else can be making, so that it waits for no lock unless there is a quota.
    pub(crate) async fn make<T, F>(&self, context: &RequestContext<RoleServer>, make: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        self.long(&self.store.lanes().making, StoreAccess::open_to_change, context, make)
            .await
    }

    /// Waits for the store's lock, or frees or fills memory.
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
