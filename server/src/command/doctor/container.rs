//! Containers, which have a /dev/shm of their own: what is shared outside is not seen inside, and the other way round.

use std::env;
use std::path::Path;

use super::finding::Finding;
use super::quoted::quoted;
use crate::platform;

const SUBJECT: &str = "container";
/// What container engines mount at /dev/shm.
const OWN_MEMORY: &str = "shm";

/// Nothing outside of a container, and where the store lies in memory that was mounted into it.
pub(super) fn check(store: &Path) -> Option<Finding> {
    let asked = store.ancestors().find_map(|path| platform::file_system(path).ok());
    let source = asked.and_then(|file_system| file_system.source);
    judge(is_container(Path::new("/")), store, store.exists(), source.as_deref())
}

/// Whether this process runs in a container, as far as engines leave a sign.
fn is_container(root: &Path) -> bool {
    let is_set = |variable: &str| env::var_os(variable).is_some_and(|value| !value.is_empty());
    [".dockerenv", "run/.containerenv"]
        .iter()
        .any(|sign| root.join(sign).exists())
        || is_set("container")
        || is_set("KUBERNETES_SERVICE_HOST")
}

fn judge(is_container: bool, store: &Path, is_there: bool, source: Option<&str>) -> Option<Finding> {
    let state = match (is_there, source) {
        _ if !is_container => return None,
        (_, Some(OWN_MEMORY)) => {
            "this is a container with a /dev/shm of its own: programs outside of it and in other containers see nothing of \
             this store, and it nothing of theirs"
        }
        (false, _) => {
            "this is a container, and there is no store here: what programs share outside of it is seen only if their store is \
             mounted into it"
        }
        (true, _) => return None,
    };
    let shown = quoted(store);
    Some(Finding::warning(
        SUBJECT,
        state,
        format!(
            "if they are to share, mount the host's store (docker -v {shown}:{shown}) or its memory (docker --ipc=host), and run \
             as the same user id"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_others_cannot_see_is_told() {
        let store = Path::new("/dev/shm/dcc-mcp-shm-1000");
        let told = |is_container, is_there, source| {
            judge(is_container, store, is_there, source).map(|found| found.to_string())
        };
        for nothing in [
            told(false, false, Some("shm")),
            told(false, true, Some("tmpfs")),
            told(true, true, Some("tmpfs")),
            told(true, true, None),
        ] {
            assert_eq!(nothing, None);
        }
        for (is_there, source) in [
            (true, Some("shm")),
            (false, Some("shm")),
            (false, Some("tmpfs")),
            (false, None),
        ] {
            let told = told(true, is_there, source).unwrap_or_default();
            assert!(
                told.contains("warning") && told.contains("-v /dev/shm/dcc-mcp-shm-1000:"),
                "{told}"
            );
        }
    }

    #[test]
    fn engines_leave_signs() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::write(root.path().join(".dockerenv"), "").expect("a file");
        assert!(is_container(root.path()));
    }
}
