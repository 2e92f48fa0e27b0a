//! How a client will start this program: for a user by an absolute path, because clients started from a desktop do not have
//! the `PATH` of a shell; for a project by a name, because others have it elsewhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde::Deserialize;

use super::error::Error;
use crate::identity;
use crate::platform::is_same_file;

/// A command, and what comes before the arguments of the server.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) command: String,
    pub(super) arguments: Vec<String>,
}

/// This program by its path, or by uv if uv runs it out of its cache, where it may be removed at any time.
pub(super) fn of_this_user() -> Result<Program, Error> {
    let path = path()?;
    let Some(environment) = cached_environment(&path) else {
        return Ok(Program {
            command: text(path)?,
            arguments: Vec::new(),
        });
    };
    // uv sets it for what it runs.
    let Some(uv) = env::var_os("UV").map(PathBuf::from).filter(|uv| uv.is_absolute()) else {
        return Err(Error::InCache(path));
    };
    let mut arguments = vec!["tool".to_owned(), "run".to_owned()];
    let source = source(environment)?;
    arguments.extend(
        source
            .into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value]),
    );
    arguments.push(identity::NAME.to_owned());
    Ok(Program {
        command: text(uv)?,
        arguments,
    })
}

/// This program as everybody who has a project can start it: by uvx if uv runs it here and others can get it from where it
/// came, else by its name.
pub(super) fn of_a_project() -> Result<Program, Error> {
    let by_name = Program {
        command: identity::NAME.to_owned(),
        arguments: Vec::new(),
    };
    let path = path()?;
    let Some(environment) = cached_environment(&path).filter(|_| env::var_os("UV").is_some()) else {
        return Ok(by_name);
    };
    let source = source(environment)?;
    if !source.iter().all(|(_, value)| is_for_all(value)) {
        return Ok(by_name);
    }
    let options = source
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value]);
    Ok(Program {
        command: "uvx".to_owned(),
        arguments: options.chain([identity::NAME.to_owned()]).collect(),
    })
}

/// The options that tell uv where the package of this program comes from.
fn source(environment: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    if let Some(address) = installed_from(environment)? {
        return Ok(vec![("--from", format!("{} @ {address}", identity::NAME))]);
    }
    // A client of a desktop does not have the variables.
    let indexes = [("UV_DEFAULT_INDEX", "--default-index"), ("UV_INDEX", "--index")];
    let indexes = indexes.into_iter().filter_map(|(variable, option)| {
        let index = env::var_os(variable).filter(|index| !index.is_empty())?;
        Some(text(index.into()).map(|index| (option, index)))
    });
    indexes.collect()
}

/// Whether addresses mean the same on other machines, and have nobody's password in them.
fn is_for_all(addresses: &str) -> bool {
    let mut schemes = addresses.split("://");
    let first = schemes.next().unwrap_or_default();
    let is_web = |before: &str| before.ends_with("https") || before.ends_with("http");
    let mut before = first;
    let mut found = false;
    for rest in schemes {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if !is_web(before) || authority.contains('@') {
            return false;
        }
        (before, found) = (rest, true);
    }
    found
}

fn text(path: PathBuf) -> Result<String, Error> {
    path.into_os_string()
        .into_string()
        .map_err(|path| Error::PathNotText(path.into()))
}

/// The Python environment that a program is a command of, if that lies in a cache. uv marks its cache by the file that
/// is usual for it (<https://bford.info/cachedir/>), others have theirs in the user's directory of caches. uv marks each
/// environment in the same way, so that backups leave it out.
fn cached_environment(program: &Path) -> Option<&Path> {
    let environment = program.parent()?.parent()?;
    let is_cache = |directory: &Path| directory.ends_with(".cache") || directory.join("CACHEDIR.TAG").is_file();
    (environment.join("pyvenv.cfg").is_file() && environment.ancestors().skip(1).any(is_cache)).then_some(environment)
}

/// Where the package of this program came from, if not from an index (PEP 610).
fn installed_from(environment: &Path) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct DirectUrl {
        url: String,
        vcs_info: Option<VcsInfo>,
    }
    #[derive(Deserialize)]
    struct VcsInfo {
        vcs: String,
        commit_id: String,
    }
    for python in entries(&environment.join("lib"), "python")? {
        if let Some(package) = entries(&python.join("site-packages"), "dcc_mcp_shm-")?.first() {
            let path = package.join("direct_url.json");
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(Error::Read { path, source }),
            };
            let from: DirectUrl = serde_json::from_slice(&text).map_err(|error| Error::Read {
                path,
                source: error.into(),
            })?;
            return Ok(Some(match from.vcs_info {
                Some(VcsInfo { vcs, commit_id }) => format!("{vcs}+{}@{commit_id}", from.url),
                None => from.url,
            }));
        }
    }
    Ok(None)
}

/// What a directory has whose name begins so.
fn entries(directory: &Path, prefix: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|source| Error::Read {
        path: directory.to_owned(),
        source,
    })?;
    Ok(entries
        .into_iter()
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()))
        .map(|entry| entry.path())
        .collect())
}

/// The path that this process was started by. It may be a link, which stays right when a package manager points it to
/// the next version; what it leads to may go.
fn path() -> Result<PathBuf, Error> {
    let running = env::current_exe().map_err(Error::NoProgram)?;
    let started_by = env::args_os()
        .next()
        .into_iter()
        .flat_map(places)
        .find(|place| is_same_file(place, &running));
    Ok(started_by.unwrap_or(running))
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
