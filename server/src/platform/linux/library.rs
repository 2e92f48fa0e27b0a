//! Which version of dcc-mcp-shm another process runs, by the mark that each version has in its bytes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dcc_mcp_shm::VERSION_MARK;
use memchr::memmem;

use crate::platform::RunningVersion;

/// Larger programs are those of DCCs, which load a library and have no mark of their own.
const LARGEST_PROGRAM: u64 = 64 << 20;
/// What the kernel shows behind the path of a file that was removed since it was loaded.
const REMOVED: &str = " (deleted)";

/// The version that a process runs; nothing where this process may not look, or finds no mark.
pub(crate) fn version_of(pid: u32) -> Option<RunningVersion> {
    let maps = fs::read(format!("/proc/{pid}/maps")).ok()?;
    let libraries = libraries(&String::from_utf8_lossy(&maps));
    if let Some(library) = libraries.first() {
        return match library.to_str()?.strip_suffix(REMOVED) {
            Some(_) => Some(RunningVersion::Replaced),
            None => version_in(library),
        };
    }
    // Reached although its path may be gone.
    let program = PathBuf::from(format!("/proc/{pid}/exe"));
    let is_small = fs::metadata(&program).ok()?.len() <= LARGEST_PROGRAM;
    is_small.then(|| version_in(&program)).flatten()
}

/// The files of this project's Python module that are mapped, from lines such as
/// `7f00-7f10 r-xp 00000000 08:01 123   /usr/lib/dcc_mcp_shm/_native.abi3.so`.
fn libraries(maps: &str) -> BTreeSet<PathBuf> {
    const FIELDS_BEFORE_PATH: usize = 5;
    let path = |line: &str| {
        let mut rest = line;
        for _ in 0..FIELDS_BEFORE_PATH {
            rest = rest.trim_start().split_once(' ')?.1;
        }
        Some(PathBuf::from(rest.trim_start()))
    };
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let folder = path.parent().and_then(Path::file_name);
        name.is_some_and(|name| name.starts_with("_native.")) && folder.is_some_and(|folder| folder == "dcc_mcp_shm")
    };
    maps.lines().filter_map(path).filter(is_ours).collect()
}

/// The version whose mark a file has.
fn version_in(file: &Path) -> Option<RunningVersion> {
    let bytes = fs::read(file).ok()?;
    // Without the version, which is between the slash and the semicolon.
    let (mark, _) = VERSION_MARK.split_once('/')?;
    memmem::find_iter(&bytes, &format!("{mark}/")).find_map(|at| {
        let rest = bytes.get(at + mark.len() + 1..)?;
        let version = rest.get(..rest.iter().take(32).position(|&byte| byte == b';')?)?;
        let version = std::str::from_utf8(version).ok()?;
        let is_version = version.starts_with(|first: char| first.is_ascii_digit())
            && version
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
        is_version.then(|| RunningVersion::Known(version.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_of_the_version_whose_mark_its_program_has() {
        let own = RunningVersion::Known(env!("CARGO_PKG_VERSION").to_owned());
        assert_eq!(version_of(std::process::id()), Some(own));
    }

    #[test]
    fn the_module_is_found_among_what_is_mapped_also_with_blanks_in_its_path() {
        let maps = "\
7f00-7f10 r--p 00000000 08:01 12                  /lib/python3/lib-dynload/_native.so
7f10-7f20 r-xp 00000000 08:01 13                  /home/a b/dcc_mcp_shm/_native.abi3.so
7f20-7f30 rw-p 00000000 00:00 0 
7f30-7f40 r-xp 00000000 08:01 13                  /opt/dcc_mcp_shm/_native.abi3.so (deleted)
";
        let expected = [
            "/home/a b/dcc_mcp_shm/_native.abi3.so",
            "/opt/dcc_mcp_shm/_native.abi3.so (deleted)",
        ];
        assert_eq!(libraries(maps), expected.map(PathBuf::from).into());
    }

    #[test]
    fn what_only_looks_like_a_mark_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("library");
        let (mark, _) = VERSION_MARK.split_once('/').expect("it has a slash");
        for (text, version) in [
            (format!("{mark}/;{mark}/x;"), None),
            (format!("{mark}/1.2{}", "3".repeat(40)), None),
            (format!("{mark}/ {mark}/0.0.9-rc1;"), Some("0.0.9-rc1")),
        ] {
            fs::write(&file, &text).expect("it is written");
            let expected = version.map(|version| RunningVersion::Known(version.to_owned()));
            assert_eq!(version_in(&file), expected, "{text}");
        }
    }
}
