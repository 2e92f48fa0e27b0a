//! The differences between clients: where their configuration is, how the list of servers in it is spelled, and when
//! they read it.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::{env, io};

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::edit::Format;
use super::error::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    /// ~/.claude.json, or .mcp.json of a project
    ClaudeCode,
    /// ~/.config/Claude/claude_desktop_config.json
    ClaudeDesktop,
    /// ~/.cursor/mcp.json, or .cursor/mcp.json of a project
    Cursor,
    /// ~/.config/Code/User/mcp.json, or .vscode/mcp.json of a project
    Vscode,
    /// ~/.codex/config.toml, or .codex/config.toml of a project
    Codex,
    /// ~/.gemini/settings.json, or .gemini/settings.json of a project
    #[value(alias = "gemini-cli")]
    Gemini,
    /// ~/.config/goose/config.yaml
    Goose,
}

/// Whose configuration is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    One(Client),
    /// Every client that has a configuration.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
    /// Every project of this user
    User,
    /// The current directory, and who else has a copy of it
    Project,
}

impl ValueEnum for Clients {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::One(Client::ClaudeCode),
            Self::One(Client::ClaudeDesktop),
            Self::One(Client::Cursor),
            Self::One(Client::Vscode),
            Self::One(Client::Codex),
            Self::One(Client::Gemini),
            Self::One(Client::Goose),
            Self::All,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(client) => client.to_possible_value(),
            Self::All => Some(PossibleValue::new("all").help("Each of these that has a configuration here")),
        }
    }
}

impl Clients {
    /// The clients that are meant.
    pub(super) fn found(self, scope: Scope) -> Result<Vec<Client>, Error> {
        if let Self::One(client) = self {
            return Ok(vec![client]);
        }
        let mut found = Vec::new();
        for client in Client::value_variants() {
            if client.is_there(scope)? {
                found.push(*client);
            }
        }
        if found.is_empty() {
            return Err(Error::NoClient(match scope {
                Scope::User => "of this user",
                Scope::Project => "in this directory",
            }));
        }
        Ok(found)
    }
}

impl Client {
    /// The directory that this client has if it is used, and the file that it reads; `None` if it has no such scope.
    fn place(self, scope: Scope) -> Result<Option<(PathBuf, PathBuf)>, Error> {
        let (directory, file) = match (self, scope) {
            // Its file lies beside its directory, unless the variable names a directory for both.
            (Self::ClaudeCode, Scope::User) => match directory("CLAUDE_CONFIG_DIR") {
                Some(directory) => (directory, ".claude.json"),
                None => return Ok(Some((home()?.join(".claude"), home()?.join(".claude.json")))),
            },
            (Self::ClaudeCode, Scope::Project) => return Ok(Some((".claude".into(), ".mcp.json".into()))),
            (Self::ClaudeDesktop, Scope::User) => (user_config()?.join("Claude"), "claude_desktop_config.json"),
            (Self::ClaudeDesktop | Self::Goose, Scope::Project) => return Ok(None),
            (Self::Cursor, Scope::User) => (home()?.join(".cursor"), "mcp.json"),
            (Self::Cursor, Scope::Project) => (".cursor".into(), "mcp.json"),
            (Self::Vscode, Scope::User) => (user_config()?.join("Code/User"), "mcp.json"),
            (Self::Vscode, Scope::Project) => (".vscode".into(), "mcp.json"),
            (Self::Codex, Scope::User) => {
                let directory = directory("CODEX_HOME");
                (directory.map_or_else(|| Ok(home()?.join(".codex")), Ok)?, "config.toml")
            }
            (Self::Codex, Scope::Project) => (".codex".into(), "config.toml"),
            (Self::Gemini, Scope::User) => {
                let home = directory("GEMINI_CLI_HOME").map_or_else(home, Ok)?;
                (home.join(".gemini"), "settings.json")
            }
            (Self::Gemini, Scope::Project) => (".gemini".into(), "settings.json"),
            (Self::Goose, Scope::User) => match directory("GOOSE_PATH_ROOT") {
                Some(root) => (root.join("config"), "config.yaml"),
                None => (user_config()?.join("goose"), "config.yaml"),
            },
        };
        let file = directory.join(file);
        Ok(Some((directory, file)))
    }

    /// The file that this client reads.
    pub(super) fn config_file(self, scope: Scope) -> Result<PathBuf, Error> {
        let (_, file) = self.place(scope)?.ok_or(Error::UserScopeOnly(self.title()))?;
        Ok(file)
    }

    /// Whether this client has a configuration.
    fn is_there(self, scope: Scope) -> Result<bool, Error> {
        let place = self.place(scope)?;
        let Some((directory, file)) = place else {
            return Ok(false);
        };
        Ok(look(&directory)?.is_some_and(|there| there.is_dir()) || look(&file)?.is_some())
    }

    pub(super) fn format(self) -> Format {
        let json = |section| Format::Json {
            section,
            with_type: self == Self::Vscode,
        };
        match self {
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor | Self::Gemini => json("mcpServers"),
            Self::Vscode => json("servers"),
            Self::Codex => Format::Toml,
            Self::Goose => Format::Yaml,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Cursor => "Cursor",
            Self::Vscode => "VS Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::Goose => "Goose",
        }
    }

    /// What the user does so that the client reads the file again.
    pub(super) fn next_step(self, scope: Scope) -> &'static str {
        match (self, scope) {
            (Self::ClaudeCode, _) => "Start Claude Code anew; /mcp shows its servers.",
            (Self::ClaudeDesktop, _) => "Quit Claude Desktop and start it again.",
            (Self::Cursor, _) => "Cursor shows its servers in the settings, under MCP.",
            (Self::Vscode, _) => "In VS Code, \"MCP: List Servers\" shows and starts it.",
            (Self::Codex, Scope::User) => "Start Codex anew; /mcp shows its servers.",
            (Self::Codex, Scope::Project) => "Codex reads it once the project is trusted; /mcp shows its servers.",
            (Self::Gemini, _) => "Start Gemini CLI anew; /mcp shows its servers.",
            (Self::Goose, _) => "Start Goose anew; `goose info -v` shows its extensions.",
        }
    }
}

/// What is at a path. That it cannot be looked at does not mean that nothing is.
fn look(path: &Path) -> Result<Option<Metadata>, Error> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match fs::metadata(path) {
        Ok(there) => Ok(Some(there)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The home directory: `HOME`, else the one in the user database.
fn home() -> Result<PathBuf, Error> {
    env::home_dir().filter(|path| path.is_absolute()).ok_or(Error::NoHome)
}

/// The directory in which programs of the desktop keep their configuration.
fn user_config() -> Result<PathBuf, Error> {
    directory("XDG_CONFIG_HOME").map_or_else(|| Ok(home()?.join(".config")), Ok)
}

fn directory(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
