//! What ends a session from outside: signals, and a client that reads no more.

use std::future::pending;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use super::readiness::waitable;

/// The signals that ask a process to end.
#[derive(Debug)]
pub(crate) struct Terminations {
    interrupt: Signals,
    terminate: Signals,
    hangup: Signals,
    quit: Option<Signals>,
}

impl Terminations {
    /// From here on they no longer end the process by themselves. Called on the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: None,
        })
    }

    /// SIGQUIT as well, for a process that has something to put in order before it ends.
    pub(crate) fn and_quit(mut self) -> io::Result<Self> {
        self.quit = Some(signal(SignalKind::quit())?);
        Ok(self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            () = async {
                match &mut self.quit {
                    Some(quit) => drop(quit.recv().await),
                    None => pending().await,
                }
            } => {}
        }
    }
}

/// Whoever reads stdout.
#[derive(Debug)]
pub(crate) struct OutputReader {
    stdout: AsyncFd<OwnedFd>,
    is_socket: bool,
}

impl OutputReader {
    /// `None` where stdout cannot be waited for: files have no reader that leaves.
    pub(crate) fn of_stdout() -> Option<Self> {
        let stdout = io::stdout();
        let watched = stdout.as_fd().try_clone_to_owned();
        let watched = watched.and_then(|fd| waitable(fd, Interest::WRITABLE | Interest::ERROR));
        let is_socket = rustix::fs::fstat(&stdout).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_socket());
        Some(Self {
            stdout: watched.ok()?,
            is_socket,
        })
    }

    /// Waits until the reader has left; says whether it has, or can no longer be waited for.
    pub(crate) async fn left(&self) -> bool {
        while let Ok(mut ready) = self.stdout.ready(Interest::WRITABLE | Interest::ERROR).await {
            let state = ready.ready();
            if state.is_write_closed() || state.is_error() || (self.is_socket && is_shut(self.stdout.get_ref())) {
                return true;
            }
            ready.clear_ready();
        }
        false
    }
}

/// Whether nobody has the other end of stdout. A terminal whose window was closed fails as a broken disk does (EIO).
pub(crate) fn is_output_hung_up() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec::default())).is_ok()
        && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

/// Whether the reader of a socket has shut its side. That wakes a wait for the socket, but no event says it: only a write does,
/// also one of no bytes. Not for terminals, which such a write wakes again.
fn is_shut(stdout: &OwnedFd) -> bool {
    rustix::io::write(stdout, &[]) == Err(Errno::PIPE)
}

/// Makes a write beyond RLIMIT_FSIZE an error of the call (EFBIG) where SIGXFSZ would end the process. Called on the runtime.
///
/// The signal is caught and not ignored, because a program that this process might start would inherit "ignored".
pub(crate) fn survive_file_size_limit() -> io::Result<()> {
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
