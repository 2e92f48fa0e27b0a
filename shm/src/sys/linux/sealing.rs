//! What makes a file one that nobody can write to: its mode, and the lease that shows whether anybody still can.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use super::lock::attempt;
use super::retry::retry;
use super::stat::MODE_DELETED;
use super::{GuardedFile, Stat};

/// Mode of a file that is being sealed: nobody can open it for writing, and it does not yet count as sealed.
const MODE_SEALING: u32 = 0o500;
/// Mode of a sealed file; a scene is sealed exactly when its state says so and its mode is this.
const MODE_SEALED: u32 = 0o400;
/// Mode of a file that its owner can write to.
const MODE_WRITABLE: u32 = 0o600;

const F_SETSIG: libc::c_int = 10;

impl GuardedFile {
    /// Keeps everybody from opening the file for writing, before it is sealed. Root can open it all the same.
    pub(crate) fn begin_sealing(&self) -> io::Result<()> {
        self.set_mode(MODE_SEALING)
    }

    /// Marks the file as sealed.
    pub(crate) fn mark_sealed(&self) -> io::Result<()> {
        self.set_mode(MODE_SEALED)
    }

    /// Undoes a sealing that was not finished.
    pub(crate) fn make_writable(&self) -> io::Result<()> {
        self.set_mode(MODE_WRITABLE)
    }

    /// Whether no process has a descriptor or a mapping through which this file could be written.
    ///
    /// The kernel grants a read lease exactly then. The file must be open for reading only. The signal that would
    /// announce a breaker is set to one that does nothing unless a program asks for it.
    ///
    /// # Errors
    /// The system grants no leases, so it cannot be told.
    pub(crate) fn no_writer_exists(&self, patience: Duration) -> io::Result<bool> {
        lease_command(self.as_fd(), F_SETSIG, libc::SIGURG)?;
        let granted = attempt(patience, || {
            match lease_command(self.as_fd(), libc::F_SETLEASE, libc::F_RDLCK) {
                Ok(()) => Ok(true),
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(false),
                Err(error) => Err(error),
            }
        })?;
        if granted {
            lease_command(self.as_fd(), libc::F_SETLEASE, libc::F_UNLCK)?;
        }
        Ok(granted)
    }

    /// Marks the file, as it is now, as deleted.
    pub(crate) fn mark_deleted(&self, stat: &Stat) -> io::Result<()> {
        self.set_mode(stat.mode | MODE_DELETED)
    }

    /// Takes that back; `stat` is what the file was like before.
    pub(crate) fn unmark_deleted(&self, stat: &Stat) -> io::Result<()> {
        self.set_mode(stat.mode & !MODE_DELETED)
    }

    /// Marks the file as one that was deleted and whose memory is kept: its owner can open it to write to it.
    pub(crate) fn mark_kept(&self) -> io::Result<()> {
        self.set_mode(MODE_WRITABLE | MODE_DELETED)
    }

    /// Whether no process has the file open or mapped, but for this open file: also through mappings that were made without a
    /// lock, in forked children, and by descriptors on their way through a socket.
    ///
    /// The kernel grants a write lease exactly then. Mappings that were made through this open file itself, here or in a forked
    /// child, are not seen: so it must be one that was opened to ask, and never a handle's own. A name by a hard link that nobody
    /// has open is not seen either; [`Stat::links`] tells.
    ///
    /// # Errors
    /// The system grants no leases, so it cannot be told.
    pub(crate) fn nobody_else_has_it(&self) -> io::Result<bool> {
        let granted = self.nobody_else_gets_it()?;
        if granted {
            lease_command(self.as_fd(), libc::F_SETLEASE, libc::F_UNLCK)?;
        }
        Ok(granted)
    }

    /// The same, and if so, nobody can open the file until this one is closed. For a file without a name that others look for: they
    /// are refused.
    ///
    /// # Errors
    /// As [`GuardedFile::nobody_else_has_it`].
    pub(crate) fn nobody_else_gets_it(&self) -> io::Result<bool> {
        lease_command(self.as_fd(), F_SETSIG, libc::SIGURG)?;
        match lease_command(self.as_fd(), libc::F_SETLEASE, libc::F_WRLCK) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the system grants leases on this file at all, even if a process can write to it. Takes no lease.
    pub(crate) fn check_leases(&self) -> io::Result<()> {
        lease_command(self.as_fd(), F_SETSIG, libc::SIGURG)?;
        // There is no lease to give back; a system with leases says so with EAGAIN.
        match lease_command(self.as_fd(), libc::F_SETLEASE, libc::F_UNLCK) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(()),
            answer => answer,
        }
    }
}

impl Stat {
    /// Whether the file is marked as sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.mode & 0o777 == MODE_SEALED
    }

    /// Whether a sealing of the file was begun and not finished.
    pub(crate) fn is_half_sealed(&self) -> bool {
        self.mode == MODE_SEALING
    }
}

/// Whether an error says that there are no leases here, and not that the system failed.
pub(crate) fn grants_no_leases(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL | libc::ENOTTY | libc::EOPNOTSUPP)
    )
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
