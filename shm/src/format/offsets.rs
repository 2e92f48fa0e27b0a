//! Where each field of a header lies.

use super::holder_record::HOLDER_WORDS;

/// First bytes of every file: a high bit, a name, and the line ends that text conversions damage.
pub(crate) const MAGIC: [u8; 8] = *b"\x89DSM\r\n\x1a\n";
/// The format version written here.
pub(crate) const VERSION: u32 = 1;

pub(super) const AT_MAGIC: usize = 0;
pub(super) const AT_VERSION: usize = AT_MAGIC + 8;
pub(super) const AT_HEADER_LEN: usize = AT_VERSION + 4;
pub(super) const AT_ID: usize = AT_HEADER_LEN + 4;
pub(super) const AT_CAPACITY: usize = AT_ID + 16;
pub(super) const AT_CREATED: usize = AT_CAPACITY + 8;
pub(super) const AT_TTL: usize = AT_CREATED + 8;
pub(super) const AT_ROLE: usize = AT_TTL + 8;
/// End of what never changes, before the words that do.
pub(super) const END_FIXED: usize = AT_ROLE + 4;

/// Whether somebody waits for a slot.
pub(crate) const AT_WANTED: usize = END_FIXED;

/// The words that change, in a cache line of their own.
pub(crate) const AT_SEQUENCE: usize = 64;
pub(crate) const AT_DATA_LEN: usize = AT_SEQUENCE + 8;
pub(crate) const AT_STATE: usize = AT_DATA_LEN + 8;
pub(crate) const AT_GENERATION: usize = AT_STATE + 8;
/// What the words behind are depends on the role. Of a scene: when the data was finished.
pub(crate) const AT_FINISHED: usize = AT_GENERATION + 8;
/// Of anything but a slot: the number it was published under. It is written in one step with the word before it.
pub(crate) const AT_PUBLISHED: usize = AT_FINISHED + 8;
/// Of a slot: the record of the process that was given the slot.
pub(crate) const AT_HOLDER: usize = AT_GENERATION + 8;
/// Of a pool, in place of the sequence: how often waiters for a slot were woken.
pub(crate) const AT_RELEASES: usize = AT_SEQUENCE;
/// Of a pool: the waiter that waits longest for a slot.
pub(crate) const AT_LINE: usize = AT_GENERATION + 8;

pub(super) const AT_METADATA_LEN: usize = 128;
pub(super) const AT_CHECKSUM: usize = AT_METADATA_LEN + 4;
pub(super) const AT_METADATA: usize = AT_CHECKSUM + 4;

/// Headers are whole pages, so that the payload starts at one.
pub(crate) const HEADER_UNIT: usize = 4096;
/// Longest header: room for some ten thousand arrays.
pub(crate) const MAX_HEADER_LEN: usize = 1 << 20;

const _: () = assert!(AT_WANTED + 4 <= AT_SEQUENCE && AT_HOLDER + 8 * HOLDER_WORDS <= AT_METADATA_LEN);
