//! The memory that files of the store are made of: its file system, its size, what is free, and huge pages.

use std::fs;
use std::path::Path;

use dcc_mcp_shm::{SpaceLimit, Store};
use dcc_mcp_shm_view::text::Bytes;

use super::finding::Finding;
use crate::platform::{self, FileSystem};

/// What Docker gives /dev/shm unless it is told otherwise.
const DOCKER_SHM: u64 = 64 << 20;
/// With less than this there is no room for a frame or a mesh.
const LEAST_ROOM: u64 = 16 << 20;
/// A pool of the usual sizes has that many files.
const FEW_INODES: u64 = 64;
const NO_INODES: &str =
    "delete buffers (dcc-mcp-shm rm) and other files there, or allow more: mount -o remount,nr_inodes=";
const SHMEM_ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
/// From here on huge pages can be had without that setting.
const COLLAPSES: (u32, u32) = (6, 1);

const SUBJECT: &str = "file system";

/// The directory may not be there, or not be a store.
pub(super) fn check(directory: &Path, store: Option<&Store>) -> Vec<Finding> {
    let mut findings = file_system(directory);
    findings.extend(store.map(room));
    if let Ok(setting) = fs::read_to_string(SHMEM_ENABLED) {
        findings.push(huge_pages(&setting, &platform::kernel_release()));
    }
    findings
}

fn file_system(directory: &Path) -> Vec<Finding> {
    // That of the directory, or the one that it would be made in.
    let asked = directory.ancestors().find_map(|path| platform::file_system(path).ok());
    let Some(file_system) = asked else {
        let problem = format!("{} cannot be asked about", directory.display());
        return vec![Finding::unknown(SUBJECT, problem)];
    };
    vec![size(&file_system), inodes(&file_system)]
}

fn size(file_system: &FileSystem) -> Finding {
    let kind = file_system.kind.as_deref().unwrap_or("of an unknown kind");
    let (size, free) = (file_system.bytes, file_system.free_bytes);
    let state = match size {
        0 => format!("{kind}, of no limited size"),
        size => format!("{kind}, {:#}, {:#} free", Bytes(size), Bytes(free)),
    };
    if (1..=DOCKER_SHM).contains(&size) {
        let remedy = "too small for scenes: start the container with --shm-size=4g (Compose: shm_size), or mount -o \
                      remount,size=4g";
        return Finding::error(SUBJECT, state, remedy);
    }
    if !["tmpfs", "ramfs", "hugetlbfs"].contains(&kind) {
        let remedy = "files there are on a disk, and slow: use a directory in /dev/shm";
        return Finding::warning(SUBJECT, state, remedy);
    }
    Finding::good(SUBJECT, state)
}

/// The largest new buffer, and what sets that.
fn room(store: &Store) -> Finding {
    const SUBJECT: &str = "room";
    let room = match store.room() {
        Ok(room) => room,
        Err(error) => return Finding::unknown(SUBJECT, error),
    };
    let state = format!("{:#} for a new buffer, set by: {}", Bytes(room.available), room.limit);
    if room.available >= LEAST_ROOM {
        return Finding::good(SUBJECT, state);
    }
    let remedy = match room.limit {
        SpaceLimit::Quota => "delete buffers (dcc-mcp-shm rm), or raise the quota: DCC_MCP_SHM_MAX_BYTES",
        SpaceLimit::Memory => "delete buffers (dcc-mcp-shm rm), or end programs that use much memory",
        SpaceLimit::FileSize => "raise the limit where the program is started (ulimit -f)",
        SpaceLimit::Cgroup => "delete buffers (dcc-mcp-shm rm), or give the container more memory (docker: --memory)",
        SpaceLimit::Inodes => NO_INODES,
        _ => {
            "delete buffers (dcc-mcp-shm rm) and other files there, or give the file system more: mount -o remount,size="
        }
    };
    Finding::error(SUBJECT, state, remedy)
}

/// How many more files there can be: each buffer, scene, slot and name is one.
fn inodes(file_system: &FileSystem) -> Finding {
    const SUBJECT: &str = "inodes";
    let state = format!("{} more files are possible", file_system.free_files);
    match file_system.free_files {
        _ if file_system.files == 0 => Finding::good(SUBJECT, "as many files as there is room for"),
        0 => Finding::error(SUBJECT, "the file system can have no more files", NO_INODES),
        free if free < FEW_INODES => Finding::warning(SUBJECT, state, NO_INODES),
        _ => Finding::good(SUBJECT, state),
    }
}

/// Large buffers are faster in huge pages, which the kernel gives to shared memory only as it is set.
fn huge_pages(setting: &str, release: &str) -> Finding {
    const SUBJECT: &str = "huge pages";
    let chosen = setting.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let chosen = chosen.map_or("unknown", |(chosen, _)| chosen);
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let state = format!("shmem_enabled is {chosen}, Linux {release}");
    let remedy = format!("large buffers are slower to write: echo advise | sudo tee {SHMEM_ENABLED}");
    match chosen {
        "deny" => Finding::warning(SUBJECT, state, remedy),
        "never" if version < COLLAPSES => Finding::warning(SUBJECT, state, remedy),
        _ => Finding::good(SUBJECT, state),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn huge_pages_need_the_setting_or_a_new_kernel() {
        let level = |setting, release| huge_pages(setting, release).level;
        assert_eq!(
            level("always within_size advise [never] deny force", "6.1.0-13-amd64"),
            Level::Good
        );
        assert_eq!(
            level("always within_size advise [never] deny force", "5.15.0"),
            Level::Warning
        );
        assert_eq!(
            level("always within_size [advise] never deny force", "5.15.0"),
            Level::Good
        );
        assert_eq!(
            level("always within_size advise never [deny] force", "6.18"),
            Level::Warning
        );
    }
}
