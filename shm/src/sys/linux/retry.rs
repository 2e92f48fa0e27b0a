//! System calls that a signal interrupted are made again, because a signal of the host program is not a failure.

use std::io;

/// Makes a call until no signal interrupts it.
pub(super) fn retry<T, E: Into<io::Error>>(mut call: impl FnMut() -> Result<T, E>) -> io::Result<T> {
    loop {
        match call().map_err(Into::into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
