//! Processes as people know them: by the name of their program.

use std::collections::BTreeSet;

use dcc_mcp_shm::{Result, Store};
use dcc_mcp_shm_view::text;
use jiff::Timestamp;
use serde::Serialize;

use crate::platform::{self, RunningVersion};

/// Most bytes of a program's name.
const NAME_BYTES: usize = 64;

/// A process that has something open.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// As the kernel calls it, in at most 15 bytes; absent where that cannot be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) program: Option<String>,
    /// Which dcc-mcp-shm it runs, where that is another one than this; `replaced` if the file that it was loaded from is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) other_version: Option<String>,
}

/// `1 process`, `2 processes`.
pub(crate) fn count(processes: usize) -> String {
    let plural = if processes == 1 { "" } else { "es" };
    format!("{processes} process{plural}")
}

impl Process {
    pub(crate) fn of(pid: u32) -> Self {
        let program = platform::program_of(pid).map(|program| text::bounded(&program, NAME_BYTES));
        let other_version = match platform::version_of(pid) {
            Some(RunningVersion::Known(version)) if version != env!("CARGO_PKG_VERSION") => Some(version),
            Some(RunningVersion::Replaced) => Some("replaced".to_owned()),
            Some(RunningVersion::Known(_)) | None => None,
        };
        Self {
            pid,
            program,
            other_version,
        }
    }

    /// `blender 4242`, and the version if it is another one: `blender 4242 (0.0.9)`
    pub(crate) fn in_words(&self) -> String {
        let Self {
            pid,
            program,
            other_version,
        } = self;
        let program = program
            .as_ref()
            .map(|program| format!("{program} "))
            .unwrap_or_default();
        let version = other_version.as_ref().map(|version| format!(" ({version})"));
        format!("{program}{pid}{}", version.unwrap_or_default())
    }

    /// Those that have something of a store open and run another version of dcc-mcp-shm than this, as far as the system shows them.
    pub(crate) fn of_other_versions(store: &Store) -> Result<Vec<Self>> {
        let holders = store.holders();
        let pids: BTreeSet<u32> = store
            .ids()?
            .into_iter()
            .filter_map(|id| holders.of(id))
            .flatten()
            .copied()
            .collect();
        let processes = pids.into_iter().map(Self::of);
        Ok(processes.filter(|process| process.other_version.is_some()).collect())
    }

    /// When it was started, to the second.
    pub(crate) fn started(&self) -> Option<Timestamp> {
        platform::started(self.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_name_and_was_started_just_now() {
        let this = Process::of(std::process::id());
        assert!(this.program.as_ref().is_some_and(|program| !program.is_empty()));
        let age = Timestamp::now()
            .duration_since(this.started().expect("Linux says"))
            .as_secs();
        assert!((-2..3600).contains(&age), "{age}");
    }
}
