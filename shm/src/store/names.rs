//! Who has which name: for each name in use, a symbolic link in `names/` whose text is the id of the buffer.
//!
//! The link is never followed, only read; it is called after a UUID computed from the name, so that no text of a
//! user becomes part of a path. Renaming a new link over an old one takes a name over in one step: whoever looks
//! finds the old buffer or the new one. A link whose buffer is gone says nothing. Links change under the store's
//! lock only; reading one takes none.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use uuid::Uuid;

use super::Store;
use crate::error::{Error, Result};
use crate::sys::{self, Stat};

const DIRECTORY: &str = "names";
/// Names of this format are hashed in a namespace of their own; the value is arbitrary and never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x6463_636d_6370_5f73_686d_6e61_6d65_7331);

impl Store {
    /// The id of what has this name, if that still exists.
    pub(crate) fn holder_of_name(&self, name: &str) -> Result<Option<Uuid>> {
        let link = format!("{DIRECTORY}/{}", link_name(name));
        let target = match rustix::fs::readlinkat(self.directory(), link, Vec::new()) {
            Ok(target) => target,
            // Not a link is none of ours.
            Err(Errno::NOENT | Errno::INVAL | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(self.names_failed("read", error.into())),
        };
        let id = target.to_str().ok().and_then(|text| Uuid::parse_str(text).ok());
        Ok(id.filter(|&id| Stat::at(self.directory(), &Self::file_name(id)).is_ok()))
    }

    /// Gives a name to a buffer, under the store's lock.
    pub(super) fn bind_name(&self, name: &str, id: Uuid) -> Result<()> {
        let failed = |error: Errno| self.names_failed("record a name in", error.into());
        let names = self.names_directory()?;
        let link = link_name(name);
        let new = format!("{link}.{id}");
        rustix::fs::symlinkat(id.to_string(), &names, &new).map_err(failed)?;
        sys::rename(names.as_fd(), &new, &link).map_err(|error| self.names_failed("record a name in", error))
    }

    /// Frees a name if this buffer has it, under the store's lock.
    pub(super) fn unbind_name(&self, name: &str, id: Uuid) -> Result<()> {
        let names = self.names_directory()?;
        let link = link_name(name);
        let target = rustix::fs::readlinkat(&names, &link, Vec::new());
        if target.is_ok_and(|target| target.to_bytes() == id.to_string().as_bytes()) {
            match rustix::fs::unlinkat(&names, &link, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(self.names_failed("free a name in", error.into())),
            }
        }
        Ok(())
    }

    /// Removes links whose buffer is gone. Deleting frees names; those left are of files that vanished otherwise.
    pub(super) fn sweep_names(&self) -> Result<()> {
        let failed = |error: Errno| self.names_failed("sweep", error.into());
        let names = self.names_directory()?;
        for entry in Dir::read_from(&names).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type() != FileType::Symlink || self.link_leads_somewhere(&names, entry.file_name()) {
                continue;
            }
            // Looked at again where nobody can bind the name meanwhile.
            let _lock = self.lock()?;
            if !self.link_leads_somewhere(&names, entry.file_name()) {
                match rustix::fs::unlinkat(&names, entry.file_name(), AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        Ok(())
    }

    fn link_leads_somewhere(&self, names: &OwnedFd, link: &CStr) -> bool {
        rustix::fs::readlinkat(names, link, Vec::new())
            .ok()
            .and_then(|target| Uuid::parse_str(target.to_str().ok()?).ok())
            .is_some_and(|id| Stat::at(self.directory(), &Self::file_name(id)).is_ok())
    }

    fn names_directory(&self) -> Result<OwnedFd> {
        match rustix::fs::mkdirat(self.directory(), DIRECTORY, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.names_failed("make", error.into())),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(self.directory(), DIRECTORY, flags, Mode::empty())
            .map_err(|error| self.names_failed("open", error.into()))
    }

    fn names_failed(&self, action: &'static str, error: io::Error) -> Error {
        Error::io(action, &self.path().join(DIRECTORY), error)
    }
}

fn link_name(name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}
