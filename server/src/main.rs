//! `dcc-mcp-shm`: finds, describes, creates and deletes shared memory buffers for AI agents over MCP.

mod arguments;
mod cli;
mod cursor;
mod handler;
mod manifest;
mod python;
mod reply;
mod schema;
mod serve;
mod text;
mod tools;

use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(error) = cli::run() else {
        return ExitCode::SUCCESS;
    };
    // `dcc-mcp-shm manifest | head` has what it wanted.
    let reader_left = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if reader_left {
        return ExitCode::SUCCESS;
    }
    // With stderr closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}
