//! Numbers of publications: each is greater than all that were taken before it, whatever any clock says.
//!
//! The record of the store counts them. A file says that a number may be taken for it before it is taken, so a reader that reads
//! the count first and then looks at the files knows which of them may still come with a number that has been taken already.

use std::io;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::count::{GREATEST_BELIEVED, PublicationCount};
use super::record_file::{AT_LAST, StoreRecord};
use super::{Directory, FileKind, FileName};
use crate::error::{Error, Result};
use crate::format::{AT_PUBLISHED, Publication, publication_of};
use crate::sys::{Access, GuardedFile, Refusal};

/// How often a count is made anew for one publication, as something else may change it again and again.
const ATTEMPTS: usize = 8;
/// Bytes of a header up to the number and its end.
const HEADER_START: usize = AT_PUBLISHED + 8;

impl Directory {
    /// Takes a number for what is about to be published. Its header says [`Publication::Pending`] by now.
    pub(crate) fn next_number(&self) -> Result<u64> {
        for _ in 0..ATTEMPTS {
            match self.with_record(|record| record.take_number().map(|number| (number, record)))? {
                // Where files have numbers, and by this record none was ever taken, the record was set back.
                Some((1, record)) if self.greatest_number()? > record.word(AT_LAST).load(Ordering::SeqCst) => {}
                Some((number, record)) => {
                    record.confirm_number(number);
                    return Ok(number);
                }
                None => {}
            }
            self.renew_record()?;
        }
        Err(self.damaged_record("something else keeps changing the count of publications in it"))
    }

    /// The count of publications; nothing where none was counted, or the count is damaged. Nothing is made.
    pub(crate) fn publication_count(&self) -> Result<Option<PublicationCount>> {
        let count = self.with_existing_record(StoreRecord::publication_count)?;
        // Where files have numbers all the same, the record was set back, and the next publication makes it anew.
        Ok(count.filter(|count| count.last > 0))
    }

    /// The greatest number of a file that is published or about to be, of those that can be believed.
    pub(super) fn greatest_number(&self) -> Result<u64> {
        let mut greatest = 0;
        for file in self.files()? {
            let number = match file.kind {
                FileKind::Published => self.published_number(file.id)?,
                FileKind::Draft => self.draft_publication(file.id)?.number(),
                FileKind::Deleted | FileKind::Reserve => 0,
            };
            if number < GREATEST_BELIEVED {
                greatest = greatest.max(number);
            }
        }
        Ok(greatest)
    }

    fn published_number(&self, id: Uuid) -> Result<u64> {
        match self.look(id) {
            Err(error) if error.is_conclusive() => Ok(0),
            looked => Ok(looked?.words.publication.number()),
        }
    }

    /// What a draft says of its publication. One that is gone has been published or given up.
    pub(crate) fn draft_publication(&self, id: Uuid) -> Result<Publication> {
        let name = FileName::of_draft(id).to_string();
        let read = |file: GuardedFile| -> io::Result<Publication> {
            let mut bytes = [0; HEADER_START];
            if !file.stat()?.regular {
                return Ok(Publication::Unnumbered);
            }
            let len = file.read_at(&mut bytes, 0)?;
            Ok(publication_of(&bytes[..len]))
        };
        match self.handle().open_file(&name, Access::Read).and_then(read) {
            Err(error) => match Refusal::of(&error) {
                Refusal::Missing
                | Refusal::Link
                | Refusal::Directory
                | Refusal::NoRegularFile
                | Refusal::NotOwned
                | Refusal::Forbidden => Ok(Publication::Unnumbered),
                // Its maker asks whether anybody else has it.
                _ if error.kind() == io::ErrorKind::WouldBlock => Ok(Publication::Pending),
                _ => Err(Error::io("read", &self.path_of(&name), error)),
            },
            read => Ok(read.unwrap_or_default()),
        }
    }
}
