//! Processes as people know them: by the name of their program.

use jiff::Timestamp;
use serde::Serialize;

use super::foreign::foreign;
use crate::platform::{self, RunningVersion};

/// A process that has something open.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// As the kernel calls it, in at most 15 bytes; absent where that cannot be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) program: Option<String>,
    /// Which dcc-mcp-shm it runs, where that is another one than this; `replaced` if the file that it was loaded from is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) other_version: Option<String>,
}

/// `1 process`, `2 processes`.
pub(super) fn count(processes: usize) -> String {
    let plural = if processes == 1 { "" } else { "es" };
    format!("{processes} process{plural}")
}

impl Process {
    pub(super) fn of(pid: u32) -> Self {
        let program = platform::program_of(pid).map(|program| foreign(&program));
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
    pub(super) fn in_words(&self) -> String {
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

    /// When it was started, to the second.
    pub(super) fn started(&self) -> Option<Timestamp> {
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
