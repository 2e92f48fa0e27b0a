//! The exit statuses of commands for scripts, beside 0, 1 for what failed and 2 for a mistake on the command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use dcc_mcp_shm::{Error, visible};

/// What is meant is not there.
const NOT_THERE: u8 = 3;
/// The time is up.
pub(super) const TIMED_OUT: u8 = 4;

/// The status of what is done, or of an error that says that something is not there, which is told on stderr.
///
/// # Errors
/// Any other.
pub(super) fn status_of(done: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    done.or_else(|error| match error.downcast_ref::<Error>() {
        Some(gone) if gone.is_gone() => {
            // A failed write is ignored, because stderr is the only way to tell of it.
            let _ = writeln!(io::stderr(), "error: {}", visible(&format!("{error:#}")));
            Ok(ExitCode::from(NOT_THERE))
        }
        _ => Err(error),
    })
}
