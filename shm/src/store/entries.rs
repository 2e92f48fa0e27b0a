//! The files of a store as an index keeps them: by id, and buffers in the order of their publication.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{ListPosition, Summary};
use crate::directory::{Directory, PublicationCount, ahead_of_count, link_name};
use crate::error::Result;
use crate::format::FileRole;

/// What a file is to a listing.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    Buffer(ListPosition),
    Pool {
        name: Option<String>,
        number: u64,
    },
    Slot,
    Damaged(String),
    /// A newer program made it, in a format of this version.
    Newer(u64),
    /// Its number is greater than any that was taken. Once as many were taken, it is a buffer or pool like any.
    Ahead(String),
}

/// What came of reading a file's header.
pub(super) enum Read {
    /// With the link for its name, if it has one.
    Entry(Entry, Option<Summary>, Option<String>),
    Gone,
}

impl Read {
    /// Reads a header. `count` was read before, and is read again where the file has a greater number.
    pub(super) fn of(directory: &Directory, id: Uuid, count: Option<PublicationCount>) -> Result<Self> {
        let summary = match Summary::of(directory, id) {
            Ok(summary) => summary,
            Err(error) if error.is_gone() => return Ok(Self::Gone),
            Err(error) if error.is_conclusive() => {
                let damaged = || Entry::Damaged(error.to_string());
                let entry = error.newer_version().map_or_else(damaged, Entry::Newer);
                return Ok(Self::Entry(entry, None, None));
            }
            // The file may be a good buffer that the system could not read just now, so it is not taken for a damaged one.
            Err(error) => return Err(error),
        };
        if count.is_none_or(|count| summary.number > count.last) {
            let count = directory.publication_count()?;
            if let Some(error) = ahead_of_count(summary.number, count, &directory.file_path(id)) {
                return Ok(Self::Entry(Entry::Ahead(error.to_string()), None, None));
            }
        }
        let entry = match summary.role {
            FileRole::Buffer | FileRole::Scene => Entry::Buffer(summary.position(id)),
            FileRole::Pool => Entry::Pool {
                name: summary.name.clone(),
                number: summary.number,
            },
            FileRole::Slot => Entry::Slot,
        };
        let link = link_of(&entry, Some(&summary));
        Ok(Self::Entry(entry, Some(summary), link))
    }
}

/// The files of a store, as they were when they were read.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) buffers: BTreeMap<ListPosition, Summary>,
    pub(super) all: BTreeMap<Uuid, Entry>,
    /// Which of them has the name that a link is for.
    names: BTreeMap<String, Uuid>,
    /// The numbers of their publications.
    pub(super) numbers: BTreeSet<u64>,
    /// Those whose number is greater than any that was taken.
    pub(super) ahead: BTreeSet<Uuid>,
    /// Those that are listed as damaged or as a newer program's.
    unreadable: BTreeSet<Uuid>,
    /// Links whose name may have gone over to another file than the one that had it.
    pub(super) moved_links: BTreeSet<String>,
    /// Files that had a name before another had it.
    pub(super) displaced: Vec<Uuid>,
}

impl Entries {
    /// The file that has the name of a link.
    pub(super) fn holder(&self, link: &str) -> Option<Uuid> {
        self.names.get(link).copied()
    }

    /// What cannot be read as a buffer's file, by id.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = (Uuid, &Entry)> {
        self.unreadable.iter().filter_map(|id| Some((*id, self.all.get(id)?)))
    }

    /// Says whether the file is listed differently now.
    pub(super) fn take_in(&mut self, id: Uuid, read: Read) -> bool {
        let before = self.forget(id);
        let Read::Entry(entry, summary, link) = read else {
            return before.is_some();
        };
        // Of pools the entry says all that is listed.
        let summary = summary.filter(|_| matches!(entry, Entry::Buffer(_)));
        let is_new = before.is_none_or(|before| before.0 != entry || before.1 != summary);
        if let Some(link) = link {
            self.moved_links.remove(&link);
            self.displaced
                .extend(self.names.insert(link, id).filter(|&other| other != id));
        }
        self.numbers.extend(number_of(&entry));
        if matches!(entry, Entry::Ahead(_)) {
            self.ahead.insert(id);
        }
        if matches!(entry, Entry::Damaged(_) | Entry::Newer(_) | Entry::Ahead(_)) {
            self.unreadable.insert(id);
        }
        if let (Entry::Buffer(position), Some(summary)) = (&entry, summary) {
            self.buffers.insert(*position, summary);
        }
        self.all.insert(id, entry);
        is_new
    }

    pub(super) fn forget(&mut self, id: Uuid) -> Option<(Entry, Option<Summary>)> {
        let entry = self.all.remove(&id)?;
        let summary = match &entry {
            Entry::Buffer(position) => self.buffers.remove(position),
            _ => None,
        };
        if let Some(link) = link_of(&entry, summary.as_ref())
            && self.holder(&link) == Some(id)
        {
            self.names.remove(&link);
            self.moved_links.insert(link);
        }
        if let Some(number) = number_of(&entry) {
            self.numbers.remove(&number);
        }
        self.ahead.remove(&id);
        self.unreadable.remove(&id);
        Some((entry, summary))
    }
}

fn link_of(entry: &Entry, summary: Option<&Summary>) -> Option<String> {
    let name = match entry {
        Entry::Buffer(_) => summary?.name.as_deref(),
        Entry::Pool { name, .. } => name.as_deref(),
        Entry::Slot | Entry::Damaged(_) | Entry::Newer(_) | Entry::Ahead(_) => None,
    };
    name.map(link_name)
}

fn number_of(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Buffer(position) => Some(position.number()),
        Entry::Pool { number, .. } => Some(*number),
        Entry::Slot | Entry::Damaged(_) | Entry::Newer(_) | Entry::Ahead(_) => None,
    }
    .filter(|&number| number > 0)
}
