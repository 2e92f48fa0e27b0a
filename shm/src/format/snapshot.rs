//! A file as it was at one moment: its header, and what the file system knows of it.

use std::time::Duration;

use super::buffer_state::BufferState;
use super::header::Header;
use super::words::{Role, State, Words};
use crate::error::{Error, Result};
use crate::sys::{self, Stat};
use crate::text::rfc3339;

/// A file's header and file-system facts, as they were when they were read.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) header: Header,
    pub(crate) words: Words,
    /// Where the payload starts, in bytes from the start of the file.
    pub(crate) payload: u64,
    pub(crate) stat: Stat,
}

impl Snapshot {
    /// When the data was finished, for a scene that is; else when the file was made. Nanoseconds since 1970-01-01 UTC.
    pub(crate) fn created(&self) -> u64 {
        if self.words.finished > 0 {
            self.words.finished
        } else {
            self.header.created
        }
    }

    /// The same as text: RFC 3339, UTC, microseconds.
    pub(crate) fn created_at(&self) -> String {
        rfc3339(self.created())
    }

    /// Refuses a file of another role.
    pub(crate) fn expect(&self, role: Role) -> Result<()> {
        if self.header.role == role {
            return Ok(());
        }
        Err(Error::WrongRole {
            id: self.header.id,
            expected: role.as_str(),
            found: self.header.role.as_str(),
        })
    }

    /// Refuses a slot that was given to somebody else since a descriptor of it was made.
    pub(crate) fn expect_generation(&self, expected: Option<u64>) -> Result<()> {
        let found = self.words.generation;
        match expected {
            Some(expected) if expected != found => Err(Error::Stale {
                id: self.header.id,
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }

    /// The state without asking whether somebody is filling an empty scene.
    pub(crate) fn state(&self) -> BufferState {
        match self.words.state {
            State::Open => BufferState::Open,
            State::Sealed if self.stat.is_sealed() => BufferState::Sealed,
            State::Sealed | State::Empty => BufferState::Empty,
        }
    }

    pub(super) fn expires(&self, ttl: Duration) -> Option<String> {
        let lives_alone = matches!(self.header.role, Role::Buffer | Role::Scene);
        lives_alone.then(|| expires(&self.stat, ttl)).flatten()
    }
}

/// When the file of a buffer or scene may be removed if no process opens it until then; past where it may be removed now.
/// Nothing where the host's clock cannot be told: this process removes none then.
pub(crate) fn expires(stat: &Stat, ttl: Duration) -> Option<String> {
    let unheld = stat.accessed == stat.modified;
    if !unheld || ttl.is_zero() {
        return None;
    }
    // The true time, also where it is past.
    let at = sys::wall_time().checked_add(stat.modified + ttl)?;
    let at = at.checked_sub(sys::boot_time().ok()?)?;
    let at = jiff::Timestamp::from_second(i64::try_from(at.as_secs()).ok()?).ok()?;
    Some(at.to_string())
}
