//! Whether the store's directory can be used, and by this user alone.

use std::path::{Path, PathBuf};

use dcc_mcp_shm::{Error, Store, StoreOptions};

use super::finding::Finding;
use super::quoted::quoted;
use crate::platform::{PathKind, can_make_in, can_write, look_at, user};

const SUBJECT: &str = "directory";

/// The store if it can be opened, and why not.
pub(super) fn check(path: &Path) -> (Option<Store>, Finding) {
    let shown = path.display();
    match Store::open(&StoreOptions::at(path).existing()) {
        Ok(store) => {
            let finding = match can_write(path) {
                Ok(()) => Finding::good(SUBJECT, format!("{shown}, this user's alone")),
                Err(error) => Finding::error(
                    SUBJECT,
                    format!("{shown} cannot be written to: {error}"),
                    format!("chmod 700 {}, or name another directory by --store", quoted(path)),
                ),
            };
            (Some(store), finding)
        }
        Err(error) if error.is_gone() => (None, absent(path)),
        Err(error) => (None, Finding::error(SUBJECT, error.to_string(), remedy(path, &error))),
    }
}

/// A store is made when something is first shared, if it can be.
fn absent(path: &Path) -> Finding {
    let shown = path.display();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match can_make_in(parent.unwrap_or(Path::new("."))) {
        Ok(()) => Finding::good(SUBJECT, format!("{shown} is not there yet, and can be made")),
        Err(error) => Finding::error(
            SUBJECT,
            format!("{shown} is not there, and cannot be made: {error}"),
            "make it with mode 700, or name another directory by --store or DCC_MCP_SHM_DIR",
        ),
    }
}

/// What would make a store of it that is not refused.
fn remedy(path: &Path, error: &Error) -> String {
    let shown = path.display();
    // Without the trailing slash that would follow a link.
    let Ok(facts) = look_at(&path.components().collect::<PathBuf>()) else {
        return format!("see to it that {shown} can be reached, or name another directory by --store");
    };
    let user = user();
    match facts.kind {
        PathKind::Link => format!("remove the link {shown}, or name the directory itself by --store"),
        PathKind::Directory if facts.owner != user => format!(
            "run this as user {}, or name another directory by --store; its files are theirs, so chown does not help",
            facts.owner
        ),
        PathKind::Directory if facts.permissions != 0o700 => {
            format!(
                "chmod 700 {}; what others put there meanwhile, look at first",
                quoted(path)
            )
        }
        PathKind::Directory => format!("name another directory by --store ({error})"),
        PathKind::Other => format!("move {shown} away, or name another directory by --store"),
    }
}
