//! Random numbers: for ids, and for the hash maps of the standard library, which panic where there are none.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};

use rustix::rand::{GetRandomFlags, getrandom};
use uuid::{Builder, Uuid};

use super::retry::retry;

const DEVICE: &str = "/dev/urandom";

/// An id that nothing else has.
pub(crate) fn new_id() -> io::Result<Uuid> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(Builder::from_random_bytes(bytes).into_uuid())
}

/// Fails where a hash map of the standard library would panic, because it needs random numbers for the first one of each
/// thread. Threads that have been here without a failure are not asked again.
pub(crate) fn check_random() -> io::Result<()> {
    thread_local! {
        static CHECKED: Cell<bool> = const { Cell::new(false) };
    }
    if !CHECKED.get() {
        fill(&mut [0; 16])?;
        CHECKED.set(true);
    }
    Ok(())
}

/// Asks `getrandom`, and reads the device where that is refused, as the standard library does.
fn fill(bytes: &mut [u8; 16]) -> io::Result<()> {
    // So few bytes come all at once.
    match retry(|| getrandom(&mut bytes[..], GetRandomFlags::empty())) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => File::open(DEVICE)
            .and_then(|mut device| device.read_exact(bytes))
            .map_err(|error| advised("getrandom is refused, and so is /dev/urandom", error)),
        filled => filled.map(drop).map_err(|error| advised("getrandom", error)),
    }
}

/// Says what to do where random numbers are forbidden or missing. Any other error is the system's, and stays what it is.
fn advised(what: &str, error: io::Error) -> io::Error {
    match error.kind() {
        kind @ (io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            let advice = "allow getrandom in the container's seccomp profile, or give it /dev/urandom";
            io::Error::new(kind, format!("{what}: {error}; {advice}"))
        }
        _ => error,
    }
}
