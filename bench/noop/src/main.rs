//! The least that a call costs with rmcp: one tool that does nothing, over pipes or a Unix socket.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::transport::io::stdio_pipes;
use rmcp::{ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use tokio::net::UnixStream;

struct Noop {
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Noop {
    #[tool(description = "Does nothing.")]
    fn noop() -> String {
        "ok".to_owned()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Noop {}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?
        .block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    let noop = Noop {
        tool_router: Noop::tool_router(),
    };
    let running = match (unix_socket(io::stdin())?, unix_socket(io::stdout())?) {
        (Some(stdin), Some(stdout)) => noop.serve((stdin, stdout)).await?,
        _ => noop.serve(stdio_pipes()).await?,
    };
    running.waiting().await?;
    Ok(())
}

/// A duplicate of `stream` on the reactor, if it is a Unix socket.
fn unix_socket(stream: impl AsFd) -> io::Result<Option<UnixStream>> {
    let socket = net::UnixStream::from(stream.as_fd().try_clone_to_owned()?);
    if socket.local_addr().is_err() {
        return Ok(None);
    }
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket).map(Some)
}
