//! How far this process's clocks are ahead of the host's: a time namespace adds an offset to what they say, and programs of
//! several namespaces share one store.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};

use rustix::fs::{CWD, readlinkat_raw};
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::retry::retry;

const NAMESPACE: &str = "/proc/self/ns/time";
/// The namespace that processes forked from now on will be in, and whose offsets the kernel lists.
const OF_CHILDREN: &str = "/proc/self/ns/time_for_children";
const OFFSETS: &str = "/proc/self/timens_offsets";
/// It is there wherever `/proc` is.
const ALWAYS_THERE: &str = "/proc/self/ns/pid";
/// The number of the host's time namespace: the kernel gives it this one on every machine.
const OF_HOST: u64 = 0xEFFF_FFFA;

/// How far two looks at the clocks may disagree, in nanoseconds: they are corrected together, but read one after the other. What
/// is off by no more than this would shorten nobody's time to live noticeably.
const TOLERANCE: u64 = 1_000_000;
/// How far the wall clock was ahead of this process's clock when this process was last seen in the host's namespace.
static ON_HOST: AtomicI64 = AtomicI64::new(i64::MIN);

/// What to subtract from `CLOCK_BOOTTIME` to have the host's, in nanoseconds.
///
/// A forked child may be in another namespace, and so may be a process that was saved and restored, which notices nothing of it.
/// But no namespace moves the wall clock. So as long as that is as far ahead as it was, this process is where it was, and to see
/// that takes no system call. Where somebody set the wall clock, the kernel is asked again.
pub(super) fn boot_time_offset() -> io::Result<i64> {
    let ahead = wall_clock_ahead();
    if ahead.abs_diff(ON_HOST.load(Ordering::Relaxed)) <= TOLERANCE {
        return Ok(0);
    }
    let own = match namespace(NAMESPACE) {
        // A kernel without time namespaces. Without /proc this says nothing of them.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return namespace(ALWAYS_THERE).map(|_| 0),
        found => found?,
    };
    if own == OF_HOST {
        ON_HOST.store(ahead, Ordering::Relaxed);
        return Ok(0);
    }
    if namespace(OF_CHILDREN)? != own {
        return Err(io::Error::other(
            "this process made a time namespace for its children, so the kernel shows their offsets and not its own",
        ));
    }
    let text = fs::read_to_string(OFFSETS).map_err(|error| failed(OFFSETS, error))?;
    parse(&text).ok_or_else(|| io::Error::other(format!("{OFFSETS} has no offset of boottime")))
}

/// How far the wall clock is ahead of `CLOCK_BOOTTIME` as this process has it, in nanoseconds.
fn wall_clock_ahead() -> i64 {
    let nanos = |time: Timespec| time.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec);
    nanos(clock_gettime(ClockId::Realtime)).wrapping_sub(nanos(clock_gettime(ClockId::Boottime)))
}

/// The number of a namespace, from a link such as `time:[4026531834]`.
fn namespace(link: &str) -> io::Result<u64> {
    let mut text = [0; 64];
    let len = retry(|| readlinkat_raw(CWD, link, &mut text[..])).map_err(|error| failed(link, error))?;
    let number = str::from_utf8(&text[..len])
        .ok()
        .and_then(|text| text.split_once('[')?.1.strip_suffix(']')?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("{link} is not called after a namespace")))
}

/// Says what is missing here or forbidden. Any other error is the system's, and stays what it is.
fn failed(path: &str, error: io::Error) -> io::Error {
    match error.kind() {
        kind @ (io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            io::Error::new(kind, format!("{path}: {error}"))
        }
        _ => error,
    }
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
