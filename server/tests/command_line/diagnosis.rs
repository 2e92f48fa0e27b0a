//! `doctor`: each thing that can be wrong is found, named, and has a remedy that helps.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::geteuid;

use crate::home::PROGRAM;
use crate::store::{Holder, TestStore, command};

fn doctor(store: &Path) -> Output {
    command(store, &["doctor"]).output().expect("the program runs")
}

/// What it says of a store with which all is well.
fn healthy(store: &Path) -> String {
    let output = doctor(store);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("error "), "{said}");
    said
}

/// What it says of the one error that there is.
fn error(store: &Path) -> String {
    let output = doctor(store);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(output.stderr, b"", "a diagnosis is no failure");
    assert!(
        said.trim_end()
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("1 error, ")),
        "{said}"
    );
    let at = said.find("error  ").expect("an error");
    let lines: Vec<_> = said[at..].lines().take(2).collect();
    assert!(lines[1].trim_start().starts_with("→ "), "{said}");
    lines.join("\n")
}

/// Runs the command in a remedy, in a shell that has the store in its environment or not.
fn treat(store: Option<&Path>, remedy: &str, treatment: &str) {
    assert!(remedy.contains(treatment), "{treatment:?} is not in {remedy}");
    let path = Path::new(PROGRAM).parent().expect("a directory");
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", treatment])
        .env("PATH", format!("{}:/usr/bin:/bin", path.display()));
    if let Some(store) = store {
        shell.env("DCC_MCP_SHM_DIR", store);
    }
    assert!(shell.status().expect("the shell runs").success());
}

#[test]
fn a_healthy_store_and_one_that_is_not_there_yet() {
    let store = TestStore::new();
    store.named("hero");
    let said = healthy(store.path());
    for subject in [
        "directory",
        "file system",
        "room",
        "quota",
        "contents",
        "leftovers",
        "deleted",
    ] {
        assert!(said.contains(&format!("ok       {subject}")), "{subject}: {said}");
    }
    assert!(said.contains("tmpfs") && said.contains("1 buffer, 0 pools"), "{said}");
    let absent = store.path().with_file_name("absent");
    assert!(healthy(&absent).contains("is not there yet, and can be made"));
    assert!(!absent.exists());
}

#[test]
fn a_store_that_is_refused_is_diagnosed_and_the_remedy_helps() {
    let store = TestStore::new();
    let path = store.path();
    for mode in [0o777, 0o750] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its owner");
        let found = error(path);
        assert!(found.contains(&format!("mode {mode:o}")), "{found}");
        treat(None, &found, &format!("chmod 700 {}", path.display()));
        healthy(path);
    }
    let link = path.with_file_name("link");
    symlink(path, &link).expect("a link");
    let found = error(&link);
    assert!(
        found.contains("symbolic link") && found.contains("remove the link"),
        "{found}"
    );
    let file = path.with_file_name("file");
    fs::write(&file, b"").expect("a file");
    let found = error(&file);
    assert!(found.contains("no directory") && found.contains("move "), "{found}");
    let found = error(&file.join("store"));
    assert!(found.contains("see to it that"), "{found}");
    let found = error(&path.with_file_name("absent").join("store"));
    assert!(found.contains("cannot be made"), "{found}");
}

#[test]
fn a_store_of_somebody_else_is_diagnosed() {
    let store = TestStore::new();
    let elsewhere = if geteuid().is_root() {
        chown(store.path(), Some(65_534), None).expect("root may");
        store.path()
    } else {
        Path::new("/")
    };
    let found = error(elsewhere);
    assert!(
        found.contains("belongs to user") && found.contains("--store"),
        "{found}"
    );
}

#[test]
fn damaged_files_are_errors_until_they_are_deleted() {
    let store = TestStore::new();
    let id = store.junk(b"junk");
    let found = error(store.path());
    assert!(found.contains("1 file; the first: "), "{found}");
    treat(Some(store.path()), &found, &format!("dcc-mcp-shm rm {id}"));
    healthy(store.path());
    fs::write(store.path().join(".quota"), "a lot").expect("a file");
    let output = doctor(store.path());
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        output.status.code() == Some(1) && said.contains("error    quota"),
        "{said}"
    );
    treat(None, &said, &format!("rm {}/.quota", store.path().display()));
    healthy(store.path());
}

