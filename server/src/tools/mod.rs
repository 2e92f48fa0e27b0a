//! The tools, one file each: arguments, result, and the call that connects them to the store.

mod create_buffer;
mod delete_buffer;
mod list_buffers;
mod pool_status;
mod read_descriptor;

use rmcp::handler::server::router::tool::ToolRouter;

use crate::handler::ShmServer;

/// All tools of the server.
pub(crate) fn router() -> ToolRouter<ShmServer> {
    ShmServer::create_buffer_router()
        + ShmServer::delete_buffer_router()
        + ShmServer::list_buffers_router()
        + ShmServer::pool_status_router()
        + ShmServer::read_descriptor_router()
}
