//! Which process has a byte of a file locked. The kernel's table says nothing of whose such locks are, as they belong to open
//! descriptions, but each process's list of descriptors does.

use std::fs;

use super::Stat;
use super::lock::offset_of;
use super::lock_table::device_and_inode;
use crate::sys::LockByte;

/// The first of these processes that has the byte locked through one of its descriptors. Those whose descriptors this user
/// may not see are passed over.
pub(crate) fn holder_of_byte(pids: impl IntoIterator<Item = u32>, file: &Stat, byte: LockByte) -> Option<u32> {
    let byte = offset_of(byte);
    pids.into_iter().find(|pid| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten();
        descriptors
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
            .any(|text| text.lines().any(|line| is_lock(line, file, byte)))
    })
}

/// Whether a line such as `lock: 1: OFDLCK  ADVISORY  WRITE -1 00:1b:67 0 0` is of this byte.
fn is_lock(line: &str, file: &Stat, byte: i64) -> bool {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let ["lock:", _, "OFDLCK", _, _, _, inode, start, end] = fields[..] else {
        return false;
    };
    let first = start.parse::<i64>().unwrap_or(i64::MAX);
    // To the end of the file is `EOF`.
    let last = end.parse::<i64>().unwrap_or(i64::MAX);
    device_and_inode(inode) == Some((file.device, file.inode)) && (first..=last).contains(&byte)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{makedev, stat};

    use super::*;

    #[test]
    fn a_lock_is_known_by_its_file_and_byte() {
        let mut file = Stat::from(stat("/proc/self").expect("Linux has it"));
        (file.device, file.inode) = (makedev(0, 0x1b), 67);
        let is = |line, byte| is_lock(line, &file, byte);
        let line = "lock:\t1: OFDLCK  ADVISORY  WRITE -1 00:1b:67 1 1";
        assert!(is(line, 1) && !is(line, 0) && !is(line, 2));
        assert!(is("lock:\t1: OFDLCK  ADVISORY  READ -1 00:1b:67 0 EOF", 7));
        for other in [
            "lock:\t1: OFDLCK  ADVISORY  WRITE -1 00:1b:68 1 1",
            "lock:\t1: FLOCK  ADVISORY  WRITE 5 00:1b:67 0 EOF",
            "pos:\t0",
        ] {
            assert!(!is(other, 1), "{other}");
        }
    }
}
