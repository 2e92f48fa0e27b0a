//! `dcc-mcp-shm install`: shows the entry for this server in a client's configuration, and then writes it.

mod clients;
mod diff;
mod edit;
mod error;
mod file;
mod program;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use self::clients::{Client, Scope};
use self::error::Error;
use self::file::ConfigFile;
use crate::identity;
use crate::settings::Settings;

/// Longest name of an entry. There is a limit because clients put it into the names of tools, which must be short.
const NAME_BYTES: usize = 32;

/// Write the entry for this server into a client's configuration, after showing it.
///
/// The change is shown as a diff and written once you agree; without a terminal, only with --yes. The rest of the file
/// stays as it is, comments included, and a file that is not understood is not touched. The entry names this program by
/// its path, because clients started from a desktop do not have the PATH of a shell; move the program, and run this again.
/// If uvx runs it, the entry is uv's, which runs it again.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Install {
    /// The client whose configuration gets the entry.
    client: Client,
    /// Where the entry applies: in every project of this user, or in the current directory alone.
    #[arg(long, default_value = "user")]
    scope: Scope,
    /// Name of the entry: letters, digits, "-" and "_".
    #[arg(long, default_value = identity::NAME, value_parser = entry_name)]
    name: String,
    /// Show what would change, and change nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten, next_help_heading = "Options of the server, which become part of the entry")]
    settings: Settings,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm install claude-code
      In every project of this user.
  dcc-mcp-shm install vscode --scope project --dry-run
      Only show what this directory's .vscode/mcp.json would get.
  dcc-mcp-shm install claude-desktop --name dcc-looker --read-only --yes
      A second entry, with tools that only look, without being asked.";

fn entry_name(name: &str) -> Result<String, String> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if (1..=NAME_BYTES).contains(&name.len()) && name.chars().all(usual) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "use 1 to {NAME_BYTES} letters, digits, \"-\" and \"_\": clients make tools' names of it"
    ))
}

/// Shows what is to change in the client's file and, if the user wants that, changes it.
pub(crate) fn run(install: &Install) -> anyhow::Result<()> {
    let path = install.client.config_file(install.scope)?;
    let file = ConfigFile::read(&path)?;
    let program = program::find()?;
    let entry = edit::Entry {
        section: install.client.section(),
        name: &install.name,
        with_type: install.client.wants_type(),
        command: program.command,
        arguments: [program.arguments, install.settings.to_arguments()?].concat(),
    };
    let new_text = entry.put_into(file.text()).map_err(|problem| problem.of(&path))?;
    let mut stdout = io::stdout().lock();
    if new_text == file.text() {
        writeln!(stdout, "{} already has this entry; nothing to do.", path.display())?;
        return Ok(());
    }
    let shown = stdout.write_all(diff::unified(&path, file.text(), &new_text).as_bytes());
    if install.dry_run {
        return Ok(shown?);
    }
    shown.map_err(Error::NotShown)?;
    if !install.yes {
        if !io::stdin().is_terminal() {
            return Err(Error::NobodyToAsk(path).into());
        }
        if !agreed()? {
            return Err(Error::Declined(path).into());
        }
    }
    file.replace(&new_text, install.scope)?;
    writeln!(stdout, "Wrote {}. {}", path.display(), install.client.next_step())?;
    Ok(())
}

/// Asks at the terminal whether to write the change.
fn agreed() -> io::Result<bool> {
    let mut stderr = io::stderr();
    write!(stderr, "Write this? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
