//! Kernel locks: the whole-file lock that says who holds a buffer, the byte locks that order its writers and
//! readers, and the lease that shows whether anybody can still write.
//!
//! None is ever waited for without a deadline: a process that was stopped while it had one must not stop others, but
//! with an error that says so.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::retry::retry;

/// Longest wait for a lock that is only ever held for microseconds, unless its holder was stopped.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// How long giving a lock back is tried.
const UNLOCK_PATIENCE: Duration = Duration::from_millis(10);

/// Lock of who reads or writes the data.
pub(crate) const BYTE_DATA: i64 = 0;
/// Lock that is taken first and kept while waiting: by a writer, so that new readers queue behind it, and shared by readers,
/// so that the next writer does.
pub(crate) const BYTE_GATE: i64 = 1;
/// Lock of who was given a pool slot. It can be asked after without taking it, which the whole-file lock cannot.
pub(crate) const BYTE_SLOT: i64 = 2;

const F_SETSIG: libc::c_int = 10;
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

/// Whether a lock can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the C structure wants these small constants as shorts"
)]
impl Mode {
    fn kind(self) -> libc::c_short {
        match self {
            Self::Shared => libc::F_RDLCK as libc::c_short,
            Self::Exclusive => libc::F_WRLCK as libc::c_short,
        }
    }
}

/// Repeats an attempt, at first at once and then with growing pauses, until a deadline.
pub(crate) struct Backoff {
    started: Instant,
    patience: Duration,
    most_patience: Duration,
    attempts: u32,
}

impl Backoff {
    const SPINS: u32 = 4;
    const LONGEST: Duration = Duration::from_millis(2);
    /// A sleep that takes so much longer than it should is one of the machine.
    const STANDSTILL: Duration = Duration::from_millis(50);

    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            started: Instant::now(),
            patience,
            most_patience: patience.saturating_mul(2),
            attempts: 0,
        }
    }

    /// Pauses before another attempt, or says that the time is up.
    pub(crate) fn pause(&mut self) -> bool {
        self.attempts += 1;
        if self.attempts <= Self::SPINS {
            thread::yield_now();
            return true;
        }
        let left = self.patience.saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return false;
        }
        let pause = Duration::from_micros(20 << (self.attempts - Self::SPINS).min(7));
        let pause = pause.min(Self::LONGEST).min(left);
        let before = Instant::now();
        thread::sleep(pause);
        let stopped = before.elapsed().saturating_sub(pause);
        if stopped > Self::STANDSTILL {
            // Whoever is waited for may have stood still as well.
            self.patience = self.patience.saturating_add(stopped).min(self.most_patience);
        }
        true
    }
}

/// Tries to take the lock of a whole file. The lock belongs to the open file description.
///
/// A lock of the other mode that the description has is given up first, even when this fails.
pub(crate) fn try_lock_file(file: BorrowedFd<'_>, mode: Mode) -> io::Result<bool> {
    let operation = match mode {
        Mode::Shared => FlockOperation::NonBlockingLockShared,
        Mode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match retry(|| flock(file, operation)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes the lock of a whole file, or says that it was not to be had in time.
pub(crate) fn lock_file(file: BorrowedFd<'_>, mode: Mode, patience: Duration) -> io::Result<bool> {
    attempt(patience, || try_lock_file(file, mode))
}

/// Gives the lock of a whole file back.
pub(crate) fn unlock_file(file: BorrowedFd<'_>) -> io::Result<()> {
    give_back(|| retry(|| flock(file, FlockOperation::Unlock)))
}

/// Takes the lock of one byte, or says that it was not to be had in time. Changing the mode of a lock that the
/// description has is atomic here.
pub(crate) fn lock_byte(file: BorrowedFd<'_>, byte: i64, mode: Mode, patience: Duration) -> io::Result<bool> {
    attempt(patience, || {
        match byte_lock(file, libc::F_OFD_SETLK, byte, mode.kind()) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
            Err(error) => Err(error),
        }
    })
}

/// Gives the lock of one byte back.
pub(crate) fn unlock_byte(file: BorrowedFd<'_>, byte: i64) -> io::Result<()> {
    give_back(|| byte_lock(file, libc::F_OFD_SETLK, byte, UNLOCKED).map(drop))
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

/// Whether another description has the lock of this byte so that it could not be taken in this mode. Takes nothing.
pub(crate) fn is_locked_against(file: BorrowedFd<'_>, byte: i64, mode: Mode) -> io::Result<bool> {
    let found = byte_lock(file, libc::F_OFD_GETLK, byte, mode.kind())?;
    Ok(found.l_type != UNLOCKED)
}

fn byte_lock(file: BorrowedFd<'_>, command: libc::c_int, byte: i64, kind: libc::c_short) -> io::Result<libc::flock> {
    let mut lock = libc::flock {
        l_type: kind,
        l_whence: SEEK_SET,
        l_start: byte,
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

/// Whether no process has a descriptor or a mapping through which this file could be written.
///
/// The kernel grants a read lease exactly then. `file` must be open for reading only. The signal that would
/// announce a breaker is set to one that does nothing unless a program asks for it.
///
/// # Errors
/// The system grants no leases, so it cannot be told.
pub(crate) fn no_writer_exists(file: BorrowedFd<'_>, patience: Duration) -> io::Result<bool> {
    lease_command(file, F_SETSIG, libc::SIGURG)?;
    let granted = attempt(patience, || {
        match lease_command(file, libc::F_SETLEASE, libc::F_RDLCK) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(false),
            Err(error) => Err(error),
        }
    })?;
    if granted {
        lease_command(file, libc::F_SETLEASE, libc::F_UNLCK)?;
    }
    Ok(granted)
}

/// Whether the system grants leases on this file at all, whoever can write to it. Takes none.
pub(crate) fn check_leases(file: BorrowedFd<'_>) -> io::Result<()> {
    lease_command(file, F_SETSIG, libc::SIGURG)?;
    // There is none to give back, which is what a system with leases says.
    match lease_command(file, libc::F_SETLEASE, libc::F_UNLCK) {
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(()),
        answer => answer,
    }
}

fn lease_command(file: BorrowedFd<'_>, command: libc::c_int, value: libc::c_int) -> io::Result<()> {
    retry(|| {
        // SAFETY: the descriptor is open while it is borrowed; these commands take an integer.
        match unsafe { libc::fcntl(file.as_raw_fd(), command, value) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    })
}

fn attempt(patience: Duration, mut try_once: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
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
