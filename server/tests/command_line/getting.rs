//! The file that `get` writes: whole or not at all, in the place of one with its owner and permissions.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer};

use crate::scripts::{bytes, status};
use crate::store::TestStore;

#[test]
fn a_failed_write_leaves_what_was_there_and_no_half_of_a_file() {
    let (store, files) = (TestStore::new(), tempfile::tempdir().expect("a directory"));
    let data = bytes(9_000_000);
    SharedSceneBuffer::write(&store.store, &data, &BufferOptions::default().name("data")).expect("a scene");
    let to = files.path().join("to");
    // The shell's limit makes every file end at a megabyte.
    let get = |to: &std::path::Path| -> Output {
        let script = "ulimit -f 1024; trap '' XFSZ; exec \"$0\" get data \"$1\"";
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, crate::home::PROGRAM]).arg(to).env_clear();
        shell.env("DCC_MCP_SHM_DIR", store.path()).output().expect("it runs")
    };
    let there = |path: &std::path::Path| fs::read_dir(path).expect("a directory").count();
    assert_eq!(status(&get(&to)), Some(1));
    assert_eq!(there(files.path()), 0);
    fs::write(&to, b"before").expect("a file");
    let output = get(&to);
    assert_eq!(status(&output), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("cannot write"),
        "{output:?}"
    );
    assert_eq!(
        (fs::read(&to).expect("a file"), there(files.path())),
        (b"before".to_vec(), 1)
    );
    for missing in [files.path().join("nowhere/to"), files.path().to_owned()] {
        assert_eq!(
            status(&store.run(&["get", "data", missing.to_str().expect("UTF-8")])),
            Some(1)
        );
    }
    assert_eq!(there(files.path()), 1);
    let output = store.run(&["get", "data", "-", "--json"]);
    assert!(status(&output) == Some(1) && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_file_keeps_its_mode_and_its_link_and_a_pipe_is_written_to() {
    let (store, files) = (TestStore::new(), tempfile::tempdir().expect("a directory"));
    store.named("hero");
    let (to, link, pipe) = (
        files.path().join("to"),
        files.path().join("link"),
        files.path().join("pipe"),
    );
    fs::write(&to, b"before").expect("a file");
    fs::set_permissions(&to, fs::Permissions::from_mode(0o640)).expect("its owner");
    symlink("to", &link).expect("a link");
    store.printed(&["get", "hero", link.to_str().expect("UTF-8")]);
    assert!(link.is_symlink());
    assert_eq!(fs::read(&to).expect("a file"), b"vertices");
    assert_eq!(fs::metadata(&to).expect("a file").permissions().mode() & 0o777, 0o640);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let mut get = store.command(&["get", "hero", pipe.to_str().expect("UTF-8")]);
    let mut get = get.stdout(Stdio::null()).spawn().expect("it runs");
    let mut read = Vec::new();
    fs::File::open(&pipe)
        .expect("a pipe")
        .read_to_end(&mut read)
        .expect("read");
    assert!(get.wait().expect("it ends").success());
    assert_eq!(read, b"vertices");
    assert_eq!(fs::read_dir(files.path()).expect("a directory").count(), 3);
}

#[test]
fn what_its_owner_may_not_write_and_a_link_to_nothing_stay_as_they_are() {
    const NOBODY: u32 = 65534;
    let (store, files) = (TestStore::new(), tempfile::tempdir().expect("a directory"));
    store.named("hero");
    let path = |name: &str| files.path().join(name);
    let is_root = rustix::process::geteuid().is_root();
    let get = |to: &Path| {
        let mut get = if is_root {
            // The target directory may be one that only root can enter.
            let mut get = Command::new(path("program"));
            get.args(["get", "hero"])
                .env_clear()
                .env("DCC_MCP_SHM_DIR", store.path());
            get.uid(NOBODY).gid(NOBODY);
            get
        } else {
            store.command(&["get", "hero"])
        };
        get.arg(to).output().expect("it runs")
    };
    if is_root {
        // By another program: a child that this one forks meanwhile would keep the new file open for writing.
        let copied = Command::new("cp")
            .args([crate::home::PROGRAM.as_ref(), path("program").as_os_str()])
            .status();
        assert!(copied.expect("cp runs").success());
        chown(files.path(), Some(NOBODY), Some(NOBODY)).expect("an owner");
        chown(store.path().parent().expect("a parent"), Some(NOBODY), Some(NOBODY)).expect("an owner");
        chown(store.path(), Some(NOBODY), Some(NOBODY)).expect("an owner");
        for file in fs::read_dir(store.path()).expect("a store") {
            lchown(file.expect("a file").path(), Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
    }
    for mode in [0o400, 0o444, 0o000] {
        let file = path("read-only");
        fs::write(&file, b"before").expect("a file");
        if is_root {
            chown(&file, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        let link = path("link");
        symlink("read-only", &link).expect("a link");
        for to in [&file, &link] {
            let output = get(to);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(status(&output), Some(1), "{mode:o}: {errors}");
            assert!(errors.contains("cannot write") && errors.contains("denied"), "{errors}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(fs::read(&file).expect("a file"), b"before", "{mode:o}");
        fs::remove_file(&file).expect("removed");
        let output = get(&link);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(status(&output), Some(1), "{errors}");
        assert!(errors.contains("link to a file that is not there"), "{errors}");
        assert!(link.is_symlink() && !file.exists());
        fs::remove_file(&link).expect("removed");
    }
    let left = fs::read_dir(files.path()).expect("a directory").count();
    assert_eq!(left, usize::from(is_root), "a draft is left");
}

#[test]
fn root_leaves_a_file_that_it_gets_to_its_owner() {
    let (store, files) = (TestStore::new(), tempfile::tempdir().expect("a directory"));
    store.named("hero");
    let file = files.path().join("to");
    fs::write(&file, b"before").expect("a file");
    let owner = if rustix::process::geteuid().is_root() {
        65534
    } else {
        rustix::process::getuid().as_raw()
    };
    chown(&file, Some(owner), None).expect("an owner");
    store.printed(&["get", "hero", file.to_str().expect("UTF-8")]);
    assert_eq!(fs::read(&file).expect("a file"), b"vertices");
    assert_eq!(fs::metadata(&file).expect("a file").uid(), owner);
}
