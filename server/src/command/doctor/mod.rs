//! `dcc-mcp-shm doctor`: whether the store and the machine are as they should be, and what to do where they are not.

mod abilities;
mod container;
mod contents;
mod directory;
mod environment;
mod finding;
mod lock;
mod logind;
mod memory;
mod pending;
mod quoted;
mod versions;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use dcc_mcp_shm::{Error, Store};
use dcc_mcp_shm_view::text;
use serde::Serialize;

use self::finding::{Finding, Level};
use self::quoted::quoted;
use crate::command::{json, terminal};
use crate::settings::StoreOption;

/// Check the store, and the machine as far as it matters to it.
///
/// A line for each thing that was looked at, and below it what to do about it. Nothing is changed, not even where the store
/// cannot be opened; what the system allows is tried on a file that is gone again.
///
/// An error is what does not work, or not with data of usual size, until somebody acts: a store that is refused, damaged
/// files, no room, the 64 MB that Docker gives /dev/shm. The exit status is 1 then. A warning is worth knowing, and the
/// exit status stays 0: what the next sweep takes, what is deleted and still in use, data that a logout would delete, memory
/// that is a disk, a container that sees nothing of what is shared outside.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"store", "errors", "warnings", "findings"}; a finding is {"level", "subject", "state", "remedy"}, the level ok,
    /// warning or error.
    #[arg(long)]
    json: bool,
}

/// All that was found, for programs.
#[derive(Debug, Serialize)]
struct Diagnosis {
    store: String,
    errors: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let directory = self.store.directory();
        let (store, finding) = directory::check(&directory);
        let mut findings = vec![finding];
        findings.extend(environment::check());
        findings.extend(memory::check(&directory, store.as_ref()));
        findings.extend(container::check(&directory));
        findings.extend(logind::check(&directory));
        if let Some(store) = &store {
            findings.extend(abilities::check(store));
            findings.push(watching(store));
            findings.push(lock::check(store));
            findings.extend(contents::check(store, &option_for(&directory)));
            findings.extend(pending::check(store));
            findings.extend(versions::check(store));
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
        let said = if self.json {
            json::pretty(&Diagnosis {
                store: directory.display().to_string(),
                errors,
                warnings,
                findings,
            })?
        } else {
            let lines: String = findings.iter().map(ToString::to_string).collect();
            format!("{lines}{summary}\n")
        };
        let printed = terminal::print(&said);
        if errors > 0 {
            // Also if nobody reads it.
            return Ok(ExitCode::FAILURE);
        }
        printed?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether changes can be noticed as they happen.
fn watching(store: &Store) -> Finding {
    const SUBJECT: &str = "watching";
    match store.watch() {
        Ok(_) => Finding::good(SUBJECT, "changes are noticed as they happen"),
        Err(error) => Finding::warning(
            SUBJECT,
            format!("changes are not noticed as they happen: {error}"),
            match error {
                Error::TooManyWatches { .. } => {
                    "sudo sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288"
                }
                _ => "allow inotify in the container's seccomp profile, and let programs read /proc/self/fd",
            },
        ),
    }
}

/// What a command needs to mean the same store.
fn option_for(directory: &Path) -> String {
    if directory == Store::default_path() {
        return String::new();
    }
    format!(" --store {}", quoted(directory))
}
