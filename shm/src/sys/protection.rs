//! What may be done through a mapping.

/// What may be done through a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Writes reach the file and so every process. The file must be open for writing.
    Shared,
    /// Writes stay in this process. Foreign code that writes into read-only buffers (Blender 5.0 does) neither
    /// crashes nor reaches the file.
    CopyOnWrite,
}
