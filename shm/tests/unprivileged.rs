//! Everything works for a user without privileges, to whom modes 0400 and 0500 are not only advice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::sync::{Mutex, PoisonError};

use common::{Image, Peer, at, by_id, child_command, child_role, say};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, BufferState, Error, Layout, SceneWriter, SharedBuffer, SharedSceneBuffer,
    Store,
};

const NOBODY: u32 = 65534;

/// A program that another thread is about to start must not be open for writing here: `fork` would pass that on.
static STARTING: Mutex<()> = Mutex::new(());

/// Runs a role as a user without privileges, whoever runs the tests.
fn run(role: &str) {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let home = parent.path().join("home");
    fs::create_dir(&home).unwrap();
    let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = child_command(role, &home.join("store").display().to_string());
    if rustix::process::geteuid().is_root() {
        // The target directory may be one that only root can enter.
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = parent.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        let as_root = command;
        command = std::process::Command::new(program);
        command
            .args(as_root.get_args())
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY);
        for (variable, value) in as_root.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
    }
    let mut peer = Peer::of(&mut command);
    drop(starting);
    assert_eq!(
        peer.next().as_deref(),
        Some("done"),
        "{role}: see above for what the child said"
    );
    peer.end();
}

fn layout() -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [4]))]).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    assert!(!rustix::process::geteuid().is_root(), "run without privileges");
    let store = Store::open_at(path).unwrap();
    let options = BufferOptions::default();
    match role.as_str() {
        "everything" => {
            let buffer = SharedBuffer::create(&store, 10, &options.clone().name("b")).unwrap();
            buffer.write(b"x").unwrap();
            let scene = SharedSceneBuffer::write(&store, b"scene", &options.clone().compress(true)).unwrap();
            let writer = SceneWriter::new(&store, layout(), options.clone()).unwrap();
            writer.finish().unwrap();
            let pool = BufferPool::create(&store, 2, 10, &options).unwrap();
            drop(pool.acquire().unwrap());
            let id = scene.id();
            drop(scene);
            let scene = SharedSceneBuffer::open(&store, &by_id(id)).unwrap();
            assert_eq!(
                (scene.read().unwrap(), &scene.view().unwrap()[..]),
                (b"scene".to_vec(), &b"scene"[..])
            );
            let listing = store.list().unwrap();
            assert_eq!(
                (listing.buffers.len(), listing.pools.len(), listing.damaged.len()),
                (3, 1, 0)
            );
            assert_eq!(store.gc(false).unwrap().removed.len(), 0);
            for buffer in listing.buffers {
                store.delete(&by_id(buffer.id)).unwrap();
            }
        }
        "sealed" => {
            let scene = SharedSceneBuffer::write(&store, b"scene", &options).unwrap();
            assert!(fs::OpenOptions::new().write(true).open(scene.path()).is_err());
            let opened = SharedBuffer::open(&store, &by_id(scene.id())).map(drop);
            assert!(matches!(opened, Err(Error::WrongRole { .. })), "{opened:?}");
            let opened = BufferPool::open(&store, &by_id(scene.id())).map(drop);
            assert!(matches!(opened, Err(Error::WrongRole { .. })), "{opened:?}");
        }
        "killed while sealing" => {
            let scene = SharedSceneBuffer::create_empty(&store, &layout(), &options).unwrap();
            let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
            drop(writer);
            // What SIGKILL leaves between the two changes of mode in `seal`.
            let mut image = Image::of(&scene.path());
            image.put(at::STATE, &2u64.to_le_bytes());
            fs::write(scene.path(), &image.0).unwrap();
            fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o500)).unwrap();
            assert_eq!(scene.state().unwrap(), BufferState::Empty);
            let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
            writer.memory().copy_in(0, b"data").unwrap();
            assert_eq!(writer.finish().unwrap().read().unwrap(), b"data");
        }
        "race" => common::race_of_fillers(&store),
        other => panic!("no role {other}"),
    }
    say("done");
}

#[test]
fn all_that_users_do_works() {
    run("everything");
}

#[test]
fn a_sealed_scene_is_called_what_it_is() {
    run("sealed");
}

#[test]
fn a_scene_whose_filler_was_killed_while_it_sealed_can_be_filled() {
    run("killed while sealing");
}

#[test]
fn fillers_that_race_give_one_scene_or_a_typed_error() {
    run("race");
}
