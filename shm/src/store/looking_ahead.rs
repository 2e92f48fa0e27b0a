//! Which files may still come with a number that was taken before an index was refreshed.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Horizon, StoreIndex};
use crate::directory::FileKind;
use crate::error::Result;
use crate::format::Publication;
use crate::sys::parallel::locked;

/// Up to how many publications an index is not asked for each of them, but the directory is read.
const ASKED_ONE_BY_ONE: u64 = 1 << 12;

impl StoreIndex {
    /// Which count of publications this index goes by, and the last number in it when the index was refreshed; see [`Horizon`].
    pub fn counted(&self) -> (u64, u64) {
        let count = self.count.unwrap_or_default();
        // What came between counting and reading has been seen. Where nothing is counted, the next number is greater as well.
        let greatest = self.entries.numbers.last().copied();
        (count.era, count.last.max(greatest.unwrap_or(0)))
    }

    /// Up to where this index has seen what was published, as of its last refresh.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, StoreIndex};
    ///
    /// let mut index = StoreIndex::new(&store, 1)?;
    /// let before = index.horizon()?;
    /// SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?;
    /// index.refresh()?;
    /// let new = index.readable().filter(|(position, _)| position.number() > before.last);
    /// assert_eq!(new.count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`StoreIndex::new`].
    pub fn horizon(&self) -> Result<Horizon> {
        let (era, last) = self.counted();
        let mut known = locked(&self.horizon);
        let mut pending = match known.take() {
            Some(before) if before.era == era && before.last == last => self.still_to_come(before.pending)?,
            Some(before) if before.era == era && self.has_all_between(before.last, last) => {
                let mut pending = self.still_to_come(before.pending)?;
                self.add_unreadable(&mut pending)?;
                pending
            }
            _ => {
                let mut pending = BTreeSet::new();
                self.add_unreadable(&mut pending)?;
                // A file that changes its name while the directory is read may be missed under both names. It does so once, so
                // one of two readings has it.
                self.add_unlisted(last, &mut pending)?;
                self.add_unlisted(last, &mut pending)?;
                pending
            }
        };
        pending.retain(|&id| !self.buffer(id).is_some_and(|(_, summary)| summary.is_readable()));
        let horizon = Horizon { era, last, pending };
        *known = Some(horizon.clone());
        Ok(horizon)
    }

    /// Those of them that were not given up or deleted.
    fn still_to_come(&self, mut pending: BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>> {
        let mut gone = Vec::new();
        for &id in pending.iter().filter(|id| !self.entries.all.contains_key(id)) {
            let is_draft = || -> Result<bool> { Ok(self.directory.draft_publication(id)? != Publication::Unnumbered) };
            // A draft that is shown is hidden again if its name cannot be had.
            if !is_draft()? && !self.directory.file_exists(id)? && !is_draft()? {
                gone.push(id);
            }
        }
        for id in gone {
            pending.remove(&id);
        }
        Ok(pending)
    }

    /// Whether this index has a file for each of these numbers.
    fn has_all_between(&self, before: u64, last: u64) -> bool {
        last.checked_sub(before).is_some_and(|count| count <= ASKED_ONE_BY_ONE)
            && (before + 1..=last).all(|number| self.entries.numbers.contains(&number))
    }

    /// Adds buffers of this index that may become readable with a number that has been taken: those that lack their name, and
    /// scenes that take a number just now or have taken another since they were read.
    fn add_unreadable(&self, pending: &mut BTreeSet<Uuid>) -> Result<()> {
        for (position, summary) in self.buffers().filter(|(_, summary)| !summary.is_readable()) {
            let id = position.id();
            let may_come = summary.lacks_its_name
                || match self.directory.look(id) {
                    Err(error) if error.is_conclusive() => false,
                    looked => match looked?.words.publication {
                        Publication::Pending => true,
                        publication => publication.number() != summary.number,
                    },
                };
            if may_come {
                pending.insert(id);
            }
        }
        Ok(())
    }

    /// Adds files that this index does not have: drafts that take a number or have one, and what was published since.
    fn add_unlisted(&self, last: u64, pending: &mut BTreeSet<Uuid>) -> Result<()> {
        for file in self.directory.read_files()? {
            let file = file?;
            let may_come = match file.kind {
                FileKind::Draft => self.directory.draft_publication(file.id)? != Publication::Unnumbered,
                FileKind::Published if !self.entries.all.contains_key(&file.id) => match self.directory.look(file.id) {
                    Err(error) if error.is_conclusive() => false,
                    looked => {
                        let publication = looked?.words.publication;
                        publication == Publication::Pending || (1..=last).contains(&publication.number())
                    }
                },
                _ => false,
            };
            if may_come {
                pending.insert(file.id);
            }
        }
        Ok(())
    }
}
