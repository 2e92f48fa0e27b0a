//! Errors as they are made: from what was found wrong, and from what the system says.

use std::io;
use std::path::Path;

use super::{Error, SpaceLimit};
use crate::sys::{NoMemory, Refusal};
use crate::text::printable;

impl Error {
    pub(crate) fn invalid(argument: &'static str, problem: impl Into<String>) -> Self {
        Self::InvalidArgument {
            argument,
            problem: problem.into(),
        }
    }

    pub(crate) fn damaged(path: &Path, problem: impl AsRef<str>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            problem: printable(problem.as_ref()),
        }
    }

    pub(crate) fn descriptor(problem: impl AsRef<str>) -> Self {
        Self::InvalidDescriptor {
            problem: printable(problem.as_ref()),
        }
    }

    /// There are no random numbers.
    pub(crate) fn random(source: io::Error) -> Self {
        Self::io("get random numbers from", Path::new("/dev/urandom"), source)
    }

    /// An error of the system, told apart where the caller can act on the difference.
    pub(crate) fn io(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        match Refusal::of(&source) {
            Refusal::TooManyFiles => Self::TooManyOpenFiles {
                action,
                path: path.to_owned(),
                source,
            },
            Refusal::NoMemory => Self::OutOfMemory {
                action,
                path: Some(path.to_owned()),
                requested: None,
            },
            refusal @ (Refusal::Full | Refusal::UserQuota) => Self::StoreFull {
                requested: 0,
                available: 0,
                limit: if refusal == Refusal::UserQuota {
                    SpaceLimit::UserQuota
                } else {
                    SpaceLimit::FileSystem
                },
                reclaimable: 0,
            },
            _ => Self::Io {
                action,
                path: path.to_owned(),
                source,
                nothing_published: false,
            },
        }
    }

    /// There is no memory for `bytes` bytes of data.
    pub fn no_memory_for(bytes: u64) -> Self {
        Self::OutOfMemory {
            action: "copy the data",
            path: None,
            requested: Some(bytes),
        }
    }

    /// The same error, of an operation that makes something and has made nothing.
    pub(crate) fn nothing_published(mut self) -> Self {
        if let Self::Io { nothing_published, .. } = &mut self {
            *nothing_published = true;
        }
        self
    }
}

impl From<NoMemory> for Error {
    fn from(NoMemory { bytes }: NoMemory) -> Self {
        Self::no_memory_for(bytes)
    }
}
