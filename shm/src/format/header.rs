//! The first bytes of a segment file: how they are written, and what makes them valid.
//!
//! `docs/format.md` describes the same for readers in other languages. A header comes from a file that any
//! program of this user can write, so [`Header::parse`] trusts no byte of it and gives a [`Header`] only when
//! everything holds together.

use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use super::holder_record::HolderRecord;
use super::layout::Layout;
use super::metadata::{CHUNK_SIZES, MAX_RATIO, MAX_SLOTS, Metadata};
use super::offsets::{
    AT_CAPACITY, AT_CHECKSUM, AT_CREATED, AT_DATA_LEN, AT_FINISHED, AT_GENERATION, AT_HEADER_LEN, AT_HOLDER, AT_ID,
    AT_MAGIC, AT_METADATA, AT_METADATA_LEN, AT_PUBLISHED, AT_ROLE, AT_SEQUENCE, AT_STATE, AT_TTL, AT_VERSION,
    END_FIXED, HEADER_UNIT, MAGIC, MAX_HEADER_LEN, VERSION,
};
use super::publication::Publication;
use super::words::{Role, State, Words};
use crate::error::{Error, Result};
use crate::sys;

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
    /// How long the file stays after its last holder let go, as it was made; zero is until it is deleted. It can be changed: see
    /// [`Directory::ttl_of`](crate::directory::Directory::ttl_of).
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

    /// Refuses what has no time to live of its own.
    pub(crate) fn expect_ttl(&self) -> Result<()> {
        let expected = match self.role {
            Role::Buffer | Role::Scene => return Ok(()),
            Role::Pool => "buffer or scene; a pool stays until it is deleted if it is made `persistent`",
            Role::Slot => "buffer or scene; a slot goes with its pool",
        };
        Err(Error::WrongRole {
            id: self.id,
            expected,
            found: self.role.as_str(),
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
        put(AT_PUBLISHED, &words.publication.word().to_le_bytes());
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
        let mut publication = Publication::default();
        let mut holder = HolderRecord::default();
        if header.role == Role::Slot {
            for (i, word) in holder.0.iter_mut().enumerate() {
                *word = field(AT_HOLDER + 8 * i)?;
            }
        } else {
            publication = Publication::of_word(field(AT_PUBLISHED)?)
                .ok_or_else(|| damaged("its publication number is greater than any can be"))?;
        }
        let words = Words {
            sequence: field(AT_SEQUENCE)?,
            data_len: field(AT_DATA_LEN)?,
            state: State::from_code(field(AT_STATE)?).ok_or_else(|| damaged("its state is unknown"))?,
            generation: field(AT_GENERATION)?,
            finished,
            publication,
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
        if !CHUNK_SIZES.contains(&codec.chunk_size) || metadata.size / MAX_RATIO > self.capacity {
            return damaged("it claims more data than its compressed bytes can hold");
        }
        Ok(())
    }
}

/// What the first bytes of a file say of its publication, which may be half made: they are not validated.
pub(crate) fn publication_of(bytes: &[u8]) -> Publication {
    let role = u32_at(bytes, AT_ROLE).and_then(Role::from_code);
    match (role, u64_at(bytes, AT_PUBLISHED)) {
        (Some(Role::Buffer | Role::Scene | Role::Pool), Some(word)) if bytes.starts_with(&MAGIC) => {
            // A word that no program writes says nothing, so a number may come at any time.
            Publication::of_word(word).unwrap_or(Publication::Pending)
        }
        _ => Publication::Unnumbered,
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
