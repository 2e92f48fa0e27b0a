//! The kernel's own list of the processes that have files locked, as far as it shows them to this process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, makedev, openat, stat};

use super::retry::retry;
use super::{DirectoryHandle, Stat};

/// The inode of the first process namespace's file: the kernel gives it this number on every machine.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Which processes have whole-file locks, on which files.
#[derive(Debug)]
pub(crate) struct LockTable {
    /// Device and inode.
    holders: BTreeMap<(u64, u64), Vec<u32>>,
    /// Whether the locks of all processes are in it. The kernel hides those of other containers.
    complete: bool,
}

impl LockTable {
    /// Reads the table; `None` if it does not exist, or does not show the locks on files in this directory: it may be
    /// another namespace's, and some file systems have other numbers there than `stat` says. To find out, this function
    /// takes a lock of its own, on a file without a name, and looks for it in the table.
    pub(crate) fn read(directory: &DirectoryHandle) -> Option<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let probe = retry(|| openat(directory.as_fd(), ".", flags, Mode::RUSR | Mode::WUSR)).ok()?;
        retry(|| flock(probe.as_fd(), FlockOperation::NonBlockingLockShared)).ok()?;
        let table = Self {
            holders: parse(&read_twice().ok()?),
            complete: stat("/proc/self/ns/pid").is_ok_and(|stat| stat.st_ino == FIRST_PID_NAMESPACE),
        };
        let own = table.holders_of(&fstat(probe).ok()?.into());
        own.is_some_and(|pids| pids.contains(&std::process::id()))
            .then_some(table)
    }

    /// The processes that have a file locked, in ascending order, as far as this process can see them. `None` if it sees none and
    /// some may be hidden from it, as they are in a container.
    pub(crate) fn holders_of(&self, file: &Stat) -> Option<&[u32]> {
        match self.holders.get(&(file.device, file.inode)) {
            Some(pids) => Some(pids),
            None => self.complete.then_some(&[]),
        }
    }
}

/// The table's text. It comes a page at a time, and what changes between two pages can hide a line: so there is a second
/// look, which hides another one if any. Lines that are in both do no harm.
fn read_twice() -> io::Result<String> {
    const PAGE: usize = 1 << 16;
    let mut text = Vec::new();
    for _ in 0..2 {
        let mut file = File::open("/proc/locks")?;
        loop {
            let len = text.len();
            text.try_reserve(PAGE)?;
            text.resize(len + PAGE, 0);
            let read = file.read(&mut text[len..]);
            text.truncate(len + read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Lines such as `1: FLOCK  ADVISORY  READ 12345 00:1b:67 0 EOF`, of which those of waiters have an arrow.
fn parse(text: &str) -> BTreeMap<(u64, u64), Vec<u32>> {
    let mut holders: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = fields[..] else {
            continue;
        };
        if let (Ok(pid), Some(file)) = (pid.parse(), device_and_inode(file)) {
            holders.entry(file).or_default().push(pid);
        }
    }
    for pids in holders.values_mut() {
        pids.sort_unstable();
        pids.dedup();
    }
    holders
}

pub(super) fn device_and_inode(text: &str) -> Option<(u64, u64)> {
    let (device, inode) = text.rsplit_once(':')?;
    let (major, minor) = device.split_once(':')?;
    let number = |text| u32::from_str_radix(text, 16).ok();
    Some((makedev(number(major)?, number(minor)?), inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_file_locks_that_are_held_count() {
        let text = "\
1: FLOCK  ADVISORY  READ 30 00:1b:67 0 EOF
1: -> FLOCK  ADVISORY  WRITE 31 00:1b:67 0 EOF
2: FLOCK  ADVISORY  READ 4 00:1b:67 0 EOF
3: FLOCK  ADVISORY  READ 30 00:1b:67 0 EOF
4: OFDLCK ADVISORY  WRITE -1 00:1b:67 0 0
5: POSIX  ADVISORY  WRITE 9 00:1b:67 0 0
6: LEASE  ACTIVE    READ 10 fe:00:68 0 EOF
7: FLOCK  ADVISORY  WRITE 11 fe:00:68 0 EOF
8: FLOCK  ADVISORY  WRITE x fe:00:68 0 EOF
9: FLOCK
";
        let expected = [
            ((makedev(0, 0x1b), 67), vec![4, 30]),
            ((makedev(0xfe, 0), 68), vec![11]),
        ];
        assert_eq!(parse(text), BTreeMap::from(expected));
    }

    #[test]
    fn where_some_are_hidden_none_is_not_said_to_be_nobody() {
        let stat = Stat::from(stat("/proc/self/ns/pid").expect("Linux has it"));
        let table = |complete| LockTable {
            holders: BTreeMap::new(),
            complete,
        };
        assert_eq!(table(true).holders_of(&stat), Some(&[][..]));
        assert_eq!(table(false).holders_of(&stat), None);
    }
}
