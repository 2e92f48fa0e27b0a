//! Which buffer has which name: for each name in use, a symbolic link `<uuid>.name` whose text is the id of the buffer.
//!
//! The link is never followed, only read; its UUID is computed from the name, so that no text of a user becomes part of a path.
//! Renaming a new link over an old one takes a name over in one step, so a reader finds the old buffer or the new one. A link
//! whose buffer is gone says nothing. Links change under the store's lock only; reading one takes no lock.

use std::io;

use uuid::Uuid;

use super::Directory;
use super::quota::is_unrenamed_quota;
use super::record_file::is_unrenamed_record;
use crate::error::Result;

const SUFFIX: &str = ".name";
/// Names of this format are hashed in a namespace of their own; the value is arbitrary and never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x6463_636d_6370_5f73_686d_6e61_6d65_7331);

impl Directory {
    /// The id of what has this name, if that still exists.
    pub(crate) fn holder_of_name(&self, name: &str) -> Result<Option<Uuid>> {
        let link = link_name(name);
        let mut missing = None;
        loop {
            let Link::To(id) = self.read_link(&link)? else {
                return Ok(None);
            };
            if self.file_exists(id)? {
                return Ok(Some(id));
            }
            // Where another took the name over, the link said so before the file went.
            if missing.replace(id) == Some(id) {
                return Ok(None);
            }
        }
    }

    /// Whether a name is that of this buffer, and has not gone over to another.
    pub(crate) fn is_name_of(&self, name: &str, id: Uuid) -> Result<bool> {
        Ok(self.read_link(&link_name(name))? == Link::To(id))
    }

    /// The name in metadata, if it is still that of this buffer.
    pub(crate) fn still_named(&self, name: Option<String>, id: Uuid) -> Result<Option<String>> {
        match name {
            Some(name) if self.is_name_of(&name, id)? => Ok(Some(name)),
            _ => Ok(None),
        }
    }

    /// The id of what got its name by a link that is called this, if it is one.
    pub(crate) fn named_by(&self, link: &str) -> Result<Option<Uuid>> {
        if !is_link(link) {
            return Ok(None);
        }
        Ok(match self.read_link(link)? {
            Link::To(id) => Some(id),
            Link::Missing | Link::Elsewhere => None,
        })
    }

    fn read_link(&self, link: &str) -> Result<Link> {
        // A text of more than 64 bytes, which is cut off, does not spell an id either.
        let id = self.handle().read_link(link, |text| Uuid::try_parse_ascii(text).ok());
        let id = id.map_err(|error| self.failed("read a name in", error))?;
        Ok(id.map_or(Link::Missing, |id| id.map_or(Link::Elsewhere, Link::To)))
    }

    /// Gives a name to a buffer, under the store's lock. One that has no file yet does not count as having it.
    pub(super) fn bind_name(&self, name: &str, id: Uuid) -> Result<()> {
        let link = link_name(name);
        let new = format!("{link}.{id}");
        let failed = |error| self.creation_failed("record a name in", self.path(), error);
        match self.handle().make_link(&id.to_string(), &new) {
            // A process was killed when it had made it; it says the same.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        self.handle().rename(&new, &link).map_err(|error| {
            self.remove_leftover(&new);
            failed(error)
        })
    }

    /// Gives a buffer the name that its metadata has, if nothing else has it.
    pub(crate) fn restore_name(&self, name: &str, id: Uuid) -> Result<()> {
        // Where the lock is not to be had at once, the next sweep does this.
        match self.lock_if_free()? {
            Some(_lock) if self.holder_of_name(name)?.is_none() => self.bind_name(name, id),
            _ => Ok(()),
        }
    }

    /// Frees a name if this buffer has it, under the store's lock.
    pub(super) fn unbind_name(&self, name: &str, id: Uuid) -> Result<()> {
        if self.is_name_of(name, id)? {
            return self.remove_link(&link_name(name));
        }
        Ok(())
    }

    /// Removes links of names and ttls that say nothing, and a quota or record that was never renamed. Deleting removes links; those
    /// left are of files that vanished otherwise, or of processes that were killed.
    pub(crate) fn sweep_names(&self) -> Result<()> {
        let failed = |error| self.failed("sweep the names of", error);
        for name in self.handle().names().map_err(failed)? {
            let name = name.map_err(failed)?;
            let Ok(link) = name.to_str() else { continue };
            // Looked at again where nobody can bind the name, or is recording a quota.
            if self.is_left_over(link)? {
                // The lock's holder may be stopped, so this does not wait for it. The next sweep finds the link as well.
                let Some(_lock) = self.lock_if_free()? else {
                    return Ok(());
                };
                if self.is_left_over(link)? {
                    self.remove_link(link)?;
                }
            }
        }
        Ok(())
    }

    /// Whether this is a link that says nothing, or a quota or record that was never renamed.
    fn is_left_over(&self, name: &str) -> Result<bool> {
        if is_link_name(name) {
            return match self.read_link(name)? {
                Link::To(id) => Ok(!self.file_exists(id)?),
                Link::Elsewhere => Ok(true),
                Link::Missing => Ok(false),
            };
        }
        if !is_unrenamed_quota(name) && !is_unrenamed_record(name) {
            return self.is_left_over_ttl(name);
        }
        let stat = self
            .handle()
            .stat_of(name)
            .map_err(|error| self.failed("look at what is left in", error))?;
        Ok(stat.is_some_and(|stat| stat.regular))
    }

    fn remove_link(&self, link: &str) -> Result<()> {
        self.handle()
            .remove(link)
            .map(drop)
            .map_err(|error| self.failed("free a name in", error))
    }
}

/// What a file says that is called as a link for a name is.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    /// The buffer of this id has the name, if that is there.
    To(Uuid),
    /// It is a link, and no id is its text.
    Elsewhere,
    /// Nothing has this name, or something that is not a link.
    Missing,
}

/// Whether this is what a link for a name is called, or was before it was renamed.
fn is_link_name(link: &str) -> bool {
    let Some((of_name, rest)) = link.split_once(SUFFIX) else {
        return false;
    };
    let new_for = rest.strip_prefix('.');
    Uuid::try_parse(of_name).is_ok() && (rest.is_empty() || new_for.is_some_and(|id| Uuid::try_parse(id).is_ok()))
}

/// Whether a file's name may be that of a link that says whose a name is.
pub(crate) fn is_link(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// What the link is called that says whose a name is.
pub(crate) fn link_name(name: &str) -> String {
    format!("{}{SUFFIX}", Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}
