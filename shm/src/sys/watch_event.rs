//! What a watch over a directory tells, and why there may be none.

use std::io;

/// Something that happened in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameEvent {
    /// A file or link was renamed to this name.
    MovedIn,
    /// What had this name was removed or renamed.
    Gone,
    /// What has this name was made, or has changed, or was closed after it could be written to.
    Changed,
    /// There was more than the kernel keeps.
    Lost,
    /// The directory was removed or moved away. Nothing more will be told.
    Ended,
}

/// Why a directory is not watched.
#[derive(Debug)]
pub(crate) enum WatchRefusal {
    /// This user can watch no more directories.
    TooMany(io::Error),
    /// Any other failure.
    Failed(io::Error),
}
