//! Sealing: how a file comes to be one that nobody can write to ever again.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::header::AT_FINISHED;
use crate::sys::{self, GuardedFile, Source};

/// Mode of a file that is being sealed: nobody can open it for writing, and it does not yet count as sealed.
pub(crate) const MODE_SEALING: u32 = 0o500;
/// Mode of a sealed file; a scene is sealed exactly when its state says so and its mode is this.
pub(crate) const MODE_SEALED: u32 = 0o400;
/// How long another writer may take to go while a file is sealed: a fork that is about to exec, say, from a slow disk.
const SEAL_PATIENCE: Duration = Duration::from_secs(2);

/// Undoes a sealing that was not finished.
pub(crate) fn make_writable(holder: &GuardedFile, path: &Path) -> Result<()> {
    holder
        .set_mode(0o600)
        .map_err(|error| Error::io("make writable", path, error))
}

/// Makes certain that nobody can write to a file ever again. `writer` is the caller's last way to do so.
///
/// The mode keeps everybody from opening it for writing; then the kernel is asked whether anybody still can, by a
/// descriptor or a mapping from before; and only then does the mode say that the file is sealed. Root can open it
/// all the same, and the owner can change the mode back: both are trusted not to.
pub(crate) fn seal(id: Uuid, holder: &GuardedFile, writer: Option<GuardedFile>, path: &Path) -> Result<()> {
    let failed = |error| Error::io("seal", path, error);
    if let Some(writer) = &writer {
        let now = u64::try_from(sys::wall_time().as_nanos()).unwrap_or(u64::MAX);
        Source::from(&now.to_le_bytes())
            .write_at(writer.as_fd(), AT_FINISHED as u64)
            .map_err(failed)?;
    }
    holder.set_mode(MODE_SEALING).map_err(failed)?;
    drop(writer);
    if !sys::no_writer_exists(holder.as_fd(), SEAL_PATIENCE).map_err(failed)? {
        make_writable(holder, path)?;
        return Err(Error::StillWritable { id });
    }
    holder.set_mode(MODE_SEALED).map_err(failed)
}
