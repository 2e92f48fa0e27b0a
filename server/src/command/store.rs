//! The store that a command is about.

use anyhow::Context as _;
use dcc_mcp_shm::{Error, Store, StoreOptions};

use super::foreign::foreign;
use super::terminal;
use crate::settings::StoreOption;
use crate::text::capitalised;

/// The store, if it is there. Looking neither makes nor sweeps one.
pub(super) fn existing(option: &StoreOption) -> Result<Option<Store>, Error> {
    match opened(option) {
        Err(error) if error.is_gone() => Ok(None),
        opened => opened.map(Some),
    }
}

/// The store, or that it is not there.
pub(super) fn opened(option: &StoreOption) -> Result<Store, Error> {
    Store::open(&StoreOptions::at(option.directory()).existing())
}

/// The store, for a command that needs what is in it.
pub(super) fn needed(option: &StoreOption) -> anyhow::Result<Store> {
    existing(option)?.with_context(|| no_store(option))
}

/// What a command says when it finds nothing to look at. That is not an error.
pub(super) fn say_no_store(option: &StoreOption) -> anyhow::Result<()> {
    Ok(terminal::print(&format!("{}.\n", capitalised(&no_store(option))))?)
}

fn no_store(option: &StoreOption) -> String {
    let directory = foreign(&option.directory().display().to_string());
    format!(
        "there is no store at {directory}; the first program that shares something makes it (in a container, /dev/shm is one of \
         its own)"
    )
}
