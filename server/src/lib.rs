//! The MCP server of dcc-mcp-shm, by which AI agents find, describe, show, make and delete what DCCs share on this
//! machine.
//!
//! The binary `dcc-mcp-shm` is [`run`] and nothing else. [`ShmServer`] is the handler by itself, for a host that has a
//! transport of its own.

mod access;
mod address;
mod advice;
mod answers;
mod arguments;
mod cli;
mod code;
mod command;
mod completion;
mod cursor;
mod ending;
mod follower;
mod half_pair;
mod handler;
mod identity;
mod incoming;
mod install;
mod lanes;
mod lenient;
mod likeness;
mod listed;
mod log;
mod manifest;
mod outgoing;
mod platform;
mod process;
mod prompts;
#[cfg(test)]
#[path = "../../tests/properties.rs"]
mod properties;
mod quota;
mod reference;
mod replaced_file;
mod reply;
mod report;
mod resources;
mod schema;
mod serve;
mod settings;
mod spelling;
mod state;
mod subscriptions;
mod sweep;
mod sync;
mod text;
mod tools;
mod transport;
mod unmatched;
mod weight;
mod work;

pub use cli::run;
pub use settings::{Settings, StoreOption};
pub use state::ShmServer;
