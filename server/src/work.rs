//! Work that may take over a second. It tells the client how far it is, and ends when the client cancels the request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dcc_mcp_shm_view::Progress;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::reply::ToolError;

/// How often progress is told, which is often enough for a bar that moves.
const INTERVAL: Duration = Duration::from_millis(200);

/// The work of one request: whether its answer is still wanted, and what the client is told meanwhile.
#[derive(Debug)]
pub(crate) struct Work {
    cancelled: CancellationToken,
    told: Option<Told>,
}

/// What the client is told of the work.
#[derive(Debug)]
struct Told {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    runtime: Handle,
    started: Instant,
    /// The interval, counted from the start, in which `is_due` was called last.
    looked: AtomicU64,
    /// The most that was told. The lock is held while a message is sent, because each message must tell more than the
    /// one before.
    most: Mutex<u64>,
}

impl Work {
    /// The work of a request. Progress is told if the client asked for it. Called on the runtime.
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Self {
        let told = context.meta.get_progress_token().map(|token| Told {
            peer: context.peer.clone(),
            token,
            runtime: Handle::current(),
            started: Instant::now(),
            looked: AtomicU64::new(0),
            most: Mutex::new(0),
        });
        Self {
            cancelled: context.ct.clone(),
            told,
        }
    }

    /// Whether the answer is still wanted.
    ///
    /// # Errors
    /// The client has cancelled the request.
    pub(crate) fn go_on(&self) -> Result<(), ToolError> {
        if self.is_wanted() {
            Ok(())
        } else {
            Err(ToolError::cancelled())
        }
    }

    /// Tells at once how much is done, if that is more than was told before. Waits until the message is on its way, or
    /// until the client, which may have stopped reading, cancels the request.
    ///
    /// # Errors
    /// The client has cancelled the request.
    pub(crate) async fn tell(&self, done: u64, total: u64) -> Result<(), ToolError> {
        unless_cancelled(&self.cancelled, async {
            if let Some(told) = &self.told {
                told.tell(done, total).await;
            }
            Ok(())
        })
        .await
    }

    /// The token that is cancelled when the client cancels the request.
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }
}

impl Progress for Work {
    fn is_wanted(&self) -> bool {
        !self.cancelled.is_cancelled()
    }

    fn report(&self, done: u64, total: u64) {
        if let Some(told) = self.told.as_ref().filter(|told| told.is_due()) {
            // The only error is that the client has cancelled the request, which `is_wanted` says too.
            let _ = told.runtime.block_on(self.tell(done, total));
        }
    }
}

/// Waits for `wait`, or until the client cancels the request. `wait` is dropped then.
///
/// # Errors
/// The client has cancelled the request, or `wait` has failed.
pub(crate) async fn unless_cancelled<T>(
    cancelled: &CancellationToken,
    wait: impl Future<Output = Result<T, ToolError>>,
) -> Result<T, ToolError> {
    tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(ToolError::cancelled()),
        outcome = wait => outcome,
    }
}

impl Told {
    /// True once in each interval but the first, for the thread that asks first.
    fn is_due(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis() / INTERVAL.as_millis()).unwrap_or(u64::MAX);
        self.looked.fetch_max(now, Ordering::Relaxed) < now
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of what is done, for a bar")]
    async fn tell(&self, done: u64, total: u64) {
        let mut most = self.most.lock().await;
        if done <= *most {
            return;
        }
        let message = ProgressNotificationParam::new(self.token.clone(), done as f64).with_total(total as f64);
        if let Err(error) = self.peer.notify_progress(message).await {
            tracing::debug!(%error, "progress could not be told");
        }
        *most = done;
    }
}
