//! A configuration file: read as it is, and replaced as a whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::clients::Scope;
use super::error::{Error, Problem};
use crate::replaced_file::NewFile;

#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    /// `None` where there is no file yet.
    text: Option<String>,
}

impl ConfigFile {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Err(Error::NotAFile(path.to_owned())),
            Ok(_) => fs::read(path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.is_symlink() {
                    return Err(Error::DanglingLink(path.to_owned()));
                }
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let text = text.map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            text: text
                .map(String::from_utf8)
                .transpose()
                .map_err(|_| Problem::NotText.of(path))?,
            path: path.to_owned(),
        })
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    pub(super) fn is_there(&self) -> bool {
        self.text.is_some()
    }

    /// Puts `new` in place of what was read, if it is still what is there.
    pub(super) fn replace(&self, new: &str, scope: Scope) -> Result<(), Error> {
        let failed = |source| Error::Write {
            path: self.path.clone(),
            source,
        };
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let draft = self.draft(new, scope).map_err(failed)?;
        // As late as can be: a client that runs may write its file at any time.
        if Self::read(&self.path)?.text != self.text {
            return Err(Error::ChangedMeanwhile(self.path.clone()));
        }
        draft.take_place().map_err(failed)
    }

    fn draft(&self, new: &str, scope: Scope) -> io::Result<NewFile> {
        // Clients share the files of a project among people, and keep secrets in those of a user.
        let private = matches!(scope, Scope::User);
        let mut draft = NewFile::of(&self.path, private)?;
        draft.file().write_all(new.as_bytes())?;
        draft.file().sync_all()?;
        Ok(draft)
    }
}
