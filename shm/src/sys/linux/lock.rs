//! Kernel locks: the whole-file lock by which processes hold a buffer, and the byte locks that order its writers and readers.
//!
//! No lock is ever waited for without a deadline: a holder that is stopped must not stop other processes, which get an
//! error that says so instead.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::GuardedFile;
use super::retry::retry;
use crate::sys::{Backoff, LockByte, LockMode};

/// How long giving a lock back is tried.
const UNLOCK_PATIENCE: Duration = Duration::from_millis(10);

#[expect(
    clippy::cast_possible_truncation,
    reason = "the C structure wants this small constant as a short"
)]
const UNLOCKED: libc::c_short = libc::F_UNLCK as libc::c_short;
#[expect(
    clippy::cast_possible_truncation,
    reason = "the C structure wants this small constant as a short"
)]
const SEEK_SET: libc::c_short = libc::SEEK_SET as libc::c_short;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the C structure wants these small constants as shorts"
)]
impl LockMode {
    fn kind(self) -> libc::c_short {
        match self {
            Self::Shared => libc::F_RDLCK as libc::c_short,
            Self::Exclusive => libc::F_WRLCK as libc::c_short,
        }
    }
}

impl GuardedFile {
    /// Tries to take the lock of a whole file. The lock belongs to the open file description.
    ///
    /// A lock of the other mode that the description has is given up first, even when this fails.
    pub(crate) fn try_lock(&self, mode: LockMode) -> io::Result<bool> {
        let operation = match mode {
            LockMode::Shared => FlockOperation::NonBlockingLockShared,
            LockMode::Exclusive => FlockOperation::NonBlockingLockExclusive,
        };
        match retry(|| flock(self.as_fd(), operation)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the lock of a whole file, or says that it was not to be had in time.
    pub(crate) fn lock(&self, mode: LockMode, patience: Duration) -> io::Result<bool> {
        attempt(patience, || self.try_lock(mode))
    }

    /// Gives the lock of a whole file back.
    pub(crate) fn unlock(&self) -> io::Result<()> {
        give_back(|| retry(|| flock(self.as_fd(), FlockOperation::Unlock)))
    }

    /// Takes the lock of one byte, or says that it was not to be had in time. Changing the mode of a lock that the
    /// description has is atomic here.
    pub(crate) fn lock_byte(&self, byte: LockByte, mode: LockMode, patience: Duration) -> io::Result<bool> {
        attempt(patience, || {
            match byte_lock(self.as_fd(), libc::F_OFD_SETLK, byte, mode.kind()) {
                Ok(_) => Ok(true),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// Gives the lock of one byte back.
    pub(crate) fn unlock_byte(&self, byte: LockByte) -> io::Result<()> {
        give_back(|| byte_lock(self.as_fd(), libc::F_OFD_SETLK, byte, UNLOCKED).map(drop))
    }

    /// Whether another description has the lock of this byte so that it could not be taken in this mode. Takes nothing.
    pub(crate) fn is_locked_against(&self, byte: LockByte, mode: LockMode) -> io::Result<bool> {
        let found = byte_lock(self.as_fd(), libc::F_OFD_GETLK, byte, mode.kind())?;
        Ok(found.l_type != UNLOCKED)
    }
}

/// Gives a lock back. Even for that the kernel may want a little memory, which is there a moment later: a lock that stays taken
/// would keep others out until its file is closed.
fn give_back(mut unlock: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut backoff = Backoff::new(UNLOCK_PATIENCE);
    loop {
        match unlock() {
            Err(_) if backoff.pause() => {}
            done => return done,
        }
    }
}

/// Where the lock of a byte lies in the file.
pub(super) fn offset_of(byte: LockByte) -> i64 {
    match byte {
        LockByte::Data => 0,
        LockByte::Gate => 1,
        LockByte::Slot => 2,
    }
}

fn byte_lock(
    file: BorrowedFd<'_>,
    command: libc::c_int,
    byte: LockByte,
    kind: libc::c_short,
) -> io::Result<libc::flock> {
    let mut lock = libc::flock {
        l_type: kind,
        l_whence: SEEK_SET,
        l_start: offset_of(byte),
        l_len: 1,
        l_pid: 0,
    };
    retry(|| {
        // SAFETY: the descriptor is open while it is borrowed, and `lock` is a valid structure for these commands.
        match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    })?;
    Ok(lock)
}

pub(super) fn attempt(patience: Duration, mut try_once: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    let mut backoff = Backoff::new(patience);
    loop {
        if try_once()? {
            return Ok(true);
        }
        if !backoff.pause() {
            return Ok(false);
        }
    }
}
