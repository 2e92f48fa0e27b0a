//! What a server is told when it starts, by options or by environment variables.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

/// Largest text or structured content of a result, in bytes, unless another one is asked for.
const DEFAULT_RESULT_BYTES: usize = 40_000;

/// Which store a server serves, and how.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Directory of the store [default: a private directory in /dev/shm].
    #[arg(long, value_name = "DIR", env = "DCC_MCP_SHM_DIR")]
    pub store: Option<PathBuf>,
    /// Offer only tools that change nothing.
    #[arg(long, env = "DCC_MCP_SHM_READ_ONLY", value_parser = FalseyValueParser::new())]
    pub read_only: bool,
    /// Most bytes that the store may hold, for all programs that use it; recorded in the store.
    ///
    /// [env: DCC_MCP_SHM_MAX_BYTES] [default: as recorded]
    #[arg(long, value_name = "BYTES")]
    pub max_bytes: Option<u64>,
    /// Most bytes of text, and of structured content, in one result.
    #[arg(long, value_name = "BYTES", env = "DCC_MCP_SHM_RESULT_BYTES", default_value_t = DEFAULT_RESULT_BYTES)]
    pub result_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: None,
            read_only: false,
            max_bytes: None,
            result_bytes: DEFAULT_RESULT_BYTES,
        }
    }
}
