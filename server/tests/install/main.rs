//! `dcc-mcp-shm install`, run as users run it.

mod editing;
mod files;
mod home;
mod terminal;
