//! What the kernel's error numbers mean.

use std::io;

use crate::sys::Refusal;

impl Refusal {
    /// What an error of the system says.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT) => Self::Missing,
            Some(libc::ELOOP) => Self::Link,
            Some(libc::EISDIR) => Self::Directory,
            Some(libc::ENOTDIR) => Self::NoDirectory,
            Some(libc::ENXIO) => Self::NoRegularFile,
            Some(libc::EPERM) => Self::NotOwned,
            Some(libc::EACCES) => Self::Forbidden,
            Some(libc::ENOSYS) => Self::Unsupported,
            Some(libc::EINVAL) => Self::Invalid,
            Some(libc::ENAMETOOLONG) => Self::TooLong,
            Some(libc::EMFILE | libc::ENFILE) => Self::TooManyFiles,
            Some(libc::ENOMEM) => Self::NoMemory,
            Some(libc::ENOSPC) => Self::Full,
            Some(libc::EDQUOT) => Self::UserQuota,
            _ => Self::Other,
        }
    }
}
