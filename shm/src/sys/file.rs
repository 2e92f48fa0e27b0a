//! Files of a store: opened so that nothing in the directory can divert or stop us.
#![allow(unsafe_code)]

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{self, FileType, OFlags, Timespec, Timestamps};

use super::fork;
use super::retry::retry;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
    /// For reading and writing; fails if something of this name exists.
    Create,
}

/// An open file whose locks forked children do not inherit.
pub(crate) struct GuardedFile {
    fd: ManuallyDrop<OwnedFd>,
    access: Access,
    /// Which process's file it is. A forked child finds `/dev/null` under the number, and must not touch that.
    process: AtomicU64,
}

impl GuardedFile {
    /// Opens a file of a directory: no link is followed, no device or pipe is waited for, no access time changed.
    pub(crate) fn open_at(directory: BorrowedFd<'_>, name: &str, access: Access) -> io::Result<Self> {
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
    pub(crate) fn read_exact_at(&self, destination: &mut super::Destination, mut offset: u64) -> io::Result<()> {
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

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_own()?;
        retry(|| fs::ftruncate(&*self.fd, len))
    }

    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
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

/// What the file system knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) regular: bool,
    pub(crate) directory: bool,
    pub(crate) owner: u32,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Number of names; none when it was deleted.
    pub(crate) links: u64,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) len: u64,
    pub(crate) accessed: Duration,
    pub(crate) modified: Duration,
    /// When any of these changed, or the data.
    pub(crate) changed: Duration,
}

impl Stat {
    pub(crate) fn same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl From<fs::Stat> for Stat {
    fn from(stat: fs::Stat) -> Self {
        let time = |seconds: i64, nanos: u64| {
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).saturating_add(Duration::from_nanos(nanos))
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        Self {
            regular: kind == FileType::RegularFile,
            directory: kind == FileType::Directory,
            owner: stat.st_uid,
            mode: stat.st_mode & 0o7777,
            links: stat.st_nlink,
            device: stat.st_dev,
            inode: stat.st_ino,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            accessed: time(stat.st_atime, stat.st_atime_nsec),
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            changed: time(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}
