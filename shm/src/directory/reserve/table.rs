//! Which files of memory without content there are, in the record of the store: so one is found without reading the directory.
//!
//! The table is only where to look. A process that was killed may leave an entry that leads nowhere, or a file that no entry leads
//! to; another program may write anything into it. What is taken by it is proven by the kernel each time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::directory::record_file::StoreRecord;

/// Where the table starts in the record.
const AT_TABLE: usize = 64;
const ENTRIES: usize = 32;
const ENTRY_LEN: usize = 32;
const AT_SINCE: usize = 8;
const AT_ID: usize = 16;

/// What an entry says in place of a size: there is no file.
const EMPTY: u64 = 0;
/// A process is writing it, or was killed while it did.
const BUSY: u64 = 1;
/// Longer than an entry is busy, unless the process that made it so was killed or is stopped.
const LONG_BUSY: u64 = 60_000;

/// The table of a store.
#[derive(Clone, Copy)]
pub(super) struct Table<'a>(pub(super) &'a StoreRecord);

/// What an entry says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) id: Uuid,
    /// Its length in bytes.
    pub(super) size: u64,
    /// When it was put there, in milliseconds of the host's boot clock.
    pub(super) since: u64,
}

/// An entry that this process alone changes. It is empty after this, unless it is filled.
pub(super) struct Claim<'a>(Entry<'a>);

#[derive(Clone, Copy)]
struct Entry<'a> {
    record: &'a StoreRecord,
    at: usize,
}

impl<'a> Table<'a> {
    fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let record = self.0;
        (0..ENTRIES).map(move |index| Entry {
            record,
            at: AT_TABLE + index * ENTRY_LEN,
        })
    }

    /// Bytes of all files that are kept, as far as the entries say.
    pub(super) fn total(self) -> u64 {
        self.entries().filter_map(Entry::size).fold(0, u64::saturating_add)
    }

    /// The files that entries lead to.
    pub(super) fn ids(self) -> BTreeSet<Uuid> {
        let kept = self.entries().filter(|entry| entry.size().is_some());
        kept.map(Entry::id).collect()
    }

    /// Claims an entry for a file that is to be kept, unless all are in use.
    pub(super) fn claim_empty(self, now: u64) -> Option<Claim<'a>> {
        let claim = self.entries().find_map(|entry| entry.claim(EMPTY))?;
        // From here on it is known how long the entry has been busy.
        claim.0.since().store(now, Ordering::Relaxed);
        Some(claim)
    }

    /// Claims the entry of the smallest file that has at least this size and at most that one.
    pub(super) fn claim_of_size(self, least: u64, most: u64) -> Option<(Claim<'a>, Kept)> {
        loop {
            let sizes = self.entries().filter_map(|entry| Some((entry.size()?, entry)));
            let (size, entry) = sizes
                .filter(|(size, _)| (least..=most).contains(size))
                .min_by_key(|(size, _)| *size)?;
            // Another process may take it first: then the next one.
            if let Some(claim) = entry.claim(size) {
                return Some(claim.with(size));
            }
        }
    }

    /// Claims one entry of those that are at least this old. Entries from ahead of the clock are of another boot.
    pub(super) fn claim_older(self, age: u64, now: u64) -> Option<(Claim<'a>, Kept)> {
        self.entries().find_map(|entry| {
            let size = entry.size().filter(|_| entry.age(now) >= age)?;
            Some(entry.claim(size)?.with(size))
        })
    }

    /// How old the oldest file is, in milliseconds, if there is one.
    pub(super) fn oldest(self, now: u64) -> Option<u64> {
        let kept = self.entries().filter(|entry| entry.size().is_some());
        kept.map(|entry| entry.age(now)).max()
    }

    /// Frees the entries of processes that were killed while they changed them.
    pub(super) fn free_abandoned(self, now: u64) {
        for entry in self.entries().filter(|entry| entry.age(now) >= LONG_BUSY) {
            // A process that was only stopped may go on with it: what it writes then is an entry that is wrong.
            drop(entry.claim(BUSY));
        }
    }

    /// Whether an entry leads to the file of this id, which is younger than this.
    pub(super) fn leads_to(self, id: Uuid, now: u64, age: u64) -> bool {
        self.entries()
            .any(|entry| entry.size().is_some() && entry.id() == id && entry.age(now) < age)
    }
}

impl<'a> Entry<'a> {
    fn word(self, at: usize) -> &'a AtomicU64 {
        self.record.word(self.at + at)
    }

    /// The size of its file, if it has one.
    fn size(self) -> Option<u64> {
        Some(self.word(0).load(Ordering::Acquire)).filter(|&size| size > BUSY)
    }

    fn since(self) -> &'a AtomicU64 {
        self.word(AT_SINCE)
    }

    fn age(self, now: u64) -> u64 {
        let since = self.since().load(Ordering::Relaxed);
        now.checked_sub(since).unwrap_or(u64::MAX)
    }

    fn id(self) -> Uuid {
        let mut bytes = [0; 16];
        for (half, at) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([AT_ID, AT_ID + 8]) {
            *half = self.word(at).load(Ordering::Relaxed).to_le_bytes();
        }
        Uuid::from_bytes(bytes)
    }

    fn claim(self, found: u64) -> Option<Claim<'a>> {
        let claimed = self
            .word(0)
            .compare_exchange(found, BUSY, Ordering::AcqRel, Ordering::Relaxed);
        // Made only then, because an entry is empty once its claim is dropped.
        claimed.is_ok().then(|| Claim(self))
    }
}

impl Claim<'_> {
    fn with(self, size: u64) -> (Self, Kept) {
        let kept = Kept {
            id: self.0.id(),
            size,
            since: self.0.since().load(Ordering::Relaxed),
        };
        (self, kept)
    }

    /// Lets everybody find the file.
    pub(super) fn fill(self, kept: Kept) {
        self.0.since().store(kept.since, Ordering::Relaxed);
        for (half, at) in kept.id.as_bytes().as_chunks::<8>().0.iter().zip([AT_ID, AT_ID + 8]) {
            self.0.word(at).store(u64::from_le_bytes(*half), Ordering::Relaxed);
        }
        self.0.word(0).store(kept.size, Ordering::Release);
        std::mem::forget(self);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.word(0).store(EMPTY, Ordering::Release);
    }
}
