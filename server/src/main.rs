//! `dcc-mcp-shm`: the MCP server and its command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use dcc_mcp_shm::visible;

fn main() -> ExitCode {
    let error = match dcc_mcp_shm_server::run() {
        Ok(status) => return status,
        Err(error) => error,
    };
    // A reader that leaves early, as in `dcc-mcp-shm manifest | head`, has what it wanted.
    let reader_left = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if reader_left {
        return ExitCode::SUCCESS;
    }
    // A failed write is ignored, because stderr is the only way to tell of it.
    let _ = writeln!(io::stderr(), "error: {}", visible(&format!("{error:#}")));
    ExitCode::FAILURE
}
