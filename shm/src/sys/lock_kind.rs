//! Which locks there are on a file, and whether they can be shared.

/// Which of the byte locks of a file is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockByte {
    /// Lock of a handle that reads or writes the data; of a scene, that fills it.
    Data,
    /// Lock that is taken first and kept while waiting: by a writer, so that new readers queue behind it, and shared by
    /// readers, so that the next writer does. A scene's is held while it is being sealed.
    Gate,
    /// Lock of the handle that was given a pool slot. It can be tested without being taken, which the whole-file lock cannot.
    Slot,
}

/// Whether a lock can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMode {
    Shared,
    Exclusive,
}
