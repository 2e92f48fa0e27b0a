//! Sealing: how a file comes to be one that nobody can write to ever again.

use std::io;
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use crate::directory::{Directory, Draft};
use crate::error::{Error, Result};
use crate::format::{AT_FINISHED, AT_PUBLISHED, Publication};
use crate::sys::{self, GuardedFile, Source};

/// How long another writer may take to go while a file is sealed: a fork that is about to exec, say, from a slow disk.
const SEAL_PATIENCE: Duration = Duration::from_secs(2);

/// Undoes a sealing that was not finished.
pub(super) fn make_writable(holder: &GuardedFile, path: &Path) -> Result<()> {
    holder
        .make_writable()
        .map_err(|error| Error::io("make writable", path, error))
}

/// Gives a scene that is about to be sealed the time at which it was finished and its publication number, in one step. Its header
/// says [`Publication::Pending`] by now.
fn finish(directory: &Directory, writer: &GuardedFile, path: &Path) -> Result<()> {
    let number = Publication::Number(directory.next_number()?);
    let now = u64::try_from(sys::wall_time().as_nanos()).unwrap_or(u64::MAX);
    let words = [now.to_le_bytes(), number.word().to_le_bytes()].concat();
    writer
        .write_at(Source::from(&words), AT_FINISHED as u64)
        .map_err(|error| Error::io("seal", path, error))
}

/// Gives a visible scene the number of its publication, of which it has that of its creation until then.
pub(super) fn finish_visible(directory: &Directory, writer: &GuardedFile, path: &Path) -> Result<()> {
    let pending = Publication::Pending.word().to_le_bytes();
    // Before the number is taken, so that a process that lists the scene meanwhile knows that it may come with one.
    writer
        .write_at(Source::from(&pending), AT_PUBLISHED as u64)
        .map_err(|error| Error::io("seal", path, error))?;
    finish(directory, writer, path)
}

/// Who may have a file that is to be sealed open for writing, besides the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Nobody: it is a draft of this process's that was never published, and all its mappings that can write are gone.
    Nobody,
    /// Whoever opened it to fill it.
    Others,
}

/// Makes certain that nobody can write to a file ever again. `writer` is the caller's last way to do so. The file has been finished.
///
/// The mode keeps everybody from opening it for writing; then the kernel is asked whether anybody still can, by a
/// descriptor or a mapping from before; and only then does the mode say that the file is sealed. Root can open it
/// all the same, and the owner can change the mode back: both are trusted not to.
///
/// Some containers and file systems grant no leases, so the kernel does not answer. What has the audience [`Audience::Nobody`]
/// is sealed all the same, because nothing was ever there that could write to it now:
/// - Only its maker opens a draft by its name; programs that list the store are trusted not to, as with sealed files.
/// - The maker's descriptor is closed, and its mappings were ended or replaced by memory of its own.
/// - A forked child that inherited either found `/dev/null` and zeros in their places before any other code ran there, and one
///   that runs another program loses both.
pub(super) fn seal(
    id: Uuid,
    holder: &GuardedFile,
    writer: Option<GuardedFile>,
    path: &Path,
    audience: Audience,
) -> Result<()> {
    let failed = |error| Error::io("seal", path, error);
    holder.begin_sealing().map_err(failed)?;
    drop(writer);
    let refusal = match holder.no_writer_exists(SEAL_PATIENCE) {
        Ok(true) => None,
        Ok(false) => Some(Error::StillWritable { id }),
        Err(error) if audience == Audience::Nobody => {
            tracing::debug!(%id, %error, "sealed without a lease");
            None
        }
        Err(error) => Some(without_lease(id, path, error)),
    };
    if let Some(refusal) = refusal {
        make_writable(holder, path)?;
        return Err(refusal);
    }
    holder.mark_sealed().map_err(failed)
}

/// Seals a draft that was never published; the caller has ended its mappings that can write to it.
pub(super) fn seal_draft(draft: &mut Draft) -> Result<()> {
    let writer = draft.take_writer();
    if let Some(writer) = &writer {
        finish(draft.directory(), writer, &draft.path())?;
    }
    seal(draft.id(), draft.holder(), writer, &draft.path(), Audience::Nobody)
}

/// Refuses a file with the audience [`Audience::Others`] where it could not be sealed, before somebody fills it in vain.
pub(super) fn check_leases(id: Uuid, holder: &GuardedFile, path: &Path) -> Result<()> {
    holder.check_leases().map_err(|error| without_lease(id, path, error))
}

/// Why a lease was not granted: because there are none here, or because the system failed.
fn without_lease(id: Uuid, path: &Path, source: io::Error) -> Error {
    if sys::grants_no_leases(&source) {
        return Error::NoLeases { id, source };
    }
    Error::io("seal", path, source)
}
