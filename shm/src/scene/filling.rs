//! Whether a process fills or seals an empty scene, and opening it for writing where none does.

use std::io::ErrorKind;
use std::time::Duration;

use super::sealing::make_writable;
use crate::error::{Error, Result};
use crate::format::{BufferState, Role};
use crate::segment::Segment;
use crate::sys::{Access, GuardedFile, LockByte, LockMode};

/// Opens an empty scene for writing. One that a filler left in the middle of sealing cannot be: it becomes writable
/// again, as nobody is there to finish it.
pub(super) fn open_writer(segment: &Segment) -> Result<GuardedFile> {
    let (directory, id) = (segment.directory(), segment.id());
    match directory.open_file(id, Access::ReadWrite) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {}
        // The mode does not stop root, but the lease that sealing takes for a moment does.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::WouldBlock => return Err(being_filled(segment)),
        opened => return opened,
    }
    // Of several that find it so, one makes it writable: a second one could undo what has been sealed since.
    let _lock = directory.lock()?;
    let file = segment.file()?;
    let failed = |error| Error::io("lock", segment.path(), error);
    if !file
        .lock_byte(LockByte::Gate, LockMode::Shared, Duration::ZERO)
        .map_err(failed)?
    {
        return Err(being_filled(segment));
    }
    let opened = reopen_half_sealed(segment);
    file.unlock_byte(LockByte::Gate).map_err(failed)?;
    opened
}

/// Opens a scene that was left in the middle of sealing; the caller has the gate, so that nobody begins to fill it, not even
/// through a descriptor from before. Who began earlier has the data lock, or has gone on to the gate, or has sealed it, and is
/// looked for in this order.
fn reopen_half_sealed(segment: &Segment) -> Result<GuardedFile> {
    let (directory, id) = (segment.directory(), segment.id());
    if is_being_filled(segment)? || is_being_sealed(segment)? {
        return Err(being_filled(segment));
    }
    if is_half_sealed(segment)? {
        make_writable(segment.file()?, segment.path())?;
    }
    if segment.snapshot_of(Role::Scene)?.state() == BufferState::Sealed {
        return Err(Error::Sealed { id });
    }
    directory.open_file(id, Access::ReadWrite)
}

fn is_half_sealed(segment: &Segment) -> Result<bool> {
    let stat = segment.file()?.stat();
    stat.map(|stat| stat.is_half_sealed())
        .map_err(|error| Error::io("look at", segment.path(), error))
}

pub(super) fn is_being_filled(segment: &Segment) -> Result<bool> {
    segment
        .file()?
        .is_locked_against(LockByte::Data, LockMode::Shared)
        .map_err(|error| Error::io("look at the lock of", segment.path(), error))
}

pub(super) fn is_being_sealed(segment: &Segment) -> Result<bool> {
    segment
        .file()?
        .is_locked_against(LockByte::Gate, LockMode::Exclusive)
        .map_err(|error| Error::io("look at the lock of", segment.path(), error))
}

pub(super) fn being_filled(segment: &Segment) -> Error {
    Error::Busy {
        what: "the empty scene (somebody is filling it)",
        waited: Duration::ZERO,
        holder: segment
            .file()
            .ok()
            .and_then(|file| segment.directory().data_holder(file)),
    }
}
