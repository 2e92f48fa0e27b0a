//! Whether the store's directory can be used, and by this user alone.

use std::path::{Path, PathBuf};

use dcc_mcp_shm::{Error, Store, StoreOptions};
use uuid::Uuid;

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

/// Whether a directory has anything in it that no store has.
fn is_of_others(path: &Path) -> bool {
    const OF_STORES: [&str; 3] = [".lock", ".quota", ".store"];
    let Ok(mut entries) = std::fs::read_dir(path) else {
        return false;
    };
    entries.any(|entry| {
        let name = entry.map(|entry| entry.file_name()).unwrap_or_default();
        let name = name.to_string_lossy();
        let begins_with_id = name.get(..36).is_some_and(|id| Uuid::try_parse(id).is_ok());
        !begins_with_id && !OF_STORES.iter().any(|own| name.starts_with(own))
    })
}

/// What would make a store of it that is not refused.
fn remedy(path: &Path, error: &Error) -> String {
    let shown = path.display();
    // Without the trailing slash that would follow a link.
    let Ok(facts) = look_at(&path.components().collect::<PathBuf>()) else {
        return format!("see to it that {shown} can be reached, or name another directory by --store");
    };
    let user = user();
    if facts.kind == PathKind::Directory && (facts.is_sticky || is_of_others(path)) {
        // Its permissions are not the store's to change.
        let own = path.join(format!("dcc-mcp-shm-{user}"));
        return format!(
            "{shown} is not a store's own: name a directory inside of it, which the first program makes: DCC_MCP_SHM_DIR={0}, or \
             --store {0}",
            quoted(&own)
        );
    }
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
