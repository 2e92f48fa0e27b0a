//! File descriptors that the runtime waits for.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor whose becoming readable can be waited for.
pub(crate) fn readable(readable: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    descriptor(readable, Interest::READABLE)
}

/// A descriptor whose state can be waited for.
#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types that may close their descriptor; this one does not"
)]
pub(crate) fn descriptor(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, interest)
}
