//! Processes as people know them: by the name of their program.

use std::fs;

use jiff::Timestamp;
use serde::Serialize;

use super::foreign::foreign;
use crate::platform::seconds_of_ticks;

/// A process that has something open.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// As the kernel calls it, in at most 15 bytes; absent where that cannot be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) program: Option<String>,
}

/// `1 process`, `2 processes`.
pub(super) fn count(processes: usize) -> String {
    let plural = if processes == 1 { "" } else { "es" };
    format!("{processes} process{plural}")
}

impl Process {
    pub(super) fn of(pid: u32) -> Self {
        let name = fs::read(format!("/proc/{pid}/comm")).ok();
        let text = name.map(|name| foreign(String::from_utf8_lossy(&name).trim_end_matches('\n')));
        Self { pid, program: text }
    }

    /// `blender 4242`
    pub(super) fn in_words(&self) -> String {
        let Self { pid, program } = self;
        match program {
            Some(program) => format!("{program} {pid}"),
            None => pid.to_string(),
        }
    }

    /// When it was started, to the second.
    pub(super) fn started(&self) -> Option<Timestamp> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let booted: i64 = system
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse()
            .ok()?;
        Timestamp::from_second(booted + seconds_after_boot(&stat)?).ok()
    }
}

/// The start of a process, from the line that the kernel has of it.
fn seconds_after_boot(stat: &str) -> Option<i64> {
    // The second field is the program's name in brackets, which may have brackets and spaces in it.
    const AFTER_NAME: usize = 22 - 2 - 1;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_ascii_whitespace().nth(AFTER_NAME)?.parse().ok()?;
    i64::try_from(seconds_of_ticks(ticks)?).ok()
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

    #[test]
    fn a_name_cannot_pose_as_other_fields() {
        let ticks = (0..10_000_000)
            .find(|ticks| seconds_of_ticks(*ticks) == Some(7))
            .expect("Linux says");
        let zeros = "0 ".repeat(18);
        let stat = format!("1 (a) R 1 (b) S {zeros}{ticks} 0");
        assert_eq!(seconds_after_boot(&stat), Some(7));
        assert_eq!(seconds_after_boot("1 (a"), None);
    }
}
