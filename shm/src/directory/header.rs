//! Reading the header of a file, all of which is validated before anything is used.

use std::path::Path;

use uuid::Uuid;

use super::Directory;
use crate::error::{Error, Result};
use crate::format::{HEADER_UNIT, Header, Snapshot};
use crate::sys::{self, Access, GuardedFile, Stat};

/// How many times its size a header takes while it is parsed, at most: names, shapes and a table of arrays, and these once more.
const PARSED_SIZE: usize = 16;

impl Directory {
    /// Reads a file's header without holding the file.
    pub(crate) fn look(&self, id: Uuid) -> Result<Snapshot> {
        let file = self.open_file(id, Access::Read)?;
        self.look_at(&file, id)
    }

    /// Reads and validates the header of a file that was just opened without being held: it may have been deleted meanwhile.
    pub(crate) fn look_at(&self, file: &GuardedFile, id: Uuid) -> Result<Snapshot> {
        let path = self.file_path(id);
        let stat = check_file(file, &path)?;
        if stat.is_marked_deleted() {
            return Err(self.not_found(id));
        }
        self.read_opened(file, &path, id, stat)
    }

    /// Reads and validates the header of a file that was just opened by its name. It may have been deleted before it was opened, and
    /// be another file by now that is made of its memory: then it is not there.
    pub(crate) fn read_opened(&self, file: &GuardedFile, path: &Path, id: Uuid, stat: Stat) -> Result<Snapshot> {
        match read_header(file, path, id, stat) {
            Err(Error::Damaged { .. }) if !self.is_its_file(id, &stat)? => Err(self.not_found(id)),
            read => read,
        }
    }

    fn is_its_file(&self, id: Uuid, stat: &Stat) -> Result<bool> {
        let found = self.stat_of(id);
        let found = found.map_err(|error| Error::io("look at", &self.file_path(id), error))?;
        Ok(found.is_some_and(|found| found.same_file(stat)))
    }

    /// Reads and validates the header of a file that is open, deleted or not.
    pub(crate) fn snapshot(&self, file: &GuardedFile, id: Uuid) -> Result<Snapshot> {
        snapshot(file, &self.file_path(id), id)
    }
}

/// Refuses anything but a regular file.
pub(crate) fn check_file(file: &GuardedFile, path: &Path) -> Result<Stat> {
    let stat = file.stat().map_err(|error| Error::io("look at", path, error))?;
    if !stat.regular {
        let what = if stat.directory {
            "it is a directory"
        } else {
            "it is no regular file"
        };
        return Err(Error::damaged(path, what));
    }
    Ok(stat)
}

/// Reads and validates the header of a file.
pub(crate) fn snapshot(file: &GuardedFile, path: &Path, id: Uuid) -> Result<Snapshot> {
    read_header(file, path, id, check_file(file, path)?)
}

/// The same where it has been looked at already.
pub(crate) fn read_header(file: &GuardedFile, path: &Path, id: Uuid, stat: Stat) -> Result<Snapshot> {
    let read = |bytes: &mut [u8], offset| {
        file.read_at(bytes, offset)
            .map_err(|error| Error::io("read", path, error))
    };
    let mut first = [0; HEADER_UNIT];
    let len = read(&mut first, 0)?;
    let announced = Header::announced_len(path, &first[..len])?;
    let (header, words) = if announced == HEADER_UNIT {
        Header::parse(path, &first[..len], stat.len)?
    } else {
        let mut bytes = sys::zeros(announced)?;
        let len = read(&mut bytes, 0)?;
        // What is parsed lies in many small allocations, and the process ends if one of them fails.
        sys::expect_memory(PARSED_SIZE * announced)?;
        Header::parse(path, &bytes[..len], stat.len)?
    };
    if header.id != id {
        return Err(Error::damaged(path, format!("its header is that of {}", header.id)));
    }
    Ok(Snapshot {
        header,
        words,
        payload: announced as u64,
        stat,
    })
}
