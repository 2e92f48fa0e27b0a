//! What the server says about itself: its name, its version, and instructions for a model.

/// The name that clients show and configurations use.
pub(crate) const NAME: &str = "dcc-mcp-shm";
/// The name that people read.
pub(crate) const TITLE: &str = "DCC shared memory";
/// The server's version, which is the crate's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// One sentence on what the server is for.
pub(crate) const DESCRIPTION: &str = env!("CARGO_PKG_DESCRIPTION");

/// What a model is told when its client connects.
pub(crate) const INSTRUCTIONS: &str = include_str!("instructions.md").trim_ascii_end();
