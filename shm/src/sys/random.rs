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

/// Goes the same two ways as the standard library: old kernels and some containers have no such system call, and then the
/// device is read.
fn fill(bytes: &mut [u8; 16]) -> io::Result<()> {
    // So few bytes come all at once.
    match retry(|| getrandom(&mut bytes[..], GetRandomFlags::empty())) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => read_device(bytes),
        filled => filled.map(drop),
    }
}

fn read_device(bytes: &mut [u8; 16]) -> io::Result<()> {
    let read = File::open(DEVICE).and_then(|mut device| device.read_exact(bytes));
    read.map_err(|error| match error.kind() {
        kind @ (io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => io::Error::new(
            kind,
            format!(
                "getrandom is refused, and so is {DEVICE}: {error}; allow getrandom in the container's seccomp profile, or \
                 give it {DEVICE}"
            ),
        ),
        _ => error,
    })
}
