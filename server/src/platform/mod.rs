//! What the server and the commands need of the operating system beside the crate: the standard streams without threads, how a
//! session ends from outside, the terminal, processes and files. `linux/` is what exists; `unsupported` refuses, so that
//! everything else compiles on any system. A port is another module with the same names.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "nothing is done with what is never there")
)]

#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "unsupported.rs"]
mod system;

use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::system::{
    Keys, OutputReader, RawTerminal, Resizes, StoreReadiness, Terminations, can_make_in, can_write, check_descriptors,
    file_builder, file_identity, file_system, give_way, input, is_output_hung_up, keep_owner, kernel_release, look_at,
    output, program_of, started, survive_file_size_limit, used_by_own_file_system, user, version_of, window_size,
};

pub(crate) type Input = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// What is at a path, not following a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathFacts {
    pub(crate) kind: PathKind,
    /// The id of its user.
    pub(crate) owner: u32,
    /// Who may read, write and enter it, as nine bits.
    pub(crate) permissions: u32,
    /// Whether users share the directory, and may remove only what is theirs.
    pub(crate) is_sticky: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathKind {
    Link,
    Directory,
    Other,
}

/// The version of dcc-mcp-shm that a process runs, as far as its files tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunningVersion {
    Known(String),
    /// The file that it was loaded from was replaced or removed since.
    Replaced,
}

/// A file system.
#[derive(Debug, Clone)]
pub(crate) struct FileSystem {
    /// What the system calls its type, such as `tmpfs`.
    pub(crate) kind: Option<String>,
    /// What is mounted: `shm` for the memory that a container has for itself.
    pub(crate) source: Option<String>,
    /// All its bytes; 0 if they are not limited.
    pub(crate) bytes: u64,
    pub(crate) free_bytes: u64,
    /// How many files it can have; 0 if they are not limited.
    pub(crate) files: u64,
    pub(crate) free_files: u64,
}

/// How much of a file system is taken, and by how much of that the files in its root account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSystemUse {
    pub(crate) taken: u64,
    pub(crate) of_files: u64,
}

/// Whether both paths lead to the same file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((file_identity(one), file_identity(other)), (Ok(one), Ok(other)) if one == other)
}
