//! Paths in commands that people copy.

use std::path::Path;

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(is_plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_a_shell_takes_them_for() {
        let quoted = |path| quoted(Path::new(path));
        assert_eq!(quoted("/dev/shm/dcc-mcp-shm-1000"), "/dev/shm/dcc-mcp-shm-1000");
        assert_eq!(quoted("/dev/shm/my scenes"), "'/dev/shm/my scenes'");
        assert_eq!(quoted("/dev/shm/it's"), r"'/dev/shm/it'\''s'");
    }
}
