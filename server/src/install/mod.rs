//! `dcc-mcp-shm install` and `uninstall`: show what becomes of the entry for this server in the configuration of clients, and
//! then write it.

mod clients;
mod diff;
mod edit;
mod entry;
mod error;
mod file;
mod program;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use dcc_mcp_shm::visible;

use self::clients::{Client, Clients, Scope};
use self::edit::Format;
use self::entry::Entry;
use self::error::{Error, Problem};
use self::file::ConfigFile;
use self::program::Program;
use crate::identity;
use crate::settings::{Settings, StoreOption};

/// Longest name of an entry. There is a limit because clients put it into the names of tools, which must be short.
const NAME_BYTES: usize = 32;

/// Write the entry for this server into a client's configuration, after showing it.
///
/// The change is shown as a diff and written once you agree; without a terminal, only with --yes. All else in the file stays,
/// comments included, and a file that is not understood is not touched. The entry of a user names this program by its path,
/// because clients started from a desktop do not have the PATH of a shell; if uvx runs it, the entry is uv's. That of a
/// project is for others too: it names no path and no store, but dcc-mcp-shm, or uvx if others can get it by that.
#[derive(Debug, Args)]
#[command(after_long_help = INSTALLING)]
pub(crate) struct Install {
    #[command(flatten)]
    place: Place,
    #[command(flatten, next_help_heading = "Options of the server, which become part of the entry")]
    settings: Settings,
}

const INSTALLING: &str = "\
Examples:
  dcc-mcp-shm install all --yes
      In each client that is here, without being asked.
  dcc-mcp-shm install vscode --scope project --print
      Only show what this directory's .vscode/mcp.json would get.
  dcc-mcp-shm install claude-desktop --name dcc-looker --read-only
      A second entry, with tools that only look.";

/// Take the entry for this server out of a client's configuration, after showing it.
///
/// The change is shown as a diff and written once you agree; without a terminal, only with --yes. The rest of the file
/// stays as it is, comments included.
#[derive(Debug, Args)]
#[command(after_long_help = UNINSTALLING)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    place: Place,
}

const UNINSTALLING: &str = "\
Examples:
  dcc-mcp-shm uninstall cursor --print
      Only show what would go.
  dcc-mcp-shm uninstall all --yes
      Out of each client that is here, without being asked.";

/// Which entries are meant, and who is asked.
#[derive(Debug, Args)]
struct Place {
    /// The client whose configuration is changed.
    client: Clients,
    /// Where the entry applies: in every project of this user, or in the current directory alone.
    #[arg(long, default_value = "user")]
    scope: Scope,
    /// Name of the entry: letters, digits, "-" and "_".
    #[arg(long, default_value = identity::NAME, value_parser = entry_name)]
    name: String,
    /// Show what would change, and change nothing.
    #[arg(long, visible_alias = "print", conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

fn entry_name(name: &str) -> Result<String, String> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if (1..=NAME_BYTES).contains(&name.len()) && name.chars().all(usual) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "use 1 to {NAME_BYTES} letters, digits, \"-\" and \"_\": clients make tools' names of it"
    ))
}

impl Install {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Program { command, arguments } = match self.place.scope {
            Scope::User => program::of_this_user()?,
            Scope::Project => program::of_a_project()?,
        };
        let settings = match self.place.scope {
            Scope::User => self.settings.clone(),
            Scope::Project => self.settings_for_all()?,
        };
        let entry = Entry {
            name: &self.place.name,
            command,
            arguments: [arguments, settings.to_arguments()?].concat(),
        };
        self.place
            .change("already has this entry", |format, text| format.with(text, &entry))
    }

    /// The settings that mean the same to everybody who has a project. A store is one user's.
    fn settings_for_all(&self) -> io::Result<Settings> {
        let settings = Settings {
            store: StoreOption::default(),
            ..self.settings.clone()
        };
        if self.settings.store.is_named() {
            writeln!(
                io::stdout(),
                "The entry names no store, because a store is one user's: each has the default one, or that of DCC_MCP_SHM_DIR."
            )?;
        }
        Ok(settings)
    }
}

impl Uninstall {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Place { name, .. } = &self.place;
        self.place
            .change("has no such entry", |format, text| format.without(text, name))
    }
}

impl Place {
    /// Changes the file of each client that is meant. One that cannot be changed does not keep the others.
    fn change(
        &self,
        if_same: &str,
        change: impl Fn(Format, &str) -> Result<String, Problem>,
    ) -> anyhow::Result<ExitCode> {
        let clients = self.client.found(self.scope)?;
        if let [client] = clients[..] {
            self.change_one(client, if_same, &change)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut status = ExitCode::SUCCESS;
        for client in clients {
            if let Err(error) = self.change_one(client, if_same, &change) {
                writeln!(io::stderr(), "error: {}", visible(&format!("{error:#}")))?;
                status = ExitCode::FAILURE;
            }
        }
        Ok(status)
    }

    /// Shows what is to change in the client's file and, if the user wants that, changes it.
    fn change_one(
        &self,
        client: Client,
        if_same: &str,
        change: &impl Fn(Format, &str) -> Result<String, Problem>,
    ) -> anyhow::Result<()> {
        let path = client.config_file(self.scope)?;
        let file = ConfigFile::read(&path)?;
        let new_text = change(client.format(), file.text()).map_err(|problem| problem.of(&path))?;
        let mut stdout = io::stdout().lock();
        if new_text == file.text() {
            writeln!(stdout, "{} {if_same}; nothing to do.", path.display())?;
            return Ok(());
        }
        let shown = diff::unified(&path, !file.is_there(), file.text(), &new_text);
        let shown = stdout.write_all(shown.as_bytes());
        if self.dry_run {
            return Ok(shown?);
        }
        shown.map_err(Error::NotShown)?;
        if !self.yes {
            if !io::stdin().is_terminal() {
                return Err(Error::NobodyToAsk(path).into());
            }
            if !agreed()? {
                return Err(Error::Declined(path).into());
            }
        }
        file.replace(&new_text, self.scope)?;
        writeln!(stdout, "Wrote {}. {}", path.display(), client.next_step(self.scope))?;
        Ok(())
    }
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
