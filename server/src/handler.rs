//! The MCP server object: what it says about itself, and how its tools reach the store.

use std::sync::Arc;

use dcc_mcp_shm::Store;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, tool_handler};

use crate::access::StoreAccess;
use crate::index::Index;
use crate::reply::ToolError;
use crate::settings::Settings;
use crate::work::Work;
use crate::{manifest, tools};

/// Serves one store. It keeps no session state: buffer ids are handles that clients pass as arguments.
#[derive(Debug)]
pub struct ShmServer {
    store: Arc<StoreAccess>,
    settings: Settings,
    tool_router: ToolRouter<Self>,
}

impl ShmServer {
    /// A server that opens its store when a call first needs it.
    pub fn new(settings: Settings) -> Self {
        Self {
            tool_router: tools::router(&settings),
            store: Arc::new(StoreAccess::new(&settings)),
            settings,
        }
    }

    pub(crate) fn access(&self) -> &Arc<StoreAccess> {
        &self.store
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The store, for work that is a few system calls at most: anything longer stalls every request.
    pub(crate) async fn store(&self) -> Result<Store, ToolError> {
        if let Some(store) = self.store.opened() {
            return Ok(store);
        }
        let access = Arc::clone(&self.store);
        on_thread(move || access.open()).await
    }

    /// Runs `work` on a thread of its own, for what scans the store, waits for its lock, or frees or fills memory.
    pub(crate) async fn off_thread<T, F>(&self, work: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, ToolError> + Send + 'static,
    {
        let access = Arc::clone(&self.store);
        on_thread(move || work(&access.open()?)).await
    }

    /// The same for what may take over a second: `work` is told when the client cancels, and tells how far it is.
    pub(crate) async fn long<T, F>(&self, context: &RequestContext<RoleServer>, work: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store, &Work) -> Result<T, ToolError> + Send + 'static,
    {
        let steps = Work::of(context);
        self.off_thread(move |store| work(store, &steps)).await
    }

    /// Looks something up in the index of the store, as it is now.
    pub(crate) async fn index<T, F>(&self, look: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Index) -> Result<T, ToolError> + Send + 'static,
    {
        let access = Arc::clone(&self.store);
        on_thread(move || access.index(look)).await
    }
}

async fn on_thread<T, F>(work: F) -> Result<T, ToolError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, ToolError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a store operation did not finish");
        ToolError::new(
            "The server failed while it worked on the store",
            "Call list_buffers to see the store's present state; if this repeats, tell the user.",
        )
    })?
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for ShmServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(
                Implementation::new(manifest::NAME, manifest::VERSION)
                    .with_title(manifest::TITLE)
                    .with_description(manifest::DESCRIPTION),
            )
            .with_instructions(include_str!("instructions.md").trim_ascii_end())
    }
}
