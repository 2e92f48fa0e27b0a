//! The log. It goes to stderr, because stdout belongs to the protocol, and everything is escaped in it that a terminal
//! would hide or obey.

use std::io::{self, Write};

use dcc_mcp_shm::visible;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that selects what is logged.
const SELECTION: &str = "RUST_LOG";

/// Starts to log.
pub(crate) fn to_stderr() {
    let filter = || EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    let wanted = std::env::var_os(SELECTION).unwrap_or_default();
    let parsed = filter().parse(wanted.to_string_lossy());
    let problem = parsed.as_ref().err().map(ToString::to_string);
    tracing_subscriber::fmt()
        .with_env_filter(parsed.unwrap_or_else(|_| filter().parse_lossy("")))
        .with_writer(|| Visible)
        // tracing-subscriber would report a failed write on stderr too, and panic because stderr is closed.
        .log_internal_errors(false)
        .init();
    if let Some(problem) = problem {
        tracing::warn!("{SELECTION}={} selects nothing: {problem}", wanted.display());
    }
}

/// stderr, with hidden characters escaped, because an entry may quote texts of others.
struct Visible;

impl Write for Visible {
    /// Called once for each entry.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        io::stderr().write_all(visible(&text).as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
