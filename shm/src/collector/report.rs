//! What a garbage collection says that it did, or would do.

use std::time::Duration;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// What a garbage collection took, or would take, and what it left.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GcReport {
    /// Files that were removed, or would be.
    pub removed: Vec<Removed>,
    /// Files that stay.
    pub kept: Vec<Kept>,
    /// Bytes freed, or that would be.
    pub freed_bytes: u64,
}

/// A file that was removed, or would be.
#[derive(Debug, Clone, Serialize)]
pub struct Removed {
    /// The id.
    pub id: Uuid,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    pub reason: &'static str,
}

/// A file that stays.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// The id.
    pub id: Uuid,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    pub reason: KeptReason,
}

/// Why a file stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeptReason {
    /// A process has it.
    #[error("somebody has it open")]
    Held,
    /// It was deleted, and a process has it open.
    #[error("it is deleted, and somebody still has it open")]
    StillOpen,
    /// It was deleted, and a process has it mapped, or open, without a lock.
    #[error("it is deleted, and somebody still has it mapped without a lock")]
    StillMapped,
    /// Its last holder was killed, so its time to live starts when this is found.
    #[error("its holder died; its time to live starts now")]
    HolderDied,
    /// Its time to live has not passed.
    #[error("it expires in {} s", left.as_secs())]
    Unexpired {
        /// Until it has.
        left: Duration,
    },
    /// The system does not say how far the clock of this container is off the host's, so nobody's time to live can be told.
    #[error("its age cannot be told ({problem}); let the program read its /proc, or run gc outside of the container")]
    ClockUnknown {
        /// What the system said.
        problem: String,
    },
    /// It is memory without content.
    #[error("it is memory of a deleted buffer, kept for the next one for a few seconds")]
    ForReuse,
    /// It has no time to live.
    #[error("it stays until it is deleted")]
    UntilDeleted,
    /// It is a slot, which goes with its pool.
    #[error("its pool is there")]
    SlotOfPool,
    /// It is a pool that was made to stay.
    #[error("a persistent pool stays until it is deleted")]
    PersistentPool,
    /// A newer program made it, so nothing is known of it here.
    #[error("a newer program made it (format version {version}); use a newer dcc-mcp-shm")]
    Newer {
        /// The format version that it says.
        version: u64,
    },
    /// It cannot be read, so nothing is known of it.
    #[error("{problem}; delete it by its id")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// It could not be removed, or looked at.
    #[error("{problem}")]
    Failed {
        /// What the system said.
        problem: String,
    },
}

impl Serialize for KeptReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
