//! What files of buffers are called: their id, and whether they are published.

use std::fmt;

use uuid::Uuid;

const SUFFIX: &str = ".shm";
/// What is not yet published. Left behind, it was being made by a process that died.
const DRAFT_SUFFIX: &str = ".shm.draft";

/// What the file of a buffer is called, or one that is being made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileName {
    pub(crate) id: Uuid,
    pub(crate) draft: bool,
}

impl FileName {
    pub(super) fn parse(name: &[u8]) -> Option<Self> {
        let (stem, draft) = match name.strip_suffix(DRAFT_SUFFIX.as_bytes()) {
            Some(stem) => (stem, true),
            None => (name.strip_suffix(SUFFIX.as_bytes())?, false),
        };
        let id = Uuid::try_parse_ascii(stem).ok()?;
        // Other spellings of the same id are other names, which nothing of ours has.
        let spelled = id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes() == stem;
        spelled.then_some(Self { id, draft })
    }

    /// The file of what is published.
    pub(crate) fn of(id: Uuid) -> Self {
        Self { id, draft: false }
    }

    /// The file of what is not yet published.
    pub(crate) fn of_draft(id: Uuid) -> Self {
        Self { id, draft: true }
    }

    /// The id of what is published under a name, as others may spell it.
    pub(crate) fn published_id(name: &str) -> Option<Uuid> {
        name.strip_suffix(SUFFIX).and_then(|id| Uuid::parse_str(id).ok())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.draft { DRAFT_SUFFIX } else { SUFFIX };
        write!(f, "{}{suffix}", self.id)
    }
}
