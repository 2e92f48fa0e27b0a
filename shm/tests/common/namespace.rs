//! Children in namespaces of their own, by `unshare` of util-linux: as root, or where users may make namespaces. Elsewhere the
//! tests that need them fail.

use std::path::Path;
use std::process::Command;

use super::{Peer, child_command, with_variables};

/// Runs a role in namespaces that these options of `unshare` make.
#[track_caller]
pub(crate) fn unshared(options: &[&str], role: &str, argument: &str) -> Peer {
    let plain = child_command(role, argument);
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(options)
        .arg("--")
        .arg(plain.get_program())
        .args(plain.get_args());
    Peer::of(with_variables(&mut command, &plain))
}

/// Where the child may mount what nobody else sees.
pub(crate) const MOUNTS: [&str; 3] = ["--mount", "--propagation", "private"];

/// In such a child: mounts a file system in memory, which ends with the child.
pub(crate) fn mount_tmpfs(at: &Path, options: &str) {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(at)
        .status()
        .unwrap();
    assert!(mounted.success());
}
