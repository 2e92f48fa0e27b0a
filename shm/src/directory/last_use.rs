//! Since when no process has a file open, which its times say on the clock of [`sys::boot_time`].
//!
//! A holder makes the two times differ, and the last one to go makes them equal. A collector that finds them different although
//! it got the exclusive lock knows that a holder died, and starts the time to live then.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sys::{self, GuardedFile};

/// Records that somebody has a file open.
pub(crate) fn record_use(file: &GuardedFile, path: &Path) -> Result<()> {
    // Any time that is not that of access does: it says that somebody is here, not since when.
    file.set_times(Duration::ZERO, sys::namespace_boot_time())
        .map_err(|error| Error::io("record the use of", path, error))
}

/// Records that nobody has a file open from now on.
pub(crate) fn record_end_of_use(file: &GuardedFile, now: Duration) -> io::Result<()> {
    file.set_times(now, now)
}
