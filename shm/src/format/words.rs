//! What a file is for, and the words of its header that change while it exists.

use super::holder_record::HolderRecord;
use super::publication::Publication;

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

    pub(super) fn from_code(code: u32) -> Option<Self> {
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
    pub(super) fn from_code(code: u64) -> Option<Self> {
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
    /// When a scene was finished, in nanoseconds since 1970-01-01 UTC; zero before, and in files of other roles.
    pub(crate) finished: u64,
    /// The number that the file was published under; none for slots.
    pub(crate) publication: Publication,
    /// Zeros in files of other roles than slots.
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
            publication: Publication::Unnumbered,
            holder: HolderRecord::default(),
        }
    }

    /// The same of a file that is published as soon as it is whole, and so may take its number at any time.
    pub(crate) fn publishing(self) -> Self {
        Self {
            publication: Publication::Pending,
            ..self
        }
    }
}
