//! The MCP server of dcc-mcp-shm: what DCCs share on this machine, found, described, shown, made and deleted by AI agents.
//!
//! The binary `dcc-mcp-shm` is [`run`] and nothing else. [`ShmServer`] is the handler by itself, for a host that has a
//! transport of its own.

mod access;
mod answers;
mod arguments;
mod cli;
mod command;
mod completion;
mod cursor;
mod data;
mod ending;
mod filter;
mod handler;
mod index;
mod install;
mod lanes;
mod listed;
mod log;
mod manifest;
mod memory;
mod outgoing;
mod picture;
mod prompts;
#[cfg(test)]
#[path = "../../tests/properties.rs"]
mod properties;
mod python;
mod quota;
mod reply;
mod resources;
mod schema;
mod serve;
mod settings;
mod spelling;
mod standard;
mod sweep;
mod text;
mod tools;
mod transport;
mod weight;
mod work;

pub use cli::run;
pub use handler::ShmServer;
pub use settings::{Settings, StoreOption};
