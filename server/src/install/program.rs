//! The path of this program, as a client will start it: always absolute, because clients started from a desktop do not
//! have the `PATH` of a shell.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::platform::is_same_file;

/// The path that this process was started by. It may be a link, which stays right when a package manager points it to
/// the next version; what it leads to may go.
pub(super) fn path() -> Result<String, Error> {
    let running = env::current_exe().map_err(Error::NoProgram)?;
    let started_by = env::args_os()
        .next()
        .into_iter()
        .flat_map(places)
        .find(|place| is_same_file(place, &running));
    let path = started_by.unwrap_or(running);
    path.into_os_string()
        .into_string()
        .map_err(|path| Error::PathNotText(path.into()))
}

/// Where a shell finds a command: at its path, or in the directories of `PATH`.
fn places(command: OsString) -> Vec<PathBuf> {
    if Path::new(&command).components().count() > 1 {
        return std::path::absolute(command).into_iter().collect();
    }
    let directories = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&directories)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(&command))
        .collect()
}
