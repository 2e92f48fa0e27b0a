//! The command line: its commands, and which module carries out each.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use dcc_mcp_shm::visible;

use crate::command::{Doctor, Gc, Get, Keep, Ls, Put, Rm, Show, Stats, Top, Wait};
use crate::install::{Install, Uninstall};
use crate::manifest::Manifest;
use crate::settings::Settings;
use crate::{log, serve};

/// Meshes, caches and frames that Blender, Maya and other DCC tools share in memory, for AI agents.
///
/// DCCs put scene data into shared memory and never send it anywhere. This program is the MCP server by which an agent
/// finds, describes, shows, makes and deletes what is there; what travels is a descriptor of some 500 bytes. For people it
/// lists, shows and deletes the same at a terminal.
#[derive(Debug, Parser)]
#[command(name = "dcc-mcp-shm", version, after_help = HINT, after_long_help = ABOUT_USE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HINT: &str = "With --help there are examples and the environment variables.";

const ABOUT_USE: &str = "\
Examples:
  dcc-mcp-shm install claude-code
      Let Claude Code start this server in every project; shows the change and asks first.
  dcc-mcp-shm install cursor --scope project --read-only
      Let Cursor do so in this directory, with tools that change nothing.
  dcc-mcp-shm serve --store /dev/shm/my-scenes
      What a client runs: MCP on stdin and stdout, for another store than the user's own.

  dcc-mcp-shm ls
      What is shared, and who has it open; doctor tells what is wrong if something is.

Environment:
  DCC_MCP_SHM_DIR           Directory of the store [default: /dev/shm/dcc-mcp-shm-<uid>]
  DCC_MCP_SHM_MAX_BYTES     The most that the store may hold, such as 10G [default: as recorded, else no limit]
  DCC_MCP_SHM_READ_ONLY     1: offer only tools that change nothing
  DCC_MCP_SHM_RESULT_BYTES  The most in one result
  NO_COLOR                  Anything: no colours
  RUST_LOG                  What is logged to stderr, for instance debug [default: warn]";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Install(Install),
    Uninstall(Uninstall),
    Ls(Ls),
    Show(Show),
    Keep(Keep),
    Rm(Rm),
    Gc(Gc),
    Top(Top),
    Stats(Stats),
    Doctor(Doctor),
    Put(Put),
    Get(Get),
    Wait(Wait),
    Completions(Completions),
    /// Print mcp-manifest.json: what the server offers, as JSON.
    Manifest,
}

/// Serve MCP on stdin and stdout: what a client starts.
///
/// Speaks MCP 2024-11-05 to 2026-07-28, one JSON message a line, until EOF, SIGINT, SIGTERM or SIGHUP. The store is opened
/// when a call first needs it. Logs go to stderr.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT_SERVING)]
struct Serve {
    #[command(flatten)]
    settings: Settings,
}

const ABOUT_SERVING: &str = "\
Examples:
  dcc-mcp-shm serve
      Serve the store that DCCs of this user share by default.
  dcc-mcp-shm serve --read-only
      Offer only tools that look.
  RUST_LOG=debug dcc-mcp-shm serve --store /dev/shm/my-scenes --max-bytes 8G
      Serve another store, let it hold at most 8 GiB, and say on stderr what happens.";

/// Print what completes commands and options in a shell.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT_COMPLETIONS)]
struct Completions {
    /// The shell.
    shell: Shell,
}

const ABOUT_COMPLETIONS: &str = "\
Where shells look for it:
  bash  ~/.local/share/bash-completion/completions/dcc-mcp-shm
  zsh   a directory of $fpath, as _dcc-mcp-shm
  fish  ~/.config/fish/completions/dcc-mcp-shm.fish

Examples:
  dcc-mcp-shm completions bash > dcc-mcp-shm.bash
      Into a file, which the shell reads.";

impl Completions {
    fn run(&self) -> io::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "dcc-mcp-shm", &mut script);
        // In bash, what completes a command is labelled by another spelling of the program's name than the one that it is looked
        // up by, where the name has hyphens: clap-rs/clap#6421.
        let script = String::from_utf8_lossy(&script).replace("dcc__subcmd__mcp__subcmd__shm", "dcc__mcp__shm");
        io::stdout().lock().write_all(script.as_bytes())
    }
}

/// Parses the command line of this process and does what it asks for.
///
/// # Errors
/// The caller tells the error on stderr: the session could not begin, output or an entry could not be written, or the
/// store or buffer in question is not there.
pub fn run() -> anyhow::Result<ExitCode> {
    // This comes first, because parsing and logging use hash maps, which panic where there are no random numbers.
    dcc_mcp_shm::check_random()?;
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return Ok(explained(&error)),
    };
    log::to_stderr();
    match cli.command {
        Command::Serve(command) => serve::run(command.settings)?,
        Command::Install(command) => return command.run(),
        Command::Uninstall(command) => return command.run(),
        Command::Ls(command) => command.run()?,
        Command::Show(command) => command.run()?,
        Command::Keep(command) => command.run()?,
        Command::Rm(command) => return command.run(),
        Command::Gc(command) => command.run()?,
        Command::Top(command) => command.run()?,
        Command::Stats(command) => command.run()?,
        Command::Put(command) => return command.run(),
        Command::Get(command) => return command.run(),
        Command::Wait(command) => return command.run(),
        Command::Completions(command) => command.run()?,
        Command::Doctor(command) => return command.run(),
        Command::Manifest => {
            let mut json = serde_json::to_string_pretty(&Manifest::of_this_server())?;
            json.push('\n');
            io::stdout().lock().write_all(json.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a page of help, or what is wrong with the command line. The latter is escaped, because it quotes arguments,
/// which may come from others.
fn explained(error: &clap::Error) -> ExitCode {
    // A failed write is ignored, because nobody is left to be told when the stream is closed.
    let _ = if error.use_stderr() {
        io::stderr().write_all(visible(&error.render().to_string()).as_bytes())
    } else {
        error.print()
    };
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
