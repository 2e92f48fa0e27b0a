//! What is known of a process: of this one, to tell others, and of another one.

/// Longest name of a program that the kernel keeps, with the zero behind it.
pub(crate) const PROGRAM_LEN: usize = 16;

/// A process, as people look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// What the kernel calls the program, filled up with zeros.
    pub(crate) program: [u8; PROGRAM_LEN],
}

/// What the system shows of another process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SeenProcess {
    pub(crate) program: String,
    pub(crate) stopped: bool,
}
