//! The first bytes of a segment file: where each field lies, how it is written, and what makes it valid.
//!
//! `docs/format.md` describes the same for readers in other languages. A header comes from a file that any
//! program of this user can write, so [`Header::parse`] trusts no byte of it and gives a [`Header`] only when
//! everything holds together.

use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::metadata::Metadata;
use crate::pool::MAX_SLOTS;
use crate::slot_holder::{HOLDER_WORDS, HolderRecord};
use crate::sys;

/// First bytes of every file: a high bit, a name, and the line ends that text conversions damage.
pub(crate) const MAGIC: [u8; 8] = *b"\x89DSM\r\n\x1a\n";
/// The format version written here.
pub(crate) const VERSION: u32 = 1;

const AT_MAGIC: usize = 0;
const AT_VERSION: usize = AT_MAGIC + 8;
const AT_HEADER_LEN: usize = AT_VERSION + 4;
const AT_ID: usize = AT_HEADER_LEN + 4;
const AT_CAPACITY: usize = AT_ID + 16;
const AT_CREATED: usize = AT_CAPACITY + 8;
const AT_TTL: usize = AT_CREATED + 8;
const AT_ROLE: usize = AT_TTL + 8;
/// End of what never changes, before the words that do.
const END_FIXED: usize = AT_ROLE + 4;

/// Whether somebody waits for a slot.
pub(crate) const AT_WANTED: usize = END_FIXED;

/// The words that change, in a cache line of their own.
pub(crate) const AT_SEQUENCE: usize = 64;
pub(crate) const AT_DATA_LEN: usize = AT_SEQUENCE + 8;
pub(crate) const AT_STATE: usize = AT_DATA_LEN + 8;
pub(crate) const AT_GENERATION: usize = AT_STATE + 8;
/// What the words behind are depends on the role. Of a scene: when the data was finished.
pub(crate) const AT_FINISHED: usize = AT_GENERATION + 8;
/// Of a slot: who was given it.
pub(crate) const AT_HOLDER: usize = AT_GENERATION + 8;
/// Of a pool: who waits longest for a slot.
pub(crate) const AT_LINE: usize = AT_GENERATION + 8;

const AT_METADATA_LEN: usize = 128;
const AT_CHECKSUM: usize = AT_METADATA_LEN + 4;
const AT_METADATA: usize = AT_CHECKSUM + 4;

/// Headers are whole pages, so that the payload starts at one.
pub(crate) const HEADER_UNIT: usize = 4096;
/// Longest header: room for some ten thousand arrays.
pub(crate) const MAX_HEADER_LEN: usize = 1 << 20;

const _: () = assert!(AT_WANTED + 4 <= AT_SEQUENCE && AT_HOLDER + 8 * HOLDER_WORDS <= AT_METADATA_LEN);

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Buffer = 1,
    Scene = 2,
    Slot = 3,
    Pool = 4,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Buffer => "buffer",
            Self::Scene => "scene",
            Self::Slot => "pool slot",
            Self::Pool => "pool",
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        [Self::Buffer, Self::Scene, Self::Slot, Self::Pool]
            .into_iter()
            .find(|role| *role as u32 == code)
    }
}

/// The state word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Can be rewritten at any time: buffers, slots, pools.
    Open = 0,
    /// A scene with a layout that waits to be filled.
    Empty = 1,
    /// A scene that never changes again.
    Sealed = 2,
}

impl State {
    pub(crate) fn from_code(code: u64) -> Option<Self> {
        [Self::Open, Self::Empty, Self::Sealed]
            .into_iter()
            .find(|state| *state as u64 == code)
    }
}

/// The words that change while a file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) sequence: u64,
    pub(crate) data_len: u64,
    pub(crate) state: State,
    pub(crate) generation: u64,
    /// When a scene was finished, in nanoseconds since 1970-01-01 UTC; zero before, and for what is no scene.
    pub(crate) finished: u64,
    /// Zeros for what is no slot.
    pub(crate) holder: HolderRecord,
}

impl Words {
    pub(crate) fn new(state: State, data_len: u64) -> Self {
        Self {
            sequence: 0,
            data_len,
            state,
            generation: 0,
            finished: 0,
            holder: HolderRecord::default(),
        }
    }
}

