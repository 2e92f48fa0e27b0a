//! How a file is opened.

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
    /// For reading and writing; fails if something of this name exists.
    Create,
}
