//! The MCP server object: what it says about itself, and how its tools reach the store.

use std::sync::{Arc, Mutex};

use dcc_mcp_shm::Store;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, Implementation,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SubscribeRequestParams,
    SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, tool_handler};
use tokio_util::sync::CancellationToken;

use crate::access::StoreAccess;
use crate::answers::Answers;
use crate::completion::Completed;
use crate::index::Index;
use crate::lanes::Lane;
use crate::reply::ToolError;
use crate::resources::{Interest, Sink, Subscriptions, follow};
use crate::settings::Settings;
use crate::work::{Work, unless_cancelled};
use crate::{manifest, prompts, resources, tools};

/// Serves one store to one client. Buffer ids are handles that clients pass as arguments: but for subscriptions, there
/// is no state in a session.
#[derive(Debug)]
pub struct ShmServer {
    store: Arc<StoreAccess>,
    settings: Settings,
    tool_router: ToolRouter<Self>,
    /// What `read_descriptor` said of scenes.
    described: Answers,
    /// What the client of this session wants to be told of; clients without sessions listen in a request.
    subscriptions: Subscriptions,
}

impl ShmServer {
    /// A server that opens its store when a call first needs it.
    pub fn new(settings: Settings) -> Self {
        Self {
            tool_router: tools::router(&settings),
            store: Arc::new(StoreAccess::new(&settings)),
            settings,
            described: Answers::default(),
            subscriptions: Subscriptions::default(),
        }
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
        F: FnOnce(&Index) -> Result<T, ToolError> + Send + 'static,
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
        unless_cancelled(&context.ct, lane.run(move || work(&open(&access)?, &steps))).await
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for ShmServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new(manifest::NAME, manifest::VERSION)
                    .with_title(manifest::TITLE)
                    .with_description(manifest::DESCRIPTION),
            )
            .with_instructions(manifest::INSTRUCTIONS)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        // From before the look, so that nothing falls between.
        let changes = self.store.changes();
        let cursor = request.and_then(|request| request.cursor);
        let listed = self
            .index(&context.ct, move |index| resources::list(index, cursor.as_deref()))
            .await?;
        // Clients without sessions are told of nothing that they do not listen for.
        if context.peer.peer_info().is_some() {
            self.subscriptions.listed(&self.store, &context.peer, changes);
        }
        Ok(listed)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(self, &request.uri, &context.ct).await.map(Into::into)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // From here on changes are noticed.
        self.index(&context.ct, |_| Ok(())).await?;
        if self.subscriptions.subscribe(&request.uri, &self.store, &context.peer) {
            return Ok(());
        }
        let known = format!("There are shm://store, {} and {}", resources::BUFFERS, resources::POOLS);
        Err(ErrorData::resource_not_found(known, None))
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.unsubscribe(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(Interest::accepted(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let changes = self.store.changes();
        let listening = async {
            self.index(&CancellationToken::new(), |_| Ok(())).await?;
            let interest = Interest::of(context.accepted(), self.store.opened().as_ref());
            let sink = Sink::Listening(context.sink().clone());
            follow(self.store.clone(), changes, Arc::new(Mutex::new(interest)), sink).await;
            Ok(())
        };
        tokio::select! {
            () = context.cancelled() => Ok(()),
            outcome = listening => outcome,
        }
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request.name, request.arguments.as_ref()).map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let Some(completed) = Completed::of(&request) else {
            return Ok(CompleteResult::default());
        };
        let typed = request.argument.value;
        let proposed = self
            .index(&context.ct, move |index| Ok(completed.propose(index, &typed)))
            .await?;
        Ok(CompleteResult::new(proposed))
    }
}
