//! Whether the store's directory can be used, and by this user alone.

use std::path::{Path, PathBuf};

use dcc_mcp_shm::{Error, Store, StoreOptions};
use rustix::fs::{Access, FileType, access, lstat};
use rustix::process::geteuid;

use super::finding::Finding;
use super::quoted::quoted;

const SUBJECT: &str = "directory";

/// The store if it can be opened, and why not.
pub(super) fn check(path: &Path) -> (Option<Store>, Finding) {
    let shown = path.display();
    match Store::open(&StoreOptions::at(path).existing()) {
        Ok(store) => {
            let finding = match access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
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
    match access(parent.unwrap_or(Path::new(".")), Access::WRITE_OK | Access::EXEC_OK) {
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
    let Ok(stat) = lstat(path.components().collect::<PathBuf>()) else {
        return format!("see to it that {shown} can be reached, or name another directory by --store");
    };
    let user = geteuid().as_raw();
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => format!("remove the link {shown}, or name the directory itself by --store"),
        FileType::Directory if stat.st_uid != user => format!(
            "run this as user {}, name another directory by --store, or: sudo chown {user} {}",
            stat.st_uid,
            quoted(path)
        ),
        FileType::Directory if stat.st_mode & 0o777 != 0o700 => {
            format!(
                "chmod 700 {}; what others put there meanwhile, look at first",
                quoted(path)
            )
        }
        FileType::Directory => format!("name another directory by --store ({error})"),
        _ => format!("move {shown} away, or name another directory by --store"),
    }
}
