//! Being told by the kernel what happens in a directory.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::{Errno, retry_on_intr};

use super::DirectoryHandle;
use crate::sys::{NameEvent, WatchRefusal};

/// Bytes of events that are read at once: some hundred.
const EVENTS: usize = 16 << 10;

/// A watch over a directory. Its descriptor becomes readable when something has happened.
#[derive(Debug)]
pub(crate) struct DirectoryWatch(OwnedFd);

impl DirectoryWatch {
    /// Begins to watch the directory that is open, wherever its path leads by now.
    pub(crate) fn new(directory: &DirectoryHandle) -> Result<Self, WatchRefusal> {
        let inotify =
            retry_on_intr(|| inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)).map_err(|error| {
                // The same number says that this process has no descriptor left, and that the user has no instance.
                match directory.as_fd().try_clone_to_owned() {
                    Ok(_) if error == Errno::MFILE => WatchRefusal::TooMany(error.into()),
                    _ => WatchRefusal::Failed(error.into()),
                }
            })?;
        let flags = WatchFlags::ATTRIB
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::EXCL_UNLINK
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let directory = format!("/proc/self/fd/{}", directory.as_fd().as_raw_fd());
        retry_on_intr(|| inotify::add_watch(&inotify, &directory, flags)).map_err(|error| match error {
            Errno::NOSPC => WatchRefusal::TooMany(error.into()),
            error => WatchRefusal::Failed(error.into()),
        })?;
        Ok(Self(inotify))
    }

    /// Gives what happened since the last call, in order, with the name that it happened to. Never waits.
    /// `failed` makes the error where the kernel cannot be asked.
    pub(crate) fn take_events<E>(
        &self,
        failed: impl Fn(io::Error) -> E,
        mut take: impl FnMut(NameEvent, Option<&str>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(failed(error.into())),
            };
            take(
                meaning(event.events()),
                event.file_name().and_then(|name| name.to_str().ok()),
            )?;
        }
    }

    /// Sleeps until there are events, a signal comes or the time is up.
    pub(crate) fn sleep(&self, time: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(time).unwrap_or_default();
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn meaning(flags: ReadFlags) -> NameEvent {
    let ends = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT | ReadFlags::IGNORED;
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        NameEvent::Lost
    } else if flags.intersects(ends) {
        NameEvent::Ended
    } else if flags.contains(ReadFlags::MOVED_TO) {
        NameEvent::MovedIn
    } else if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        NameEvent::Gone
    } else {
        NameEvent::Changed
    }
}

impl From<DirectoryWatch> for OwnedFd {
    fn from(watch: DirectoryWatch) -> Self {
        watch.0
    }
}

impl AsFd for DirectoryWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
