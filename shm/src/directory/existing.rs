//! Directories that descriptors and paths of other processes refer to: they must exist, and nothing in them is changed.

use std::cell::RefCell;
use std::path::Path;

use uuid::Uuid;

use super::{Directory, FileName, Found, Purpose};
use crate::error::{Error, Result};
use crate::format::DescribedFile;

impl Directory {
    /// Opens something in a store that a descriptor or path refers to. The store must exist; nothing in it is changed.
    ///
    /// Most descriptors that a thread opens are of one store, so the last one stays open for the next.
    fn with_existing<T>(path: &Path, open: impl Fn(&Self) -> Result<T>) -> Result<T> {
        thread_local! {
            static LAST: RefCell<Option<Directory>> = const { RefCell::new(None) };
        }
        let last = LAST.with_borrow(Option::clone);
        // Where that cannot be told, opening it anew tells why.
        if let Some(last) = last.filter(|last| last.path() == path && matches!(last.is_still_safe(), Ok(true))) {
            match open(&last) {
                // The path may lead to another directory by now.
                Err(error) if error.is_gone() && !last.is_current() => {}
                opened => return opened,
            }
        }
        let directory = Self::open(path, Purpose::ToLook)?;
        LAST.set(Some(directory.clone()));
        open(&directory)
    }
}

/// Opens something in the store that a path lies in, if the path is that of the buffer with this id.
pub(crate) fn in_directory_of<T>(path: &Path, id: Uuid, open: impl Fn(&Directory) -> Result<T>) -> Result<T> {
    let name = FileName::of(id).to_string();
    if path.file_name() != Some(name.as_ref()) {
        return Err(Error::descriptor(format!(
            "id and path do not match: the file of {id} is called {name}, not {}",
            path.display()
        )));
    }
    // A relative path means something else in each process.
    if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::descriptor(format!("{} is no absolute path", path.display())));
    }
    Directory::with_existing(path.parent().unwrap_or(path), open)
}

/// Opens the file that a descriptor means in its directory, if it is called what a buffer's file must be.
pub(crate) fn open_described<T>(json: &str, open: impl Fn(&Directory, Found) -> Result<T>) -> Result<T> {
    let file = DescribedFile::parse(json)?;
    in_directory_of(&file.path, file.id, |directory| {
        open(
            directory,
            Found {
                id: file.id,
                generation: Some(file.generation),
            },
        )
    })
}
