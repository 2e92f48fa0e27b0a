//! systemd-logind, which deletes a user's files in /dev/shm when the last session ends, unless it is told not to.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::platform::user;

const SUBJECT: &str = "logout";
/// Where it reads its configuration: a later directory is asked first.
const DIRECTORIES: [&str; 4] = ["usr/lib/systemd", "usr/local/lib/systemd", "run/systemd", "etc/systemd"];
/// Users of the system are exempt, and so is root.
const FIRST_PERSON: u32 = 1000;

/// Nothing where there is no logind, or where the store is not in its reach.
pub(super) fn check(store: &Path) -> Option<Finding> {
    let concerns_store = store.starts_with("/dev/shm") && user() >= FIRST_PERSON;
    let root = Path::new("/");
    let keeps = || !removes_ipc(root) || lingers();
    (concerns_store && root.join("run/systemd/seats").is_dir()).then(|| judge(keeps()))
}

/// Whether this user's services outlive their sessions, so that logind takes no session for the last one.
fn lingers() -> bool {
    let name = std::env::var("USER").unwrap_or_default();
    !name.is_empty() && !name.contains('/') && Path::new("/var/lib/systemd/linger").join(name).exists()
}

fn judge(keeps: bool) -> Finding {
    if keeps {
        return Finding::good(
            SUBJECT,
            "logind keeps what is in /dev/shm (RemoveIPC=no, or this user lingers)",
        );
    }
    Finding::warning(
        SUBJECT,
        "logind deletes the store when this user's last session ends (RemoveIPC=yes)",
        "for data that must survive: loginctl enable-linger, or RemoveIPC=no in /etc/systemd/logind.conf",
    )
}

/// What the configuration below a root directory says; the default is to remove.
fn removes_ipc(root: &Path) -> bool {
    let mut drop_ins: Vec<PathBuf> = DIRECTORIES
        .iter()
        .flat_map(|directory| {
            fs::read_dir(root.join(directory).join("logind.conf.d"))
                .into_iter()
                .flatten()
        })
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    // By their names, wherever they are; of two with one name the later directory's counts.
    drop_ins.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    let main = DIRECTORIES
        .iter()
        .rev()
        .map(|directory| root.join(directory).join("logind.conf"));
    let main = main.into_iter().find(|path| path.is_file());
    let files = main.into_iter().chain(drop_ins);
    let mut settings = files.filter_map(|path| setting(&fs::read_to_string(path).ok()?));
    settings.next_back().unwrap_or(true)
}

/// The last value of `RemoveIPC=` in a file.
fn setting(text: &str) -> Option<bool> {
    let values = text.lines().filter_map(|line| line.trim().strip_prefix("RemoveIPC"));
    let mut values = values.filter_map(|rest| rest.trim_start().strip_prefix('='));
    let last = values.next_back()?.trim().to_ascii_lowercase();
    Some(!["no", "false", "off", "n", "f", "0"].contains(&last.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_the_configuration_counts() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        assert!(removes_ipc(root.path()), "the default");
        write("etc/systemd/logind.conf", "[Login]\n#RemoveIPC=no\n");
        assert!(removes_ipc(root.path()), "a comment");
        write("usr/lib/systemd/logind.conf", "[Login]\nRemoveIPC=no\n");
        assert!(removes_ipc(root.path()), "another file is read instead");
        write(
            "usr/lib/systemd/logind.conf.d/10-vendor.conf",
            "[Login]\nRemoveIPC = no\n",
        );
        assert!(!removes_ipc(root.path()), "a drop-in");
        write("etc/systemd/logind.conf.d/05-early.conf", "[Login]\nRemoveIPC=yes\n");
        assert!(!removes_ipc(root.path()), "an earlier name");
        write("etc/systemd/logind.conf.d/20-mine.conf", "[Login]\nRemoveIPC=yes\n");
        assert!(removes_ipc(root.path()), "a later name");
    }
}
