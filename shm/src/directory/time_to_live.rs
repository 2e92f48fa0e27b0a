//! How long a buffer or scene stays once nobody has it open, where that was changed after the file was made: a symbolic link
//! `<id>.ttl` whose text is the time in nanoseconds, with 0 for "until it is deleted".
//!
//! The header cannot say it, because a sealed file never changes. The link is never followed, only read. Renaming a new link over
//! an old one changes the time in one step. A link whose text is no such number says nothing, and so does one whose file is gone.
//! Links change under the store's lock, by a process that holds the file, so no collector judges the file meanwhile. Reading one
//! takes no lock.

use std::io;
use std::time::Duration;

use uuid::Uuid;

use super::Directory;
use crate::error::Result;
use crate::format::{Header, Role};

const SUFFIX: &str = ".ttl";
/// What the name of a link has behind it until the link is renamed into place.
const NEW: &str = ".new";

impl Directory {
    /// How long a file stays once nobody has it open; zero is until it is deleted. That of a pool or slot means nothing.
    pub(crate) fn ttl_of(&self, header: &Header) -> Result<Duration> {
        match header.role {
            Role::Buffer | Role::Scene => self.current_ttl(header.id, header.ttl),
            Role::Slot | Role::Pool => Ok(header.ttl),
        }
    }

    /// The same for a buffer or scene that was made with a ttl.
    pub(crate) fn current_ttl(&self, id: Uuid, made_with: Duration) -> Result<Duration> {
        Ok(match self.read_ttl(&link_of(id))? {
            Link::Ttl(ttl) => ttl,
            Link::Other | Link::Missing => made_with,
        })
    }

    /// Changes how long a buffer or scene stays, which the caller holds.
    pub(crate) fn change_ttl(&self, header: &Header, ttl: Duration) -> Result<()> {
        let (id, link) = (header.id, link_of(header.id));
        let _lock = self.lock()?;
        if !self.file_exists(id)? {
            return Err(self.not_found(id));
        }
        if ttl != header.ttl {
            self.put_ttl(&link, ttl)?;
        } else if self.read_ttl(&link)? != Link::Missing {
            // What the header says needs no link, and so no inode.
            self.handle()
                .remove(&link)
                .map_err(|error| self.failed("change a ttl in", error))?;
        }
        // Whoever deleted the file since may have looked for the link before it was there. Where that cannot be told, it is
        // changed all the same, and a link that is left is swept.
        if let Ok(false) = self.file_exists(id) {
            self.forget_ttl(id);
            return Err(self.not_found(id));
        }
        Ok(())
    }

    fn put_ttl(&self, link: &str, ttl: Duration) -> Result<()> {
        let (text, new) = (ttl.as_nanos().to_string(), format!("{link}{NEW}"));
        let failed = |error| self.creation_failed("record a ttl in", self.path(), error);
        let made = match self.handle().make_link(&text, &new) {
            // A process was killed when it had made it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let removed = self.handle().remove(&new);
                removed.and_then(|_| self.handle().make_link(&text, &new))
            }
            made => made,
        };
        made.map_err(failed)?;
        self.handle().rename(&new, link).map_err(|error| {
            self.remove_leftover(&new);
            failed(error)
        })
    }

    /// Removes the link of a file that is gone. A process that dies between the two leaves a link that says nothing; were the
    /// link removed first, it would leave a file that goes too soon.
    pub(super) fn forget_ttl(&self, id: Uuid) {
        self.remove_leftover(&link_of(id));
    }

    /// The id of the buffer or scene whose ttl a link says that is called this.
    pub(crate) fn ttl_link_of(link: &str) -> Option<Uuid> {
        id_of(link.strip_suffix(SUFFIX)?)
    }

    /// Whether this is a link for a ttl that says nothing. Only one that is seen under the store's lock is not about to be renamed.
    pub(super) fn is_left_over_ttl(&self, name: &str) -> Result<bool> {
        let renamed = name.strip_suffix(NEW);
        let Some(id) = Self::ttl_link_of(renamed.unwrap_or(name)) else {
            return Ok(false);
        };
        Ok(match self.read_ttl(name)? {
            Link::Ttl(_) => renamed.is_some() || !self.file_exists(id)?,
            Link::Other => true,
            Link::Missing => false,
        })
    }

    fn read_ttl(&self, link: &str) -> Result<Link> {
        let ttl = self.handle().read_link(link, parse);
        let ttl = ttl.map_err(|error| self.failed("read a ttl in", error))?;
        Ok(ttl.map_or(Link::Missing, |ttl| ttl.map_or(Link::Other, Link::Ttl)))
    }
}

/// What is called as a link for a ttl is.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    /// A link that says this.
    Ttl(Duration),
    /// A link with another text.
    Other,
    /// Nothing has the name, or something that is not a link.
    Missing,
}

/// Reads a text, of which a longer one has lost its end.
fn parse(text: &[u8]) -> Option<Duration> {
    let digits = std::str::from_utf8(text).ok()?;
    // Numbers with a sign are numbers to Rust and not to the format.
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number).map(Duration::from_nanos)
}

fn link_of(id: Uuid) -> String {
    format!("{id}{SUFFIX}")
}

/// The id that is spelled as in the names of files.
fn id_of(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| id.to_string() == text)
}
