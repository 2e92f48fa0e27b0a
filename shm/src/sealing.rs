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

/// Who may have a file that is to be sealed open for writing, besides the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nobody: it is a draft of this process's that was never published, and all its mappings that can write are gone.
    ByNobody,
    /// Whoever opened it to fill it.
    ByOthers,
}

/// Makes certain that nobody can write to a file ever again. `writer` is the caller's last way to do so.
///
/// The mode keeps everybody from opening it for writing; then the kernel is asked whether anybody still can, by a
/// descriptor or a mapping from before; and only then does the mode say that the file is sealed. Root can open it
/// all the same, and the owner can change the mode back: both are trusted not to.
///
/// Some containers and file systems grant no leases, so the kernel does not answer. What was [`Seen::ByNobody`] is sealed all
/// the same, because nothing was ever there that could write to it now:
/// - No program opens a draft by its name except its maker; who lists the store is trusted not to, as with sealed files.
/// - The maker's descriptor is closed, and its mappings were ended or replaced by memory of its own.
/// - A forked child that inherited either found `/dev/null` and zeros in their places before any other code ran there, and one
///   that runs another program loses both.
pub(crate) fn seal(id: Uuid, holder: &GuardedFile, writer: Option<GuardedFile>, path: &Path, seen: Seen) -> Result<()> {
    let failed = |error| Error::io("seal", path, error);
    if let Some(writer) = &writer {
        let now = u64::try_from(sys::wall_time().as_nanos()).unwrap_or(u64::MAX);
        Source::from(&now.to_le_bytes())
            .write_at(writer.as_fd(), AT_FINISHED as u64)
            .map_err(failed)?;
    }
    holder.set_mode(MODE_SEALING).map_err(failed)?;
    drop(writer);
    let refusal = match sys::no_writer_exists(holder.as_fd(), SEAL_PATIENCE) {
        Ok(true) => None,
        Ok(false) => Some(Error::StillWritable { id }),
        Err(error) if seen == Seen::ByNobody => {
            tracing::debug!(%id, %error, "sealed without a lease");
            None
        }
        Err(error) => Some(without_lease(id, path, error)),
    };
    if let Some(refusal) = refusal {
        make_writable(holder, path)?;
        return Err(refusal);
    }
    holder.set_mode(MODE_SEALED).map_err(failed)
}

/// Refuses a file that is [`Seen::ByOthers`] where it could not be sealed, before somebody fills it in vain.
pub(crate) fn check_leases(id: Uuid, holder: &GuardedFile, path: &Path) -> Result<()> {
    sys::check_leases(holder.as_fd()).map_err(|error| without_lease(id, path, error))
}

/// Why a lease was not granted: because there are none here, or because the system failed.
fn without_lease(id: Uuid, path: &Path, source: std::io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL | libc::ENOTTY | libc::EOPNOTSUPP) => {
            Error::NoLeases { id, source }
        }
        _ => Error::io("seal", path, source),
    }
}
