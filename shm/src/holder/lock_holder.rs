//! The process that has a file locked, for people: what the kernel's table of locks and the process's own entry say. The locks decide.

use std::fmt;

use serde::Serialize;

use crate::sys;
use crate::text::printable;

/// A process that has a file locked, or had when it was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockHolder {
    /// Its process id.
    pub pid: u32,
    /// The name of its program, of at most 15 bytes, control characters escaped; `None` if the process has ended, and a
    /// child that it forked has the lock.
    pub program: Option<String>,
    /// Whether it is stopped, by a signal or a debugger, so that it lets go of nothing.
    pub stopped: bool,
}

impl LockHolder {
    pub(crate) fn of(pid: u32) -> Self {
        let seen = sys::look_at_process(pid);
        Self {
            pid,
            stopped: seen.as_ref().is_some_and(|seen| seen.stopped),
            program: seen.map(|seen| printable(&seen.program)),
        }
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, program, stopped } = self;
        let state = if *stopped { ", stopped" } else { "" };
        match program {
            Some(program) => write!(f, "{program} (process {pid}{state})"),
            None => write!(f, "a child of process {pid}, which has ended"),
        }
    }
}
