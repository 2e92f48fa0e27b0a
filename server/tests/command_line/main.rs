//! The command line, run as users run it: `dcc-mcp-shm install`, what looks at a store, and the pages of `--help`.

mod damaged;
mod deleting;
mod diagnosis;
mod editing;
mod files;
mod help;
mod home;
mod hostile;
mod keeping;
mod live;
mod looking;
mod page;
#[path = "../../../shm/tests/common/refusal.rs"]
mod refusal;
mod refused;
mod store;
mod terminal;
mod terminals;