#[test]
fn a_remedy_for_another_store_than_the_default_names_it() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").expect("a directory");
    let path = parent.path().join("my scenes");
    dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(&path)).expect("a store");
    let id = uuid::Uuid::new_v4();
    let draft = path.join(format!("{id}.shm.draft"));
    fs::write(path.join(format!("{id}.shm")), b"junk").expect("a file");
    fs::write(&draft, b"junk").expect("a draft");
    let said = || {
        let option = path.to_str().expect("UTF-8");
        let output = Command::new(PROGRAM).args(["doctor", "--store", option]).output();
        String::from_utf8(output.expect("the program runs").stdout).expect("UTF-8")
    };
    let found = said();
    treat(
        None,
        &found,
        &format!("dcc-mcp-shm rm {id} --store '{}'", path.display()),
    );
    treat(None, &found, &format!("dcc-mcp-shm gc --store '{}'", path.display()));
    assert!(!draft.exists());
    let mode = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its owner");
    mode(0o755);
    treat(None, &said(), &format!("chmod 700 '{}'", path.display()));
    assert!(
        said().contains("0 errors") || said().contains("All is well"),
        "{}",
        said()
    );
}

#[test]
fn leftovers_are_warnings_until_they_are_swept() {
    let store = TestStore::new();
    store.named("hero");
    Holder::of(&store, &["hero"]).kill();
    let draft = store.path().join(format!("{}.shm.draft", uuid::Uuid::new_v4()));
    fs::write(&draft, [0; 5000]).expect("a draft");
    let said = healthy(store.path());
    assert!(
        said.contains("warning  leftovers    1 file, 4.8 KiB: a process that died"),
        "{said}"
    );
    assert!(
        said.contains("warning  leftovers    1 file of processes that were killed"),
        "{said}"
    );
    assert!(said.contains("0 errors, 2 warnings."), "{said}");
    assert!(draft.exists(), "only looked at");
    treat(Some(store.path()), &said, "dcc-mcp-shm gc");
    let said = healthy(store.path());
    assert!(said.contains("ok       leftovers    none"), "{said}");
}

#[test]
fn a_variable_that_keeps_programs_from_the_store_is_an_error() {
    let store = TestStore::new();
    let mut doctor = store.command(&["doctor"]);
    let output = doctor
        .env("DCC_MCP_SHM_MAX_BYTES", "8 apples")
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error    environment") && said.contains("\"8 apples\""),
        "{said}"
    );
    for size in ["8000000000", "8G", "512 MiB"] {
        let output = doctor.env("DCC_MCP_SHM_MAX_BYTES", size).output();
        assert!(output.expect("the program runs").status.success(), "{size}");
    }
}

#[test]
fn a_quota_that_is_nearly_used_is_a_warning_and_a_full_one_an_error() {
    let store = TestStore::new();
    store.named("hero");
    store.store.set_quota(Some(1 << 30)).expect("recorded");
    assert!(healthy(store.path()).contains("of 1.0 GiB used"));
    store.store.set_quota(Some(4500)).expect("recorded");
    let found = error(store.path());
    assert!(found.contains("room") && found.contains("raise the quota"), "{found}");
    let output = doctor(store.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("warning  quota"), "{said}");
}

/// What `doctor` says in a shell that has made a file system with these options, mounted where nobody else sees it: as root, or
/// where users may make namespaces. `prepare` is done in it first.
fn on_file_system(options: &str, prepare: &str) -> (Option<i32>, String) {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").expect("a directory");
    let mut unshare = Command::new("unshare");
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script = format!(
        "mount -t tmpfs -o {options},mode=700 tmpfs \"$1\" && cd \"$1\" && {prepare} && exec \"$0\" doctor --store \"$1\""
    );
    unshare
        .args([
            "--mount",
            "--propagation",
            "private",
            "--",
            "/bin/sh",
            "-c",
            &script,
            PROGRAM,
        ])
        .arg(parent.path());
    let output = unshare.output().expect("unshare of util-linux runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

#[test]
fn the_64_megabytes_of_docker_are_an_error() {
    let (code, said) = on_file_system("size=64m", "true");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error    file system  tmpfs, 64.0 MiB"), "{said}");
    assert!(said.contains("--shm-size"), "{said}");
}

#[test]
fn what_another_program_removed_while_it_was_open_is_noticed_where_the_store_has_a_file_system_of_its_own() {
    let hide = "exec 3>hidden && head -c 3000000 /dev/zero >&3 && rm hidden";
    let (code, said) = on_file_system("size=1g", hide);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning  deleted      2.8 MiB of its file system are in no file"),
        "{said}"
    );
    let (_, said) = on_file_system("size=1g", "head -c 3000000 /dev/zero > seen");
    assert!(!said.contains("warning  deleted"), "{said}");
}

#[test]
fn few_inodes_are_a_warning_and_none_an_error() {
    let (code, said) = on_file_system("size=1g,nr_inodes=20", "true");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning  inodes") && said.contains("nr_inodes"), "{said}");
    let (code, said) = on_file_system("size=1g,nr_inodes=20", "mkdir -m 700 $(seq 19)");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("error    room") && said.contains("set by: free inodes"),
        "{said}"
    );
    assert!(said.contains("nr_inodes") && said.contains("error    inodes"), "{said}");
}

