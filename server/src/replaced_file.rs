//! A new file in the place of one, with its target, owner and permissions; or of none.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::platform::{file_builder, keep_owner};

/// A file under a name of its own until it takes its place; removed with this before.
#[derive(Debug)]
pub(crate) struct NewFile {
    draft: NamedTempFile,
    target: PathBuf,
}

impl NewFile {
    /// An empty file with the owner and permissions of what is at `path`, or where nothing is, for this user alone if it is `private`.
    ///
    /// # Errors
    /// What is there may not be written, or is a link to nothing.
    pub(crate) fn of(path: &Path, private: bool) -> io::Result<Self> {
        // A file that is a link, as dotfiles often are, stays one: its target is replaced.
        let target = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "it is a link to a file that is not there; create that file or remove the link",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path)?,
            found => found?,
        };
        let directory = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let existing = match OpenOptions::new().write(true).open(&target) {
            Ok(file) => Some(file.metadata()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Renaming would replace a file that its owner has made read-only.
            Err(error) => return Err(error),
        };
        let draft = file_builder(private).tempfile_in(directory)?;
        if let Some(existing) = existing {
            keep_owner(draft.as_file(), &existing)?;
            draft.as_file().set_permissions(existing.permissions())?;
        }
        Ok(Self { draft, target })
    }

    /// To be written to.
    pub(crate) fn file(&mut self) -> &mut File {
        self.draft.as_file_mut()
    }

    /// Replaces what is there, in one step.
    pub(crate) fn take_place(self) -> io::Result<()> {
        self.draft.persist(&self.target)?;
        Ok(())
    }
}
