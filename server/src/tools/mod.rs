//! The tools, one file each: arguments, result, and the call that connects them to the store.

mod create_buffer;
mod create_pool;
mod delete_buffer;
mod describe_buffer;
mod keep_buffer;
mod list_buffers;
mod pool_status;
mod read_buffer;
mod read_descriptor;
mod store_status;
mod view_image;
mod wait_for_buffer;

use rmcp::handler::server::router::tool::ToolRouter;

use crate::settings::Settings;
use crate::state::ShmServer;

/// The tools of a server with these settings.
pub(crate) fn router(settings: &Settings) -> ToolRouter<ShmServer> {
    let looking = ShmServer::describe_buffer_router()
        + ShmServer::list_buffers_router()
        + ShmServer::pool_status_router()
        + ShmServer::read_buffer_router()
        + ShmServer::read_descriptor_router()
        + ShmServer::store_status_router()
        + ShmServer::view_image_router()
        + ShmServer::wait_for_buffer_router();
    if settings.read_only {
        return looking;
    }
    looking
        + ShmServer::create_buffer_router()
        + ShmServer::create_pool_router()
        + ShmServer::delete_buffer_router()
        + ShmServer::keep_buffer_router()
}