#[test]
fn that_nothing_can_be_watched_is_a_warning() {
    let store = TestStore::new();
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" doctor --store \"$1\"";
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--", "/bin/sh", "-c", script, PROGRAM])
        .arg(store.path());
    let output = unshare.output().expect("unshare of util-linux runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{wrong}");
    assert!(said.contains("warning  watching"), "{said}{wrong}");
    assert!(said.contains("fs.inotify.max_user_instances"), "{said}");
}

#[test]
fn a_store_on_a_disk_is_a_warning() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let path = parent.path().join("store");
    dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(&path)).expect("a store");
    let said = healthy(&path);
    assert!(said.contains("warning  file system"), "{said}");
}

#[test]
fn a_stopped_process_that_has_the_store_s_lock_is_an_error_until_it_goes_on() {
    let store = TestStore::new();
    store.named("hero");
    let lock = store.path().join(".lock");
    let mut holder = Command::new("flock");
    // The shell has the lock, stops, and ends when it goes on.
    let mut holder = holder
        .arg("--no-fork")
        .arg(&lock)
        .args(["sh", "-c", "kill -STOP $$"])
        .spawn()
        .expect("flock of util-linux runs");
    let pid = rustix::process::Pid::from_child(&holder);
    let stopped = rustix::process::WaitOptions::UNTRACED;
    rustix::process::waitpid(Some(pid), stopped).expect("it stops");
    let found = error(store.path());
    let pid = pid.as_raw_nonzero();
    assert!(
        found.contains(&format!(
            "error    lock         held for more than 500ms by sh (process {pid}, stopped)"
        )),
        "{found}"
    );
    treat(None, &found, &format!("kill -CONT {pid}"));
    holder.wait().expect("it ends");
    assert!(healthy(store.path()).contains("ok       lock"));
}

/// What it says with these variables, in this directory.
fn said_with(directory: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(PROGRAM);
    command
        .arg("doctor")
        .current_dir(directory)
        .envs(variables.iter().copied());
    String::from_utf8(command.output().expect("the program runs").stdout).expect("UTF-8")
}

#[test]
fn a_directory_that_others_use_is_left_as_it_is() {
    let parent = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let shared = parent.path().join("tmp");
    fs::create_dir(&shared).expect("a directory");
    let home = parent.path().join("home");
    fs::create_dir(&home).expect("a directory");
    fs::write(home.join("notes.txt"), "mine").expect("a file");
    for (path, mode) in [(&shared, 0o1777), (&home, 0o755), (&home, 0o777)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its owner");
        let shown = path.to_str().expect("UTF-8");
        for found in [error(path), said_with(parent.path(), &[("DCC_MCP_SHM_DIR", shown)])] {
            assert!(!found.contains("chmod"), "{found}");
            let own = format!("DCC_MCP_SHM_DIR={shown}/dcc-mcp-shm-{}", geteuid().as_raw());
            assert!(found.contains(&own), "{found}");
            let (_, named) = found.split_once("DCC_MCP_SHM_DIR=").expect("a directory");
            let named = named.split(',').next().expect("one");
            healthy(Path::new(named));
        }
    }
}

#[test]
fn a_relative_directory_is_warned_of() {
    let parent = tempfile::tempdir_in("/dev/shm").expect("a directory");
    for relative in ["scenes", "./scenes", "../scenes", "a/b"] {
        let said = said_with(parent.path(), &[("DCC_MCP_SHM_DIR", relative)]);
        assert!(
            said.contains("warning  environment") && said.contains("a relative path"),
            "{said}"
        );
        assert!(said.contains(&format!("here {}", parent.path().display())), "{said}");
    }
    for whole in ["", "/dev/shm/scenes"] {
        let said = said_with(parent.path(), &[("DCC_MCP_SHM_DIR", whole)]);
        assert!(!said.contains("relative"), "{said}");
    }
}

#[test]
fn a_container_does_not_see_what_is_shared_outside() {
    let parent = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let absent = parent.path().join("absent");
    let shown = absent.to_str().expect("UTF-8");
    let said = said_with(parent.path(), &[("DCC_MCP_SHM_DIR", shown), ("container", "podman")]);
    assert!(
        said.contains("warning  container") && said.contains(&format!("-v {shown}:{shown}")),
        "{said}"
    );
    assert!(!said.contains("All is well"), "{said}");
    let output = command(&absent, &["show", "hero"]).output().expect("the program runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        said.contains("there is no store at") && said.contains("container"),
        "{said}"
    );
}
