//! The command line, run as users run it: `dcc-mcp-shm install`, and the pages of `--help`.

mod editing;
mod files;
mod help;
mod home;
mod terminal;
