//! `dcc-mcp-shm`: the MCP server and its command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use dcc_mcp_shm::visible;

fn main() -> ExitCode {
    let error = match dcc_mcp_shm_server::run() {
        Ok(status) => return status,
        Err(error) => error,
    };
    // `dcc-mcp-shm manifest | head` has what it wanted.
    let reader_left = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if reader_left {
        return ExitCode::SUCCESS;
    }
    // With stderr closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {}", visible(&format!("{error:#}")));
    ExitCode::FAILURE
}
