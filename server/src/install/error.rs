//! The reasons why an entry was not written. For each of them, the file is as it was.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no home directory; set HOME, or use --scope project")]
    NoHome,
    #[error("{0} has no configuration of a project; leave out --scope")]
    UserScopeOnly(&'static str),
    #[error("no client has a configuration {0}; name one in place of \"all\"")]
    NoClient(&'static str),
    #[error("cannot tell the path of this program, which the entry would name: {0}")]
    NoProgram(#[source] io::Error),
    #[error(
        "{} lies in a cache and may be removed at any time; install the package (`uv tool install`, `pipx install` or \
         `pip install`), and run this again from there", .0.display()
    )]
    InCache(PathBuf),
    #[error("{} is not UTF-8 and cannot be named in an entry; move it", .0.display())]
    PathNotText(PathBuf),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    #[error("{} is a link to a file that is not there; create that file or remove the link", .0.display())]
    DanglingLink(PathBuf),
    #[error("{}: {problem}; nothing was written", path.display())]
    Content { path: PathBuf, problem: Problem },
    #[error("cannot show the change, so nothing was written: {0}")]
    NotShown(#[source] io::Error),
    #[error("{} was not changed, because there is nobody to ask; run this again with --yes to write the change", .0.display())]
    NobodyToAsk(PathBuf),
    #[error("{} was not changed", .0.display())]
    Declined(PathBuf),
    #[error("{} has been changed by another program meanwhile; run this again", .0.display())]
    ChangedMeanwhile(PathBuf),
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Why an entry cannot be put into the text of a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("it is not UTF-8")]
    NotText,
    #[error("it is not {0} ({reason}); correct that first", reason = .1.trim_end())]
    Syntax(&'static str, String),
    #[error("{0} is not an object; correct that first")]
    NotAnObject(String),
    #[error("it has {0:?} twice, and programs differ in which one they use; remove one")]
    Twice(String),
    #[error(
        "{0:?} is an entry of another kind, which is not written here; remove it, or choose another name with --name"
    )]
    OtherKind(String),
    #[error("{0:?} is written in a way that cannot be changed without touching the rest; change it by hand")]
    OtherForm(&'static str),
}

impl Problem {
    pub(super) fn of(self, path: &Path) -> Error {
        Error::Content {
            path: path.to_owned(),
            problem: self,
        }
    }
}
