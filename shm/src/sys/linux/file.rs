//! Files of a store: opened so that nothing in the directory can divert or stop us.
#![allow(unsafe_code)]

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{self, FallocateFlags, OFlags, Timespec, Timestamps, fallocate};

use super::retry::retry;
use super::{Stat, fork};
use crate::sys::{Access, Destination, Source};

/// An open file whose locks forked children do not inherit.
pub(crate) struct GuardedFile {
    fd: ManuallyDrop<OwnedFd>,
    access: Access,
    /// Which process's file it is. A forked child finds `/dev/null` under the number, and must not touch that.
    process: AtomicU64,
}

impl GuardedFile {
    /// Opens a file of a directory: no link is followed, no device or pipe is waited for, no access time changed.
    pub(super) fn open_at(directory: BorrowedFd<'_>, name: &str, access: Access) -> io::Result<Self> {
        // What is read from the file may go into a hash map.
        super::check_random()?;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOATIME;
        let flags = flags
            | match access {
                Access::Read => OFlags::RDONLY,
                Access::ReadWrite => OFlags::RDWR,
                Access::Create => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
            };
        let fd = fork::open(|| retry(|| fs::openat(directory, name, flags, fs::Mode::RUSR | fs::Mode::WUSR)))?;
        Ok(Self {
            fd: ManuallyDrop::new(fd),
            access,
            process: AtomicU64::new(fork::process_generation()),
        })
    }

    /// The same file, to be read, through an open description of its own: a mapping made by it keeps no lock of this one's.
    pub(crate) fn without_locks(&self) -> io::Result<Self> {
        self.check_own()?;
        let path = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOATIME;
        let fd = fork::open(|| retry(|| fs::open(&path, flags, fs::Mode::empty())))?;
        Ok(Self {
            fd: ManuallyDrop::new(fd),
            access: Access::Read,
            process: AtomicU64::new(fork::process_generation()),
        })
    }

    /// Whether the file was opened by this process, and not by the one that forked it.
    pub(crate) fn is_own(&self) -> bool {
        self.process.load(Ordering::Acquire) == fork::process_generation()
    }

    /// How to open the file again.
    pub(crate) fn access(&self) -> Access {
        match self.access {
            Access::Create => Access::ReadWrite,
            access => access,
        }
    }

    fn check_own(&self) -> io::Result<()> {
        if self.is_own() {
            return Ok(());
        }
        Err(io::Error::other("it belongs to the process that forked this one"))
    }

    /// Says that this process may use the file, after [`GuardedFile::replace_with`] and what depends on it.
    pub(crate) fn adopt(&self) {
        self.process.store(fork::process_generation(), Ordering::Release);
    }

    /// Puts `other`'s file under this descriptor's number, in a forked child that found `/dev/null` there.
    pub(crate) fn replace_with(&self, other: &Self) -> io::Result<()> {
        retry(|| {
            // SAFETY: both descriptors are open and owned by these two; the number keeps its owner.
            match unsafe { libc::dup3(other.fd.as_raw_fd(), self.fd.as_raw_fd(), libc::O_CLOEXEC) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        })
    }

    pub(crate) fn stat(&self) -> io::Result<Stat> {
        retry(|| fs::fstat(&*self.fd)).map(Stat::from)
    }

    /// Reads up to `bytes.len()` bytes at an offset, as many as there are.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < bytes.len() {
            match rustix::io::pread(&*self.fd, &mut bytes[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(read)
    }

    /// Fills memory from an offset on, or fails with `UnexpectedEof`.
    pub(crate) fn read_exact_at(&self, destination: &mut Destination, mut offset: u64) -> io::Result<()> {
        const PIECE: usize = 4 << 20;
        let mut rest = destination;
        while !rest.is_empty() {
            let piece = rest.len().min(PIECE);
            let read = match rustix::io::pread(&*self.fd, &mut rest[..piece], offset) {
                Ok(([], _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((filled, _)) => filled.len(),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            offset += read as u64;
            rest = &mut rest[read..];
        }
        Ok(())
    }

    /// Writes all bytes at `offset`, in pieces that a signal can come between.
    pub(crate) fn write_at(&self, source: Source<'_>, mut offset: u64) -> io::Result<()> {
        const PIECE: usize = 1 << 20;
        let mut rest = source;
        while !rest.is_empty() {
            let piece = rest.part(0, PIECE);
            let at = i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
            // SAFETY: `piece` is readable by the contract of `from_raw`; the kernel only reads it.
            let written = unsafe { libc::pwrite(self.fd.as_raw_fd(), piece.as_ptr().cast(), piece.len(), at) };
            match usize::try_from(written) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = rest.part(written, usize::MAX);
                    offset += written as u64;
                }
                Err(_) => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes memory for `len` bytes from `offset` on.
    pub(crate) fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        // The system call refuses to take nothing.
        if len == 0 {
            return Ok(());
        }
        retry(|| fallocate(&*self.fd, FallocateFlags::empty(), offset, len))
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_own()?;
        retry(|| fs::ftruncate(&*self.fd, len))
    }

    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.check_own()?;
        retry(|| fs::fchmod(&*self.fd, fs::Mode::from_raw_mode(mode)))
    }

    pub(crate) fn set_times(&self, accessed: Duration, modified: Duration) -> io::Result<()> {
        self.check_own()?;
        let times = Timestamps {
            last_access: timespec(accessed),
            last_modification: timespec(modified),
        };
        retry(|| fs::futimens(&*self.fd, &times))
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

impl Drop for GuardedFile {
    fn drop(&mut self) {
        // SAFETY: taken once, here, and not used again.
        fork::close(unsafe { ManuallyDrop::take(&mut self.fd) });
    }
}

impl AsFd for GuardedFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for GuardedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuardedFile({})", self.fd.as_raw_fd())
    }
}
