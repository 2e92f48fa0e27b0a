//! The terminal: its size, and keys as they are pressed.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::readiness::waitable;

/// Columns and lines of the window that stdout is, if it is one and knows its size.
pub(crate) fn window_size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// A terminal that gives each key at once and shows none. Dropping this makes it as it was.
#[derive(Debug)]
pub(crate) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Changes the terminal that stdin is.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut changed = before.clone();
        // Ctrl-C and Ctrl-Z are keys as well: a signal would end or stop this process with the terminal as it is.
        changed.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        // A read takes what there is and does not wait.
        changed.special_codes[SpecialCodeIndex::VMIN] = 0;
        changed.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &changed)?;
        Ok(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// The keys that are pressed in a [`RawTerminal`].
#[derive(Debug)]
pub(crate) struct Keys(AsyncFd<OwnedFd>);

impl Keys {
    /// Called on the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        waitable(io::stdin().as_fd().try_clone_to_owned()?, Interest::READABLE).map(Self)
    }

    /// Waits for keys, and gives all that were pressed. Nothing is lost if the wait is given up.
    pub(crate) async fn pressed(&self) -> io::Result<Vec<u8>> {
        self.0.readable().await?.clear_ready();
        let (mut pressed, mut keys) = (Vec::new(), [0; 64]);
        loop {
            match rustix::io::read(io::stdin(), &mut keys)? {
                0 => return Ok(pressed),
                count => pressed.extend(&keys[..count]),
            }
        }
    }
}

/// The changes of the size of the window.
#[derive(Debug)]
pub(crate) struct Resizes(Signal);

impl Resizes {
    /// Called on the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        signal(SignalKind::window_change()).map(Self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}
