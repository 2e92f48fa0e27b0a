//! What files of buffers are called: their id, and what has become of them.

use std::fmt;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

const SUFFIX: &str = ".shm";
/// Longest name of a file.
pub(super) const NAME_LEN: usize = Hyphenated::LENGTH + SUFFIX.len() + ".deleted".len();

/// What a file of a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    /// A buffer, scene, pool slot or pool that can be found.
    Published,
    /// Not yet published. Left behind, it was being made by a process that died.
    Draft,
    /// Deleted while processes had it open. It is removed when the last of them lets go.
    Deleted,
    /// Memory without content, kept for what is made next.
    Reserve,
}

impl FileKind {
    const ALL: [Self; 4] = [Self::Published, Self::Draft, Self::Deleted, Self::Reserve];

    /// What the name has behind the id and `.shm`.
    fn suffix(self) -> &'static str {
        match self {
            Self::Published => "",
            Self::Draft => ".draft",
            Self::Deleted => ".deleted",
            Self::Reserve => ".reserve",
        }
    }
}

/// What a file of a store is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName {
    pub(crate) id: Uuid,
    pub(crate) kind: FileKind,
}

impl FileName {
    pub(super) fn parse(name: &[u8]) -> Option<Self> {
        let (stem, rest) = name.split_at_checked(Hyphenated::LENGTH)?;
        let rest = rest.strip_prefix(SUFFIX.as_bytes())?;
        let kind = FileKind::ALL
            .into_iter()
            .find(|kind| kind.suffix().as_bytes() == rest)?;
        let id = Uuid::try_parse_ascii(stem).ok()?;
        // Other spellings of the same id are other names, which nothing of ours has.
        let spelled = id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes() == stem;
        spelled.then_some(Self { id, kind })
    }

    /// The file of what is published.
    pub(crate) fn of(id: Uuid) -> Self {
        Self {
            id,
            kind: FileKind::Published,
        }
    }

    /// The file of what is not yet published.
    pub(crate) fn of_draft(id: Uuid) -> Self {
        Self {
            id,
            kind: FileKind::Draft,
        }
    }

    /// The file of what was deleted while processes had it open.
    pub(crate) fn of_deleted(id: Uuid) -> Self {
        Self {
            id,
            kind: FileKind::Deleted,
        }
    }

    /// The file of memory without content.
    pub(super) fn of_reserve(id: Uuid) -> Self {
        Self {
            id,
            kind: FileKind::Reserve,
        }
    }

    /// The name, where nothing may be allocated.
    pub(super) fn write_to(self, buffer: &mut [u8; NAME_LEN]) -> &str {
        let (id, rest) = buffer.split_at_mut(Hyphenated::LENGTH);
        self.id.hyphenated().encode_lower(id);
        let (suffix, kind) = rest.split_at_mut(SUFFIX.len());
        suffix.copy_from_slice(SUFFIX.as_bytes());
        let kind_of = self.kind.suffix().as_bytes();
        kind[..kind_of.len()].copy_from_slice(kind_of);
        let len = Hyphenated::LENGTH + SUFFIX.len() + kind_of.len();
        str::from_utf8(&buffer[..len]).expect("ids and suffixes are ASCII")
    }

    /// The id of what is published under a name.
    pub(crate) fn published_id(name: &str) -> Option<Uuid> {
        let file = Self::parse(name.as_bytes())?;
        (file.kind == FileKind::Published).then_some(file.id)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SUFFIX}{}", self.id, self.kind.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_made_and_is_read_back() {
        for kind in FileKind::ALL {
            let name = FileName {
                id: Uuid::from_u128(0x00C0_FFEE),
                kind,
            };
            let mut buffer = [0xFF; NAME_LEN];
            assert_eq!(name.write_to(&mut buffer), name.to_string());
            let read = FileName::parse(name.to_string().as_bytes()).map(|name| (name.id, name.kind));
            assert_eq!(read, Some((name.id, kind)));
        }
    }
}
