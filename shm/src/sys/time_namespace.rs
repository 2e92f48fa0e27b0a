//! How far this process's clocks are ahead of the host's: a time namespace adds an offset to what they say, and programs of
//! several namespaces share one store.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rustix::fs::stat;
use rustix::io::Errno;

use super::fork::process_generation;

const NAMESPACE: &str = "/proc/self/ns/time";
/// The namespace that processes forked from now on will be in, and whose offsets the kernel lists.
const OF_CHILDREN: &str = "/proc/self/ns/time_for_children";
const OFFSETS: &str = "/proc/self/timens_offsets";
/// It is there wherever `/proc` is.
const ALWAYS_THERE: &str = "/proc/self/ns/pid";
/// The inode of the host's time namespace: the kernel gives it this number on every machine.
const OF_HOST: u64 = 0xEFFF_FFFA;

/// The offset in nanoseconds, and the process generation + 1 that it is of: a forked child may be in another namespace. All
/// threads find the same, so there is no lock, which a forked child could find taken.
static KNOWN: AtomicU64 = AtomicU64::new(0);
static OFFSET: AtomicI64 = AtomicI64::new(0);

/// What to subtract from `CLOCK_BOOTTIME` to have the host's, in nanoseconds. The system is asked once for each process, and
/// again where it gave no answer.
pub(super) fn boot_time_offset() -> io::Result<i64> {
    let mine = process_generation() + 1;
    if KNOWN.load(Ordering::Acquire) != mine {
        OFFSET.store(ask()?, Ordering::Relaxed);
        KNOWN.store(mine, Ordering::Release);
    }
    Ok(OFFSET.load(Ordering::Relaxed))
}

fn ask() -> io::Result<i64> {
    let failed = |path: &str, error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"));
    let inode = |path: &str| Ok(stat(path).map_err(|error| failed(path, error.into()))?.st_ino);
    let namespace = match stat(NAMESPACE) {
        // A kernel without time namespaces. Without /proc this says nothing of them.
        Err(Errno::NOENT) => return inode(ALWAYS_THERE).map(|_| 0),
        found => found.map_err(|error| failed(NAMESPACE, error.into()))?.st_ino,
    };
    if namespace == OF_HOST {
        return Ok(0);
    }
    if inode(OF_CHILDREN)? != namespace {
        return Err(io::Error::other(
            "this process made a time namespace for its children, so the kernel shows their offsets and not its own",
        ));
    }
    let text = fs::read_to_string(OFFSETS).map_err(|error| failed(OFFSETS, error))?;
    parse(&text).ok_or_else(|| io::Error::other(format!("{OFFSETS} has no offset of boottime")))
}

/// Of lines such as `boottime 86400 0`: seconds, which may be negative, and nanoseconds to be added to them.
fn parse(text: &str) -> Option<i64> {
    let mut lines = text.lines();
    let mut fields = lines
        .find_map(|line| line.strip_prefix("boottime"))?
        .split_ascii_whitespace();
    let (seconds, nanos): (i64, i64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_with_their_sign() {
        let text = |boot: &str| format!("monotonic           5         0\n{boot}\n");
        assert_eq!(
            parse(&text("boottime        86400        25")),
            Some(86_400_000_000_025)
        );
        assert_eq!(parse(&text("boottime           -1 500000000")), Some(-500_000_000));
        for none in [
            "",
            "boottime",
            "boottime 1",
            "boottime a 0",
            "boottime 9223372036854775807 0",
        ] {
            assert_eq!(parse(&text(none)), None, "{none}");
        }
    }
}
