//! What ends a session besides the end of its input: a signal, a client that reads no more, an output that fails.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::readiness::descriptor;

/// The end of a session, shared by all that may bring it about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    ended: CancellationToken,
    /// Why the output failed, if not because the client left.
    failure: Arc<OnceLock<(io::ErrorKind, String)>>,
}

impl Ending {
    /// An end that comes with SIGINT, SIGTERM or SIGHUP, or as soon as nobody can read stdout any more. Called on the runtime.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let ending = Self::default();
        ending.follow_signals()?;
        ending.follow_reader();
        survive_file_size_limit()?;
        Ok(ending)
    }

    /// Cancelled when the session is to end: rmcp then answers what is in flight, and returns.
    pub(crate) fn token(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Ends the session because an answer could not be written.
    pub(crate) fn output_failed(&self, error: &io::Error) {
        let is_gone = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
        if !is_gone && !is_hung_up() {
            // Only the first is told; the next ones follow from it.
            let _ = self.failure.set((error.kind(), error.to_string()));
        }
        self.ended.cancel();
    }

    /// How the session went, told once it has ended.
    ///
    /// # Errors
    /// The first failure to write an answer. That the client left is no failure.
    pub(crate) fn outcome(&self) -> io::Result<()> {
        let failure = self.failure.get();
        failure.map_or(Ok(()), |(kind, problem)| Err(io::Error::new(*kind, problem.clone())))
    }

    fn follow_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let ended = self.ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            ended.cancel();
        });
        Ok(())
    }

    /// A client may close its reading end and keep the other open, so stdin alone does not tell that it has left.
    fn follow_reader(&self) {
        let stdout = io::stdout();
        // Files cannot be waited for, and have no reader that leaves.
        let watched = stdout.as_fd().try_clone_to_owned();
        let Ok(watched) = watched.and_then(|fd| descriptor(fd, Interest::WRITABLE | Interest::ERROR)) else {
            return;
        };
        let is_socket = rustix::fs::fstat(&stdout).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_socket());
        let ended = self.ended.clone();
        tokio::spawn(async move {
            while let Ok(mut ready) = watched.ready(Interest::WRITABLE | Interest::ERROR).await {
                let state = ready.ready();
                if state.is_write_closed() || state.is_error() || (is_socket && is_shut(watched.get_ref())) {
                    tracing::info!("nobody reads the answers any more");
                    return ended.cancel();
                }
                ready.clear_ready();
            }
        });
    }
}

/// Whether nobody has the other end of stdout. A terminal whose window was closed fails as a broken disk does (EIO).
fn is_hung_up() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec::default())).is_ok()
        && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

/// Whether the reader of a socket has shut its side. That wakes who waits for the socket, but no event says it: only a
/// write does, also one of no bytes. Not for terminals, which such a write wakes again.
fn is_shut(stdout: &OwnedFd) -> bool {
    rustix::io::write(stdout, &[]) == Err(Errno::PIPE)
}

/// Makes a write beyond RLIMIT_FSIZE an error of the call (EFBIG) where SIGXFSZ would end the process.
///
/// The signal is caught and not ignored, because a program that this process might start would inherit "ignored".
fn survive_file_size_limit() -> io::Result<()> {
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
