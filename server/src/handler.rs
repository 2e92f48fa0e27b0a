//! The MCP side of the server: what it offers, and which module answers each request.

use std::sync::{Arc, Mutex};

use dcc_mcp_shm_view::text::Quoted;
use rmcp::handler::server::tool::{IntoCallToolResult as _, ToolCallContext};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, GetPromptRequestParams,
    GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
    SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, tool_handler};
use tokio_util::sync::CancellationToken;

use crate::address::{BUFFERS, POOLS};
use crate::completion::Completed;
use crate::settings::Settings;
use crate::state::ShmServer;
use crate::subscriptions::{Interest, Sink, follow};
use crate::{identity, lenient, prompts, resources, tools};

impl ShmServer {
    /// A server that opens its store when a call first needs it.
    pub fn new(settings: Settings) -> Self {
        let tools = tools::router(&settings);
        Self::with_tools(settings, tools)
    }
}

#[tool_handler(router = self.tools())]
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
                Implementation::new(identity::NAME, identity::VERSION)
                    .with_title(identity::TITLE)
                    .with_description(identity::DESCRIPTION),
            )
            .with_instructions(identity::INSTRUCTIONS)
    }

    /// Calls a tool with the arguments that its schema asks for, made of those that came.
    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.tools().get(&request.name) else {
            let tools = self.tools().list_all();
            let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
            let problem = format!(
                "There is no tool {}; there are {}",
                Quoted(&request.name),
                names.join(", ")
            );
            return Err(ErrorData::invalid_params(problem, None));
        };
        let given = request.arguments.take().unwrap_or_default();
        match lenient::arguments(&tool.input_schema, given) {
            Ok(arguments) => request.arguments = Some(arguments),
            Err(error) => return error.into_call_tool_result(),
        }
        self.tools().call(ToolCallContext::new(self, request, context)).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        // The receiver is made before the index is read, so that no change in between is missed.
        let changes = self.access().changes();
        let cursor = request.and_then(|request| request.cursor);
        let listed = self
            .index(&context.ct, move |_, index| resources::list(index, cursor.as_deref()))
            .await?;
        // Only a client with a session is told of later changes. Any other is told only what it listens for in a
        // request.
        if context.peer.peer_info().is_some() {
            self.subscriptions().listed(self.access(), &context.peer, changes);
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
        // This looks into the index, because changes are noticed only after a first look.
        self.index(&context.ct, |_, _| Ok(())).await?;
        if self
            .subscriptions()
            .subscribe(&request.uri, self.access(), &context.peer)
        {
            return Ok(());
        }
        let known = format!("There are shm://store, {BUFFERS} and {POOLS}");
        Err(ErrorData::resource_not_found(known, None))
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions().unsubscribe(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(Interest::accepted(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let changes = self.access().changes();
        let listening = async {
            self.index(&CancellationToken::new(), |_, _| Ok(())).await?;
            let interest = Interest::of(context.accepted(), self.access().opened().as_ref());
            let sink = Sink::Listening(context.sink().clone());
            follow(self.access().clone(), changes, Arc::new(Mutex::new(interest)), sink).await;
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
        let store = self.settings().store.directory();
        let store = std::path::absolute(&store).unwrap_or(store);
        prompts::get(&request.name, request.arguments.as_ref(), &store).map(Into::into)
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
            .index(&context.ct, move |_, index| Ok(completed.propose(index, &typed)))
            .await?;
        Ok(CompleteResult::new(proposed))
    }
}
