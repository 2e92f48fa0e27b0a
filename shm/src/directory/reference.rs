//! What a caller means: by an id, a name, or a descriptor.

use std::path::Path;
use std::str::FromStr;

use uuid::Uuid;

use super::Directory;
use crate::error::{Error, Result};
use crate::format::{DescribedFile, Snapshot, check_name};
use crate::sys::{self, Refusal};

/// How a buffer can be referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// Its id.
    Id(Uuid),
    /// Its name.
    Name(String),
    /// A whole descriptor.
    Descriptor(String),
}

impl FromStr for Reference {
    type Err = Error;

    /// Reads an id, a descriptor (JSON starts with a brace) or else a name. A name that looks like an id or like
    /// JSON has to be given as [`Reference::Name`].
    fn from_str(text: &str) -> Result<Self> {
        if text.trim_start().starts_with('{') {
            return Ok(Self::Descriptor(text.to_owned()));
        }
        if let Ok(id) = Uuid::parse_str(text) {
            return Ok(Self::Id(id));
        }
        check_name("buffer", text)?;
        Ok(Self::Name(text.to_owned()))
    }
}

impl From<Uuid> for Reference {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

/// What a reference means in a directory.
pub(crate) struct Found {
    pub(crate) id: Uuid,
    /// Of a descriptor, that of the slot when it was made.
    pub(crate) generation: Option<u64>,
}

impl Directory {
    /// What is meant. Whether it exists is seen when it is opened.
    pub(crate) fn locate(&self, reference: &Reference) -> Result<Found> {
        let whichever = |id| Found { id, generation: None };
        match reference {
            Reference::Id(id) => Ok(whichever(*id)),
            Reference::Name(name) => self
                .holder_of_name(name)?
                .map(whichever)
                .ok_or_else(|| self.not_found(name)),
            Reference::Descriptor(json) => {
                let file = DescribedFile::parse(json)?;
                if !self.is_file_path(file.id, &file.path)? {
                    return Err(Error::descriptor(format!(
                        "its file {} is not the one of {} in this store, {}",
                        file.path.display(),
                        file.id,
                        self.path().display()
                    )));
                }
                Ok(Found {
                    id: file.id,
                    generation: Some(file.generation),
                })
            }
        }
    }

    /// Whether a path leads to the file with this id in this store. Links among the directories above the store change the path
    /// and not where it leads; a link in the place of the store is refused here as it is when a store is opened.
    fn is_file_path(&self, id: Uuid, path: &Path) -> Result<bool> {
        let own = self.file_path(id);
        if path == own {
            return Ok(true);
        }
        let Some(directory) = path
            .parent()
            .filter(|_| path.is_absolute() && path.file_name() == own.file_name())
        else {
            return Ok(false);
        };
        match sys::stat_path(directory) {
            Ok(stat) => Ok(stat.is_some_and(|stat| stat.same_file(self.stat()))),
            Err(error) => match Refusal::of(&error) {
                Refusal::NoDirectory | Refusal::Link | Refusal::Forbidden | Refusal::TooLong | Refusal::Invalid => {
                    Ok(false)
                }
                _ => Err(Error::io("look at", directory, error)),
            },
        }
    }

    /// Does something with what is meant, once more where a name goes over to another buffer before that is done.
    pub(crate) fn at_found<T>(&self, reference: &Reference, act: impl Fn(Found) -> Result<T>) -> Result<T> {
        let mut found = self.locate(reference)?;
        loop {
            let id = found.id;
            match act(found) {
                Err(error) if error.is_gone() && matches!(reference, Reference::Name(_)) => {
                    found = self.locate(reference)?;
                    if found.id == id {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }

    /// Reads the header of what is meant, without holding it.
    pub(crate) fn find(&self, reference: &Reference) -> Result<Snapshot> {
        self.at_found(reference, |Found { id, generation }| {
            let snapshot = self.look(id)?;
            snapshot.expect_generation(generation)?;
            Ok(snapshot)
        })
    }
}
