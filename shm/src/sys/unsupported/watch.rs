//! Watches over directories, which do not exist here.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use super::DirectoryHandle;
#[cfg(unix)]
use crate::sys::{AsFd, BorrowedFd, OwnedFd};
use crate::sys::{NameEvent, WatchRefusal};

/// A watch over a directory, which does not exist here.
#[derive(Debug)]
pub(crate) struct DirectoryWatch(Infallible);

impl DirectoryWatch {
    pub(crate) fn new(directory: &DirectoryHandle) -> Result<Self, WatchRefusal> {
        match directory.0 {}
    }

    pub(crate) fn take_events<E>(
        &self,
        _failed: impl Fn(io::Error) -> E,
        _take: impl FnMut(NameEvent, Option<&str>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.0 {}
    }

    pub(crate) fn sleep(&self, _time: Duration) -> io::Result<()> {
        match self.0 {}
    }
}

#[cfg(unix)]
impl From<DirectoryWatch> for OwnedFd {
    fn from(watch: DirectoryWatch) -> Self {
        match watch.0 {}
    }
}

#[cfg(unix)]
impl AsFd for DirectoryWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.0 {}
    }
}
