//! `dcc-mcp-shm doctor`: whether the store and the machine are as they should be, and what to do where they are not.

mod contents;
mod directory;
mod environment;
mod finding;
mod logind;
mod memory;

use std::process::ExitCode;

use clap::Args;

use self::finding::Level;
use super::{foreign, terminal};
use crate::settings::StoreOption;
use crate::text;

/// Check the store, and the machine as far as it matters to it.
///
/// A line for each thing that was looked at, and below it what to do about it. Nothing is changed, not even where the store
/// cannot be opened.
///
/// An error is what does not work, or not with data of usual size, until somebody acts: a store that is refused, damaged
/// files, no room, the 64 MB that Docker gives /dev/shm. The exit status is 1 then. A warning is worth knowing, and the
/// exit status stays 0: what the next sweep takes, data that a logout would delete, memory that is a disk.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    store: StoreOption,
}

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let directory = self.store.directory();
        let (store, finding) = directory::check(&directory);
        let mut findings = vec![finding];
        findings.extend(environment::check());
        findings.extend(memory::check(&directory, store.as_ref()));
        findings.extend(logind::check(&directory));
        if let Some(store) = &store {
            findings.extend(contents::check(store));
        }
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        let summary = match (errors, warnings) {
            (0, 0) => "All is well.".to_owned(),
            _ => format!(
                "{}, {}.",
                text::count(errors, "error"),
                text::count(warnings, "warning")
            ),
        };
        let lines: String = findings.iter().map(ToString::to_string).collect();
        terminal::print(&format!("{lines}{summary}\n"))?;
        Ok(if errors == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
