//! MCP over stdin and stdout: which transport is used, and what ends it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::Transport;
use rmcp::transport::io::stdio_pipes;
use rmcp::{RoleServer, ServiceExt as _};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::access::StoreAccess;
use crate::handler::ShmServer;
use crate::settings::Settings;
use crate::transport::Lines;

/// When it is first rid of what expired: the call that opened the store is answered by then.
const FIRST_SWEEP: Duration = Duration::from_secs(1);
/// How often the store is rid of what expired: the time that a buffer may outlive its time to live.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Threads for what takes longer. Each has memory of its own that the allocator keeps for it.
const MAX_WORKING_THREADS: usize = 4;

/// Serves a store until the client or a signal ends it.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    dcc_mcp_shm::give_back_large_memory();
    // One client, short calls: a second thread would only add a hand-off to each of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(MAX_WORKING_THREADS)
        .build()
        .context("cannot start the async runtime")?;
    let outcome = runtime.block_on(serve_stdio(ShmServer::new(settings)));
    // A read of a terminal's stdin occupies a thread that nothing can interrupt: do not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn serve_stdio(server: ShmServer) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signal().context("cannot listen for signals")?;
    tokio::spawn(sweep_now_and_then(Arc::clone(server.access())));
    // Both fast paths stay on the reactor. Node clients hand over sockets, everybody else pipes;
    // anything else is what `stdio_pipes` falls back to threads for.
    if let (Some(stdin), Some(stdout)) = (unix_socket(io::stdin()), unix_socket(io::stdout())) {
        return serve_on(
            Lines::new(non_blocking(stdin)?, non_blocking(stdout)?),
            server,
            shutdown,
        )
        .await;
    }
    let (stdin, stdout) = stdio_pipes();
    serve_on(Lines::new(stdin, stdout), server, shutdown).await
}

async fn serve_on(
    transport: impl Transport<RoleServer> + 'static,
    server: ShmServer,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    match server.serve_with_ct(transport, shutdown).await {
        Ok(running) => {
            let reason = running.waiting().await.context("the MCP service failed")?;
            tracing::info!(?reason, "session ended");
            Ok(())
        }
        // A client may look and leave: neither EOF nor a signal before the handshake is a failure.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            tracing::info!("ended before a session began");
            Ok(())
        }
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
        let store = Arc::clone(&store);
        let swept = tokio::task::spawn_blocking(move || store.sweep()).await;
        match swept {
            Ok(Some(Ok(report))) => tracing::debug!(files = report.removed.len(), "removed what expired"),
            Ok(Some(Err(error))) => tracing::warn!(%error, "could not remove what expired"),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "removing what expired did not finish"),
        }
    }
}

/// A token that SIGINT or SIGTERM cancels; rmcp then answers what is in flight and returns.
fn cancelled_by_signal() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    });
    Ok(shutdown)
}

/// A duplicate of `stream`, if it is a Unix socket.
fn unix_socket(stream: impl AsFd) -> Option<net::UnixStream> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    if !file.metadata().ok()?.file_type().is_socket() {
        return None;
    }
    let socket = net::UnixStream::from(OwnedFd::from(file));
    // Fails for sockets of other families, such as those that inetd hands over.
    socket.local_addr().is_ok().then_some(socket)
}

/// Hands `socket` to the reactor.
///
/// The flag is shared with the standard stream, so this must not happen before it is certain that
/// nothing else will read stdin or write stdout: a blocking reader would take it for the end.
fn non_blocking(socket: net::UnixStream) -> anyhow::Result<UnixStream> {
    socket
        .set_nonblocking(true)
        .and_then(|()| UnixStream::from_std(socket))
        .context("cannot use the client's socket")
}
