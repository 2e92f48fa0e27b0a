//! The differences between clients: where their configuration is, how the list of servers in it is called, and when
//! they read it.

use std::env;
use std::path::PathBuf;

use clap::ValueEnum;

use super::error::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// ~/.claude.json, or .mcp.json of a project
    ClaudeCode,
    /// ~/.config/Claude/claude_desktop_config.json
    ClaudeDesktop,
    /// ~/.cursor/mcp.json, or .cursor/mcp.json of a project
    Cursor,
    /// ~/.config/Code/User/mcp.json, or .vscode/mcp.json of a project
    Vscode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Every project of this user
    User,
    /// The current directory, and who else has a copy of it
    Project,
}

impl Client {
    /// The file that this client reads.
    pub(super) fn config_file(self, scope: Scope) -> Result<PathBuf, Error> {
        Ok(match (self, scope) {
            // Claude Code itself looks there.
            (Self::ClaudeCode, Scope::User) => directory("CLAUDE_CONFIG_DIR")
                .map_or_else(home, Ok)?
                .join(".claude.json"),
            (Self::ClaudeCode, Scope::Project) => ".mcp.json".into(),
            (Self::ClaudeDesktop, Scope::User) => user_config()?.join("Claude/claude_desktop_config.json"),
            (Self::ClaudeDesktop, Scope::Project) => return Err(Error::UserScopeOnly),
            (Self::Cursor, Scope::User) => home()?.join(".cursor/mcp.json"),
            (Self::Cursor, Scope::Project) => ".cursor/mcp.json".into(),
            (Self::Vscode, Scope::User) => user_config()?.join("Code/User/mcp.json"),
            (Self::Vscode, Scope::Project) => ".vscode/mcp.json".into(),
        })
    }

    /// The object in the file that has an entry for each server.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor => "mcpServers",
            Self::Vscode => "servers",
        }
    }

    /// Whether an entry has a `type`, which says that the server is a program and not an address.
    pub(super) fn wants_type(self) -> bool {
        self == Self::Vscode
    }

    /// What the user does so that the client reads the entry.
    pub(super) fn next_step(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Start Claude Code anew; /mcp shows its servers.",
            Self::ClaudeDesktop => "Quit Claude Desktop and start it again.",
            Self::Cursor => "Cursor shows its servers in the settings, under MCP.",
            Self::Vscode => "In VS Code, \"MCP: List Servers\" shows and starts it.",
        }
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
