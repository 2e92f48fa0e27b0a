//! Why the system refused, as far as a caller acts on the difference.

/// Why the system refused something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing has the name.
    Missing,
    /// It is a symbolic link, or there are too many on the way.
    Link,
    /// It is a directory.
    Directory,
    /// It is not a directory.
    NoDirectory,
    /// It is neither a file nor a directory.
    NoRegularFile,
    /// Only its owner may do this.
    NotOwned,
    /// This process may not do this.
    Forbidden,
    /// The system does not have this, or keeps it from this process.
    Unsupported,
    /// An argument is not possible.
    Invalid,
    /// The name or path is too long.
    TooLong,
    /// This process or the system can open no more files.
    TooManyFiles,
    /// There is no memory.
    NoMemory,
    /// The file system is full.
    Full,
    /// The disk quota of this user is used up.
    UserQuota,
    /// Anything else.
    Other,
}
