//! `doctor` in containers whose seccomp profile refuses something: what is missing, and what still works.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use dcc_mcp_shm::{
    ArraySpec, BufferOptions, Error, Layout, Reference, SceneWriter, SharedBuffer, SharedSceneBuffer, Store,
    StoreOptions,
};

use crate::refusal::{Call, refuse};
use crate::store::{TestStore, command};

const STORE: &str = "DCC_MCP_SHM_TEST_STORE";
const REFUSED: &str = "DCC_MCP_SHM_TEST_REFUSED";

fn calls(name: &str) -> Vec<Call> {
    match name {
        "flock" => vec![Call::all(libc::SYS_flock)],
        "byte locks" => vec![Call::fcntl(libc::F_OFD_SETLK)],
        "leases" => vec![Call::fcntl(libc::F_SETLEASE)],
        "fallocate" => vec![Call::all(libc::SYS_fallocate)],
        "futex" => vec![Call::futex_wake()],
        "inotify" => vec![Call::all(libc::SYS_inotify_init1)],
        other => unreachable!("no call {other}"),
    }
}

/// In a child: looks at what works, or becomes `doctor`.
#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let path = std::env::var(STORE).expect("run by another test");
    let refused = std::env::var(REFUSED).expect("run by another test");
    let store = Store::open(&StoreOptions::at(&path)).expect("a store");
    let empty = Layout::new([("a", ArraySpec::new("u1".parse().expect("a type"), [4]))]).expect("a layout");
    let options = BufferOptions::default();
    let scene = SharedSceneBuffer::create_empty(&store, &empty, &options).expect("a scene");
    refuse(&calls(&refused), libc::EPERM);
    let works = |result: Result<(), Error>| result.is_ok();
    let found = [
        works(SharedSceneBuffer::write(&store, b"x", &options).and_then(|scene| scene.read().map(drop))),
        works(SharedSceneBuffer::write(&store, &vec![1; 5 << 20], &options).map(drop)),
        works(SceneWriter::new(&store, empty, options.clone()).and_then(|writer| writer.finish().map(drop))),
        works(SceneWriter::fill(&store, &Reference::Id(scene.id())).and_then(|writer| writer.finish().map(drop))),
        works(SharedBuffer::create(&store, 10, &options).and_then(|buffer| buffer.write(b"x").map(drop))),
    ];
    // Small scenes, large ones, small ones that are filled in place, empty ones of others, buffers.
    let expected = match refused.as_str() {
        "flock" => [false, false, false, false, false],
        "byte locks" => [true, true, true, false, false],
        "leases" => [true, true, true, false, true],
        "fallocate" => [true, false, true, true, false],
        _ => [true; 5],
    };
    assert_eq!(found, expected, "without {refused}");
    let error = command(path.as_ref(), &["doctor"]).exec();
    unreachable!("{error}");
}

/// What `doctor` says, and whether there is something that does not work.
fn doctor_without(refused: &str) -> (String, bool) {
    let store = TestStore::new();
    let program = std::env::current_exe().expect("this program");
    let Output { status, stdout, stderr } = Command::new(program)
        .args(["--exact", "refused::child", "--ignored", "--nocapture"])
        .env(STORE, store.path())
        .env(REFUSED, refused)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    (said.into_owned(), status.code() == Some(1))
}

#[test]
fn what_the_system_refuses_is_found_with_what_does_not_work_without_it() {
    let cases = [
        ("flock", "error    system       no locks on files (flock)", true),
        (
            "byte locks",
            "error    system       no locks on bytes (fcntl F_OFD_SETLK)",
            true,
        ),
        ("leases", "warning  system       no leases (fcntl F_SETLEASE)", false),
        (
            "fallocate",
            "error    system       no reserved memory (fallocate)",
            true,
        ),
        ("futex", "warning  system       no futex", false),
        ("inotify", "warning  watching     changes are not noticed", false),
    ];
    for (refused, expected, is_error) in cases {
        let (said, failed) = doctor_without(refused);
        assert!(said.contains(expected), "{refused}: {said}");
        assert!(said.contains("seccomp profile"), "{refused}: {said}");
        assert_eq!(failed, is_error, "{refused}: {said}");
    }
}

#[test]
fn that_the_host_s_clock_is_not_known_is_a_warning() {
    let store = TestStore::new();
    store.named("hero");
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=4k tmpfs /proc && exec \"$0\" doctor --store \"$1\"";
    let output = unshare
        .args([
            "--mount",
            "--propagation",
            "private",
            "--",
            "/bin/sh",
            "-c",
            script,
            crate::home::PROGRAM,
        ])
        .arg(store.path())
        .output()
        .expect("unshare of util-linux runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("warning  system       the host's clock cannot be told"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
}
