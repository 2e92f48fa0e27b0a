//! MCP over stdin and stdout: which transport is used, and what ends it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::Transport;
use rmcp::{RoleServer, ServiceExt as _};
use tokio::time::{Instant, MissedTickBehavior};

use crate::access::StoreAccess;
use crate::ending::Ending;
use crate::platform;
use crate::settings::Settings;
use crate::state::ShmServer;
use crate::transport::Lines;

/// When it is first rid of what expired: the call that opened the store is answered by then.
const FIRST_SWEEP: Duration = Duration::from_secs(1);
/// How often the store is rid of what expired: the time that a buffer may outlive its time to live.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Serves a store until the client or a signal ends it.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    dcc_mcp_shm::give_back_large_memory();
    if let Some(problem) = dcc_mcp_shm::relative_directory_variable() {
        tracing::warn!("{problem}");
    }
    platform::check_descriptors().context("cannot start the async runtime")?;
    // One client, short calls: a second thread would only add a hand-off to each of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .context("cannot start the async runtime")?;
    runtime.block_on(serve_stdio(ShmServer::new(settings)))
}

async fn serve_stdio(server: ShmServer) -> anyhow::Result<()> {
    let ending = Ending::of_this_process().context("cannot listen for signals")?;
    tokio::spawn(sweep_now_and_then(Arc::clone(server.access())));
    let input = platform::input().context("cannot read stdin")?;
    let output = platform::output().context("cannot write stdout")?;
    serve_on(Lines::new(input, output, ending.clone()), server, ending).await
}

async fn serve_on(
    transport: impl Transport<RoleServer> + 'static,
    server: ShmServer,
    ending: Ending,
) -> anyhow::Result<()> {
    match server.serve_with_ct(transport, ending.token()).await {
        Ok(running) => {
            let reason = running.waiting().await.context("the MCP service failed")?;
            tracing::info!(?reason, "session ended");
            ending.outcome().context("the answers cannot be written")
        }
        // A client may look and leave: neither EOF nor a signal before the handshake is a failure.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            tracing::info!("ended before a session began");
            Ok(())
        }
        // Nor is it one that the client left before its first answer.
        Err(ServerInitializeError::TransportError { .. }) => ending.outcome().context("the answers cannot be written"),
        Err(error) => Err(error).context("the MCP session could not begin"),
    }
}

/// Removes what expired. A store that no call has needed yet is left alone.
async fn sweep_now_and_then(store: Arc<StoreAccess>) {
    store.used().await;
    let mut ticks = tokio::time::interval_at(Instant::now() + FIRST_SWEEP, SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let swept = Arc::clone(&store);
        match store.lanes().changing.run(move || Ok(swept.sweep())).await {
            Ok(Some(Ok(report))) => tracing::debug!(files = report.removed.len(), "removed what expired"),
            Ok(Some(Err(error))) => tracing::warn!(%error, "could not remove what expired"),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "removing what expired did not finish"),
        }
    }
}
