//! What people ask for at a terminal: one command a file, over the same store that the server serves.

mod doctor;
mod find;
mod gc;
mod json;
mod ls;
mod overview;
mod process;
mod rm;
mod show;
mod table;
mod terminal;
mod top;

use anyhow::Context as _;
use dcc_mcp_shm::{Error, Store};

pub(crate) use self::doctor::Doctor;
pub(crate) use self::gc::Gc;
pub(crate) use self::ls::Ls;
pub(crate) use self::rm::Rm;
pub(crate) use self::show::Show;
pub(crate) use self::top::Top;
use crate::settings::StoreOption;
use crate::text::capitalised;
use dcc_mcp_shm_view::text;

/// Longest foreign text in a line for people, in bytes as it is shown.
const FOREIGN_BYTES: usize = 1024;

/// Text of others as a terminal may have it: nothing in it is obeyed or unseen.
fn foreign(text: &str) -> String {
    text::bounded(text, FOREIGN_BYTES)
}

/// The store, if it is there. Looking neither makes nor sweeps one.
fn existing(option: &StoreOption) -> Result<Option<Store>, Error> {
    match Store::open_existing(option.directory()) {
        Err(error) if error.is_gone() => Ok(None),
        opened => opened.map(Some),
    }
}

/// The store, for a command that needs what is in it.
fn needed(option: &StoreOption) -> anyhow::Result<Store> {
    existing(option)?.with_context(|| no_store(option))
}

/// What a command says that finds nothing to look at, which is no error.
fn say_no_store(option: &StoreOption) -> anyhow::Result<()> {
    Ok(terminal::print(&format!("{}.\n", capitalised(&no_store(option))))?)
}

fn no_store(option: &StoreOption) -> String {
    let directory = foreign(&option.directory().display().to_string());
    format!("there is no store at {directory}; the first program that shares something makes it")
}
