//! How much room the system has, and what limits it.

/// The least room there is, and what sets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRoom {
    /// Bytes.
    pub(crate) available: u64,
    /// What there would have to be more of for there to be more room.
    pub(crate) limit: RoomLimit,
}

/// What sets how much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomLimit {
    /// Free space of the file system.
    FileSystem,
    /// Available memory of the machine.
    Memory,
    /// Room left in an enclosing memory cgroup.
    Cgroup,
    /// How long this process may make a file.
    FileSize,
}

impl SystemRoom {
    /// The smaller of this room and another one.
    pub(super) fn at_most(self, available: u64, limit: RoomLimit) -> Self {
        if available < self.available {
            Self { available, limit }
        } else {
            self
        }
    }
}