/// Nanoseconds since 1970-01-01 UTC.
fn now() -> u64 {
    u64::try_from(sys::wall_time().as_nanos()).unwrap_or(u64::MAX)
}

/// A header all of whose fields were found valid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    /// Size of the payload area in bytes.
    pub(crate) capacity: u64,
    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) created: u64,
    /// How long the file stays after its last holder let go; zero is until it is deleted.
    pub(crate) ttl: Duration,
    pub(crate) metadata: Metadata,
}

impl Header {
    /// The header of a new file, which gets a new id.
    pub(crate) fn new(role: Role, capacity: u64, ttl: Duration, metadata: Metadata) -> Result<Self> {
        Ok(Self {
            id: sys::new_id().map_err(Error::random)?,
            role,
            capacity,
            created: now(),
            ttl,
            metadata,
        })
    }

    /// Makes the file one that was made now.
    pub(crate) fn stamp(&mut self) {
        self.created = now();
    }

    /// Encodes the header; its length is where the payload starts.
    pub(crate) fn encode(&self, words: Words) -> Result<Vec<u8>> {
        let metadata = self.metadata.encode();
        let len = (AT_METADATA + metadata.len()).next_multiple_of(HEADER_UNIT);
        if len > MAX_HEADER_LEN {
            return Err(Error::invalid(
                "arrays",
                format!(
                    "their names and shapes take {} bytes; {MAX_HEADER_LEN} are possible",
                    metadata.len()
                ),
            ));
        }
        let mut bytes = sys::zeros(len)?;
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(AT_MAGIC, &MAGIC);
        put(AT_VERSION, &VERSION.to_le_bytes());
        put(AT_HEADER_LEN, &u32_of(len).to_le_bytes());
        put(AT_ID, self.id.as_bytes());
        put(AT_CAPACITY, &self.capacity.to_le_bytes());
        put(AT_CREATED, &self.created.to_le_bytes());
        put(AT_TTL, &ttl_nanos(self.ttl).to_le_bytes());
        put(AT_ROLE, &(self.role as u32).to_le_bytes());
        put(AT_SEQUENCE, &words.sequence.to_le_bytes());
        put(AT_DATA_LEN, &words.data_len.to_le_bytes());
        put(AT_STATE, &(words.state as u64).to_le_bytes());
        put(AT_GENERATION, &words.generation.to_le_bytes());
        put(AT_METADATA_LEN, &u32_of(metadata.len()).to_le_bytes());
        put(AT_METADATA, &metadata);
        let checksum = checksum(&bytes, metadata.len());
        bytes[AT_CHECKSUM..AT_METADATA].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// How long the header of this file says that it is, from its first [`HEADER_UNIT`] bytes.
    pub(crate) fn announced_len(path: &Path, bytes: &[u8]) -> Result<usize> {
        let damaged = |problem: &str| Error::damaged(path, problem);
        let magic = bytes
            .get(..AT_VERSION)
            .ok_or_else(|| damaged("shorter than a header"))?;
        if magic != MAGIC {
            return Err(damaged("not a file of dcc-mcp-shm"));
        }
        let version = u32_at(bytes, AT_VERSION).ok_or_else(|| damaged("shorter than a header"))?;
        if version != VERSION {
            return Err(Error::UnsupportedVersion {
                what: path.display().to_string(),
                found: version.into(),
                known: VERSION,
            });
        }
        u32_at(bytes, AT_HEADER_LEN)
            .map(|len| len as usize)
            .filter(|len| len.is_multiple_of(HEADER_UNIT) && (HEADER_UNIT..=MAX_HEADER_LEN).contains(len))
            .ok_or_else(|| damaged("its header has an impossible length"))
    }

    /// Validates the whole header of a file of `file_len` bytes.
    pub(crate) fn parse(path: &Path, bytes: &[u8], file_len: u64) -> Result<(Self, Words)> {
        let header_len = Self::announced_len(path, bytes)?;
        let damaged = |problem: &str| Error::damaged(path, problem);
        let bytes = bytes
            .get(..header_len)
            .ok_or_else(|| damaged("shorter than its header"))?;
        let metadata_len = u32_at(bytes, AT_METADATA_LEN).map_or(usize::MAX, |len| len as usize);
        let metadata = AT_METADATA
            .checked_add(metadata_len)
            .and_then(|end| bytes.get(AT_METADATA..end))
            .ok_or_else(|| damaged("its metadata is longer than its header"))?;
        if u32_at(bytes, AT_CHECKSUM) != Some(checksum(bytes, metadata_len)) {
            return Err(damaged("the checksum of its header does not match"));
        }
        let field = |at| u64_at(bytes, at).ok_or_else(|| damaged("shorter than a header"));
        let capacity = field(AT_CAPACITY)?;
        if (header_len as u64).checked_add(capacity) != Some(file_len) {
            return Err(damaged("its length is not that of header and payload"));
        }
        let header = Self {
            id: uuid_at(bytes, AT_ID).ok_or_else(|| damaged("shorter than a header"))?,
            role: u32_at(bytes, AT_ROLE)
                .and_then(Role::from_code)
                .ok_or_else(|| damaged("its role is unknown"))?,
            capacity,
            created: field(AT_CREATED)?,
            ttl: Duration::from_nanos(field(AT_TTL)?),
            metadata: Metadata::parse(path, metadata)?,
        };
        let finished = if header.role == Role::Scene {
            field(AT_FINISHED)?
        } else {
            0
        };
        let mut holder = HolderRecord::default();
        if header.role == Role::Slot {
            for (i, word) in holder.0.iter_mut().enumerate() {
                *word = field(AT_HOLDER + 8 * i)?;
            }
        }
        let words = Words {
            sequence: field(AT_SEQUENCE)?,
            data_len: field(AT_DATA_LEN)?,
            state: State::from_code(field(AT_STATE)?).ok_or_else(|| damaged("its state is unknown"))?,
            generation: field(AT_GENERATION)?,
            finished,
            holder,
        };
        header.check(path, words)?;
        Ok((header, words))
    }

    /// What must hold between the fields.
    fn check(&self, path: &Path, words: Words) -> Result<()> {
        let damaged = |problem: &str| Err(Error::damaged(path, problem));
        if words.data_len > self.capacity {
            return damaged("its data is longer than its capacity");
        }
        let scene = self.role == Role::Scene;
        if scene == (words.state == State::Open) {
            return damaged("its state does not go with its role");
        }
        let metadata = &self.metadata;
        if !scene && (metadata.size > 0 || !metadata.arrays.is_empty()) {
            return damaged("only a scene has a size and arrays");
        }
        let slots = metadata.pool.as_ref().map_or(0, |pool| pool.slots.len());
        if self.role == Role::Pool && !(1..=MAX_SLOTS).contains(&slots) {
            return damaged("it is a pool of an impossible number of slots");
        }
        if words.state == State::Sealed && words.data_len != self.capacity {
            return damaged("it is sealed and not full");
        }
        if Layout::from_placed(metadata.arrays.clone(), metadata.size).is_err() {
            return damaged("its arrays do not lie within its data");
        }
        let Some(codec) = &metadata.codec else {
            let stored_whole = !scene || metadata.size == self.capacity;
            return if stored_whole {
                Ok(())
            } else {
                damaged("its size is not that of its payload")
            };
        };
        if !scene || words.state != State::Sealed {
            return damaged("only a sealed scene can be compressed");
        }
        if !crate::codec::CHUNK_SIZES.contains(&codec.chunk_size)
            || metadata.size / crate::codec::MAX_RATIO > self.capacity
        {
            return damaged("it claims more data than its compressed bytes can hold");
        }
        Ok(())
    }
}

/// Covers all that never changes, so that a flipped bit there is noticed.
fn checksum(bytes: &[u8], metadata_len: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..END_FIXED]);
    hasher.update(&bytes[AT_METADATA_LEN..AT_CHECKSUM]);
    hasher.update(&bytes[AT_METADATA..AT_METADATA + metadata_len]);
    hasher.finalize()
}

/// A ttl is stored in 64 bits; options refuse what is longer.
fn ttl_nanos(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX)
}

fn u32_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}

fn uuid_at(bytes: &[u8], at: usize) -> Option<Uuid> {
    Uuid::from_slice(bytes.get(at..at.checked_add(16)?)?).ok()
}
