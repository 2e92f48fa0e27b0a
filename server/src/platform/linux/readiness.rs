//! What the runtime waits for: file descriptors, and events of a store.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use dcc_mcp_shm::StoreWatch;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Tells when a watch of a store has events.
#[derive(Debug)]
pub(crate) struct StoreReadiness(AsyncFd<OwnedFd>);

impl StoreReadiness {
    /// Called on the runtime, or on a thread of a lane.
    pub(crate) fn of(watch: &StoreWatch) -> io::Result<Self> {
        waitable(watch.as_fd().try_clone_to_owned()?, Interest::READABLE).map(Self)
    }

    /// Waits until there are events. Those that come while the caller takes these in end the next wait.
    pub(crate) async fn wait(&self) -> io::Result<()> {
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}

/// A descriptor whose state can be waited for.
#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types that may close their descriptor; this one does not"
)]
pub(super) fn waitable(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, interest)
}
