//! The handler of `dcc-mcp-shm` over HTTP, because the MCP conformance tests speak nothing else.
//!
//! Prints its address, and serves the store that the environment names until its stdin ends.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use dcc_mcp_shm_server::{Settings, ShmServer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}/mcp", listener.local_addr()?)?;
    let (mut stdin, mut nowhere) = (tokio::io::stdin(), tokio::io::sink());
    tokio::select! {
        result = serve(listener) => result,
        result = tokio::io::copy(&mut stdin, &mut nowhere) => Ok(result.map(drop)?),
    }
}

async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let handler = Arc::new(ShmServer::new(Settings::default()));
    let service = StreamableHttpService::new(
        move || Ok(Arc::clone(&handler)),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default().with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*"]),
    );
    loop {
        let (connection, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| async { Ok::<_, Infallible>(service.handle(request).await) });
            // A client that leaves in the middle is no concern of the others.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), answer)
                .await;
        });
    }
}
