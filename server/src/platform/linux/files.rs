//! Files and file systems: who may do what with them.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use rustix::fs::{Access, FileType, access, lstat, major, minor, stat, statvfs};

use crate::platform::{FileSystem, FileSystemUse, PathFacts, PathKind};

/// Whether this process may list, enter and change a directory.
pub(crate) fn can_write(directory: &Path) -> io::Result<()> {
    Ok(access(directory, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Whether this process may make something in a directory.
pub(crate) fn can_make_in(directory: &Path) -> io::Result<()> {
    Ok(access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// What is at a path, not following a link.
pub(crate) fn look_at(path: &Path) -> io::Result<PathFacts> {
    let stat = lstat(path)?;
    Ok(PathFacts {
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => PathKind::Link,
            FileType::Directory => PathKind::Directory,
            _ => PathKind::Other,
        },
        owner: stat.st_uid,
        permissions: stat.st_mode & 0o777,
        is_sticky: stat.st_mode & 0o1000 != 0,
    })
}

/// The file system that a path lies on.
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    let (stat, space) = (stat(path)?, statvfs(path)?);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let device = format!("{}:{}", major(stat.st_dev), minor(stat.st_dev));
    Ok(FileSystem {
        kind: mounted(&mounts, &device, 0).map(str::to_owned),
        source: mounted(&mounts, &device, 1).map(str::to_owned),
        bytes: space.f_blocks.saturating_mul(space.f_frsize),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        files: space.f_files,
        free_files: space.f_favail,
    })
}

/// How much is taken of the file system that a directory is the root of; nothing if the directory is not, or the file system is not
/// in memory: a disk has data of its own.
pub(crate) fn used_by_own_file_system(directory: &Path) -> Option<FileSystemUse> {
    let device = fs::metadata(directory).ok()?.dev();
    if fs::metadata(directory.parent()?).ok()?.dev() == device {
        return None;
    }
    let taken = || {
        let in_memory = file_system(directory).ok()?;
        let is_limited = in_memory.kind.as_deref() == Some("tmpfs") && in_memory.bytes > 0;
        is_limited.then(|| in_memory.bytes.saturating_sub(in_memory.free_bytes))
    };
    let before = taken()?;
    let mut of_files = 0u64;
    for entry in fs::read_dir(directory).ok()? {
        let blocks = entry.ok()?.metadata().map_or(0, |file| file.blocks());
        of_files = of_files.saturating_add(blocks.saturating_mul(512));
    }
    Some(FileSystemUse {
        // What comes or goes meanwhile is in one of the two only.
        taken: before.min(taken()?),
        of_files,
    })
}

/// The type of the file system on a device (field 0) or what is mounted (field 1), from the kernel's list of mounts.
fn mounted<'a>(mounts: &'a str, device: &str, field: usize) -> Option<&'a str> {
    let mut lines = mounts.lines();
    let line = lines.find(|line| line.split(' ').nth(2) == Some(device))?;
    line.split_once(" - ")?.1.split(' ').nth(field)
}

/// What tells a file from all others, following links.
pub(crate) fn file_identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Makes files that this user alone may use, or others as well as far as the umask leaves it to them.
pub(crate) fn file_builder(private: bool) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.permissions(Permissions::from_mode(if private { 0o600 } else { 0o666 }));
    builder
}

/// Gives a new file the owner of an existing one: a file of another user, as root may write one, stays that user's.
pub(crate) fn keep_owner(new: &File, existing: &fs::Metadata) -> io::Result<()> {
    let made = new.metadata()?;
    if (made.uid(), made.gid()) == (existing.uid(), existing.gid()) {
        return Ok(());
    }
    fchown(new, Some(existing.uid()), Some(existing.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_known_by_its_device() {
        let mounts = "22 1 0:20 / / rw - overlay overlay rw\n30 22 0:27 / /dev/shm rw,nosuid shared:3 - tmpfs shm rw\n";
        assert_eq!(
            [0, 1].map(|field| mounted(mounts, "0:27", field)),
            [Some("tmpfs"), Some("shm")]
        );
        assert_eq!(mounted(mounts, "0:2", 0), None);
    }
}
