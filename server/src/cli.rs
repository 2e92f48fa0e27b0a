//! The command line: what can be asked for, and which module answers.

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::install::{self, Install};
use crate::manifest::Manifest;
use crate::serve;
use crate::settings::Settings;

/// Shared memory buffers of Blender, Maya and other DCC tools, for AI agents.
#[derive(Debug, Parser)]
#[command(name = "dcc-mcp-shm", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP on stdin and stdout until EOF, SIGINT or SIGTERM.
    Serve(Settings),
    /// Write the entry for this server into a client's configuration, after showing it.
    Install(Install),
    /// Print mcp-manifest.json: what the server offers, as JSON.
    Manifest,
}

/// Parses the command line of this process and does what it asks for.
///
/// # Errors
/// What is to be told on stderr: the session could not begin, or an output could not be written.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    log_to_stderr();
    match cli.command {
        Command::Serve(settings) => serve::run(settings),
        Command::Install(command) => install::run(&command),
        Command::Manifest => {
            let mut json = serde_json::to_string_pretty(&Manifest::of_this_server())?;
            json.push('\n');
            io::stdout().lock().write_all(json.as_bytes())?;
            Ok(())
        }
    }
}

/// stdout belongs to the protocol, so everything said about it goes to stderr; `RUST_LOG` selects what.
fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
