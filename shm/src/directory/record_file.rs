//! The file in which a store says what it is, and its first bytes. `docs/format.md` has them.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use uuid::Uuid;

use crate::sys::{GuardedFile, Mapping};

pub(super) const RECORD_FILE: &str = ".store";
pub(super) const RECORD_LEN: usize = 4096;
/// First bytes of the record, made like those of a buffer's file.
const MAGIC: [u8; 8] = *b"\x89DSS\r\n\x1a\n";
/// The version of stores made here. A store without a record is of version 1.
pub(super) const STORE_VERSION: u32 = 2;

const AT_VERSION: usize = 8;
/// The last publication number that was taken.
pub(super) const AT_LAST: usize = 16;
/// The same once more, written after it was taken: a word that something else has changed is told by the other one.
pub(super) const AT_CONFIRMED: usize = 24;
/// Random, so that numbers of one count are not taken for those of another.
pub(super) const AT_ERA: usize = 32;
/// With a quota: the most bytes that the store can have, plus one; 0 where that has not been counted. It changes under the store's lock.
pub(super) const AT_MOST_USED: usize = 40;
/// When that was counted, in milliseconds since the machine started.
pub(super) const AT_COUNTED: usize = 48;

/// The record of a store, open and mapped.
#[derive(Debug)]
pub(super) struct StoreRecord {
    pub(super) file: GuardedFile,
    pub(super) mapping: Mapping,
    /// The one that took its place: in a forked child, or after the file was removed.
    pub(super) next: OnceLock<Box<StoreRecord>>,
}

impl StoreRecord {
    /// One of the words that processes share.
    pub(super) fn word(&self, at: usize) -> &AtomicU64 {
        self.mapping.word(at)
    }
}

/// The bytes of a new record, in which the numbers up to `last` are taken already.
pub(super) fn new_record(last: u64, era: u64) -> [u8; RECORD_LEN] {
    let mut bytes = [0; RECORD_LEN];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &MAGIC);
    put(AT_VERSION, &STORE_VERSION.to_le_bytes());
    put(AT_LAST, &last.to_le_bytes());
    put(AT_CONFIRMED, &last.to_le_bytes());
    put(AT_ERA, &era.to_le_bytes());
    bytes
}

/// The version that a record says; nothing if it is none.
pub(super) fn read_version(file: &GuardedFile) -> io::Result<Option<u32>> {
    let mut bytes = [0; AT_VERSION + 4];
    let len = file.read_at(&mut bytes, 0)?;
    let (magic, version) = bytes.split_at(AT_VERSION);
    let version = version.try_into().map(u32::from_le_bytes).ok();
    Ok(version.filter(|_| len == bytes.len() && magic == MAGIC))
}

/// Whether this is what a record is called that was never renamed.
pub(super) fn is_unrenamed_record(name: &str) -> bool {
    let id = name.strip_prefix(RECORD_FILE).and_then(|rest| rest.strip_prefix('.'));
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}
