//! stdin and stdout as the reactor has them, whatever they are: no thread waits for a client.
//!
//! tokio's own `stdin` and `stdout` need threads, which the system may not give, and of which one keeps waiting for a
//! terminal when the session has ended.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::readiness::waitable;
use crate::platform::{Input, Output};

/// Bytes that a pipe surely takes once it takes any (PIPE_BUF): more could wait for the reader.
const PIECE: usize = 4096;

/// What the client writes to.
///
/// # Errors
/// stdin is closed, or the reactor does not take it.
pub(crate) fn input() -> io::Result<Input> {
    // Opened again, so that O_NONBLOCK is set on this descriptor only. A pipe of another user cannot be opened again.
    if is_pipe(io::stdin())
        && let Ok(pipe) = pipe::OpenOptions::new().open_receiver("/proc/self/fd/0")
    {
        return Ok(Box::new(pipe));
    }
    match unix_socket(io::stdin()) {
        Some(socket) => Ok(Box::new(non_blocking(socket)?)),
        None => Ok(Box::new(Stream::new(io::stdin(), Interest::READABLE)?)),
    }
}

/// What the client reads.
///
/// # Errors
/// stdout is closed, or the reactor does not take it.
pub(crate) fn output() -> io::Result<Output> {
    if is_pipe(io::stdout())
        && let Ok(pipe) = pipe::OpenOptions::new().open_sender("/proc/self/fd/1")
    {
        return Ok(Box::new(pipe));
    }
    match unix_socket(io::stdout()) {
        Some(socket) => Ok(Box::new(non_blocking(socket)?)),
        None => Ok(Box::new(Stream::new(io::stdout(), Interest::WRITABLE)?)),
    }
}

/// Whether `stream` is a pipe. Nothing else is opened again: a terminal would become the controlling terminal of a session that
/// has none.
fn is_pipe(stream: impl AsFd) -> bool {
    fstat(stream).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_fifo())
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

/// Hands `socket` to the reactor. The flag is shared with the standard stream, which nothing else uses from here on.
fn non_blocking(socket: net::UnixStream) -> io::Result<UnixStream> {
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// A terminal, a file or a pipe whose flags stay as they are, because other processes share them: it is read or written
/// once that does not wait.
#[derive(Debug)]
enum Stream {
    Waited(AsyncFd<OwnedFd>),
    /// A file, which is always ready.
    Ready(OwnedFd),
}

impl Stream {
    fn new(stream: impl AsFd, interest: Interest) -> io::Result<Self> {
        let stream = stream.as_fd();
        match waitable(stream.try_clone_to_owned()?, interest) {
            Ok(waited) => Ok(Self::Waited(waited)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Ok(Self::Ready(stream.try_clone_to_owned()?))
            }
            Err(error) => Err(error),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut read = |stream: &OwnedFd| {
            let count = rustix::io::read(stream, buffer.initialize_unfilled())?;
            buffer.advance(count);
            Ok(())
        };
        match &*self {
            Self::Ready(file) => Poll::Ready(read(file)),
            Self::Waited(stream) => loop {
                let mut guard = ready!(stream.poll_read_ready(cx))?;
                if is_ready(stream.get_ref(), PollFlags::IN)? {
                    return Poll::Ready(read(stream.get_ref()));
                }
                guard.clear_ready();
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = |stream: &OwnedFd, most| Ok(rustix::io::write(stream, &bytes[..bytes.len().min(most)])?);
        match &*self {
            Self::Ready(file) => Poll::Ready(write(file, usize::MAX)),
            Self::Waited(stream) => loop {
                let mut guard = ready!(stream.poll_write_ready(cx))?;
                if is_ready(stream.get_ref(), PollFlags::OUT)? {
                    return Poll::Ready(write(stream.get_ref(), PIECE));
                }
                guard.clear_ready();
            },
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Whether a stream can be read or written now. The reactor tells of changes only, and that nothing is left would show in
/// a read that waits.
fn is_ready(stream: &OwnedFd, flags: PollFlags) -> io::Result<bool> {
    let mut polled = [PollFd::new(stream, flags)];
    Ok(poll(&mut polled, Some(&Timespec::default()))? > 0)
}
