//! The MCP server object: what it says about itself, and how its tools reach the store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use dcc_mcp_shm::Store;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, tool_handler};

use crate::reply::ToolError;
use crate::settings::Settings;
use crate::work::Work;
use crate::{manifest, tools};

/// Serves one store. It keeps no session state: buffer ids are handles that clients pass as arguments.
#[derive(Debug)]
pub struct ShmServer {
    store: Arc<LazyStore>,
    tool_router: ToolRouter<Self>,
}

impl ShmServer {
    /// A server that opens its store when a call first needs it.
    pub fn new(settings: Settings) -> Self {
        Self {
            tool_router: tools::router(&settings),
            store: Arc::new(LazyStore::new(settings)),
        }
    }

    pub(crate) fn lazy_store(&self) -> Arc<LazyStore> {
        Arc::clone(&self.store)
    }

    /// The store, for work that is a few system calls at most: anything longer stalls every request.
    pub(crate) async fn store(&self) -> Result<Store, ToolError> {
        if let Some(store) = self.store.opened() {
            return Ok(store);
        }
        let lazy = Arc::clone(&self.store);
        // Opening sweeps what expired.
        on_thread(move || lazy.open()).await
    }

    /// Runs `work` on a thread of its own, for what scans the store, waits for its lock, or frees or fills memory.
    pub(crate) async fn off_thread<T, F>(&self, work: F) -> Result<T, ToolError>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, ToolError> + Send + 'static,
    {
        let lazy = Arc::clone(&self.store);
        on_thread(move || work(&lazy.open()?)).await
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

/// A store that is opened when it is first needed, and again when its directory was removed or replaced.
///
/// A server that could not start would tell the model nothing; a tool error tells it what to do.
#[derive(Debug)]
pub(crate) struct LazyStore {
    directory: PathBuf,
    quota: Option<u64>,
    opened: Mutex<Option<Store>>,
}

impl LazyStore {
    fn new(settings: Settings) -> Self {
        let named = settings.store.filter(|path| !path.as_os_str().is_empty());
        Self {
            directory: named.unwrap_or_else(Store::default_path),
            quota: settings.max_bytes,
            opened: Mutex::new(None),
        }
    }

    /// The store if it is open and still there.
    pub(crate) fn opened(&self) -> Option<Store> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().filter(|store| store.is_current()).cloned()
    }

    fn open(&self) -> Result<Store, ToolError> {
        if let Some(store) = self.opened() {
            return Ok(store);
        }
        // Two calls may do this at once; both stores are good.
        let store = Store::open_at(&self.directory)
            .and_then(|store| {
                // Without the option a recorded quota stays.
                self.quota.map_or(Ok(()), |bytes| store.set_quota(Some(bytes)))?;
                Ok(store)
            })
            .map_err(|error| ToolError::no_store(&error))?;
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        Ok(store)
    }
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
