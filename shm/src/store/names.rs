//! Who has which name: for each name in use, a symbolic link `<uuid>.name` whose text is the id of the buffer.
//!
//! The link is never followed, only read; its UUID is computed from the name, so that no text of a user becomes part
//! of a path. Renaming a new link over an old one takes a name over in one step: whoever looks finds the old buffer or
//! the new one. A link whose buffer is gone says nothing. Links change under the store's lock only; reading one takes
//! none.

use std::mem::MaybeUninit;

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;
use uuid::Uuid;

use super::{QUOTA_FILE, Store};
use crate::error::{Error, Result};
use crate::sys::{self, Stat};

const SUFFIX: &str = ".name";
/// Names of this format are hashed in a namespace of their own; the value is arbitrary and never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x6463_636d_6370_5f73_686d_6e61_6d65_7331);

impl Store {
    /// The id of what has this name, if that still exists.
    pub(crate) fn holder_of_name(&self, name: &str) -> Result<Option<Uuid>> {
        let link = link_name(name);
        let mut missing = None;
        loop {
            let id = match self.id_in(&link) {
                Ok(Some(id)) => id,
                // What is no link is none of ours.
                Ok(None) | Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
                Err(error) => return Err(Error::io("read a name in", self.path(), error)),
            };
            if self.file_exists(id) {
                return Ok(Some(id));
            }
            // Where another took the name over, the link said so before the file went.
            if missing.replace(id) == Some(id) {
                return Ok(None);
            }
        }
    }

    /// Whether a name is that of this buffer, and has not gone over to another.
    pub(crate) fn is_name_of(&self, name: &str, id: Uuid) -> bool {
        self.id_in(&link_name(name)) == Ok(Some(id))
    }

    /// The id of what got its name by a link that is called this, if it is one.
    pub(super) fn named_by(&self, link: &str) -> Option<Uuid> {
        link.strip_suffix(SUFFIX)?;
        self.id_in(link).ok()?
    }

    /// The id that is the text of a link, if it is one.
    fn id_in(&self, link: &str) -> rustix::io::Result<Option<Uuid>> {
        // Longer than any spelling of an id, so that what is longer still is none when it is cut off.
        let mut text = [MaybeUninit::uninit(); 64];
        let (text, _) = rustix::fs::readlinkat_raw(self.directory(), link, &mut text)?;
        Ok(Uuid::try_parse_ascii(text).ok())
    }

    /// Gives a name to a buffer, under the store's lock.
    pub(super) fn bind_name(&self, name: &str, id: Uuid) -> Result<()> {
        let link = link_name(name);
        let new = format!("{link}.{id}");
        rustix::fs::symlinkat(id.to_string(), self.directory(), &new)
            .map_err(std::io::Error::from)
            .and_then(|()| sys::rename(self.directory(), &new, &link))
            .map_err(|error| self.creation_failed("record a name in", self.path(), error))
    }

    /// Frees a name if this buffer has it, under the store's lock.
    pub(super) fn unbind_name(&self, name: &str, id: Uuid) -> Result<()> {
        if self.is_name_of(name, id) {
            return self.remove_link(&link_name(name));
        }
        Ok(())
    }

    /// Removes links whose buffer is gone, and a quota that was never renamed. Deleting frees names; those left are of
    /// files that vanished otherwise.
    pub(super) fn sweep_names(&self) -> Result<()> {
        let failed = |error: Errno| Error::io("sweep the names of", self.path(), error);
        for entry in Dir::read_from(self.directory()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(link) = entry.file_name().to_str() else { continue };
            let is_left = || self.is_new_quota(link) || (is_link_name(link) && self.leads_nowhere(link));
            if !is_left() {
                continue;
            }
            // Looked at again where nobody can bind the name, or is recording a quota.
            let _lock = self.lock()?;
            if is_left() {
                self.remove_link(link)?;
            }
        }
        Ok(())
    }

    fn leads_nowhere(&self, link: &str) -> bool {
        self.id_in(link)
            .is_ok_and(|id| id.is_none_or(|id| !self.file_exists(id)))
    }

    /// Whether this is a quota as it is called before it is renamed.
    fn is_new_quota(&self, name: &str) -> bool {
        let id = name.strip_prefix(QUOTA_FILE).and_then(|rest| rest.strip_prefix('.'));
        id.is_some_and(|id| Uuid::try_parse(id).is_ok())
            && Stat::at(self.directory(), name).is_ok_and(|stat| stat.regular)
    }

    fn remove_link(&self, link: &str) -> Result<()> {
        match rustix::fs::unlinkat(self.directory(), link, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io("free a name in", self.path(), error)),
        }
    }

    /// Whether there is a file of a published buffer with this id.
    pub(super) fn file_exists(&self, id: Uuid) -> bool {
        Stat::at(self.directory(), &Self::file_name(id)).is_ok()
    }
}

/// Whether this is what a link for a name is called, or was before it was renamed.
fn is_link_name(link: &str) -> bool {
    let Some((of_name, rest)) = link.split_once(SUFFIX) else {
        return false;
    };
    let new_for = rest.strip_prefix('.');
    Uuid::try_parse(of_name).is_ok() && (rest.is_empty() || new_for.is_some_and(|id| Uuid::try_parse(id).is_ok()))
}

fn link_name(name: &str) -> String {
    format!("{}{SUFFIX}", Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}
