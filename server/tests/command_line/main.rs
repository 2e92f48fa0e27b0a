//! The command line, run as users run it: `dcc-mcp-shm install` and `uninstall`, what looks at a store, and the pages of `--help`.

mod choosing;
mod clients;
mod damaged;
mod deleting;
mod diagnosis;
mod editing;
mod files;
mod getting;
mod help;
mod home;
mod hostile;
mod keeping;
mod live;
mod looking;
mod page;
mod programs;
mod projects;
#[path = "../../../tests/properties.rs"]
mod properties;
#[path = "../../../shm/tests/common/refusal.rs"]
mod refusal;
mod refused;
mod scripts;
mod store;
mod terminal;
mod terminals;
mod uninstalling;
