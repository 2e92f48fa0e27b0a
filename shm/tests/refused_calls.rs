//! What a container's seccomp profile or a file system refuses: another way where there is one that is as certain, else an
//! error that says what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::refusal::{Call, refuse};
use common::{Peer, argument, by_id, child_role, hear, opened, say, temp_store};
use dcc_mcp_shm::{ArraySpec, BufferOptions, BufferState, Error, Layout, SceneWriter, SharedSceneBuffer, Store};
use uuid::Uuid;

const F_SETSIG: i32 = 10;
/// What profiles, old kernels and file systems say.
const ERRORS: [i32; 5] = [libc::EPERM, libc::ENOSYS, libc::EINVAL, libc::ENOTTY, libc::EOPNOTSUPP];

fn layout(len: u64) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [len]))]).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (role, errno) = role.split_once(" -> ").unwrap();
    let errno = errno.parse().unwrap();
    let (store, id) = opened(&argument);
    match role {
        "write without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            write_scenes(&store);
        }
        "write without their signal" => {
            refuse(&[Call::fcntl(F_SETSIG)], errno);
            write_scenes(&store);
        }
        "begin to fill without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            let filled = SceneWriter::fill(&store, &by_id(id)).map(drop);
            assert_no_leases(filled, errno);
        }
        "finish without leases" => {
            let writer = SceneWriter::fill(&store, &by_id(id)).unwrap();
            writer.memory().copy_in(0, b"data").unwrap();
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            assert_no_leases(writer.finish().map(drop), errno);
        }
        other => panic!("no role {other}"),
    }
    say("done");
    hear();
}

/// Everything that is written before anybody can see it: small, large, filled in place, compressed.
fn write_scenes(store: &Store) {
    let options = BufferOptions::default();
    let large = vec![7; 5 << 20];
    let writer = SceneWriter::new(store, layout(5 << 20), options.clone()).unwrap();
    let kept = writer.memory().clone();
    kept.copy_in(0, &large).unwrap();
    let filled = writer.finish().unwrap();
    kept.copy_in(0, b"late").unwrap();
    let scenes = [
        (
            SharedSceneBuffer::write(store, b"small", &options).unwrap(),
            &b"small"[..],
        ),
        (SharedSceneBuffer::write(store, &large, &options).unwrap(), &large),
        (
            SharedSceneBuffer::write(store, &large, &options.compress(true)).unwrap(),
            &large,
        ),
        (filled, &large),
    ];
    for (scene, data) in scenes {
        assert!(scene.read().unwrap() == data);
        assert_eq!(scene.state().unwrap(), BufferState::Sealed);
        let mode = fs::metadata(scene.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o400);
    }
}

#[track_caller]
fn assert_no_leases(result: Result<(), Error>, errno: i32) {
    let Err(Error::NoLeases { source, .. }) = &result else {
        panic!("{result:?}")
    };
    assert_eq!(source.raw_os_error(), Some(errno));
    let said = result.unwrap_err().to_string();
    assert!(
        said.contains("F_SETLEASE") && said.contains("write a new scene"),
        "{said}"
    );
}

fn run(role: &str, errno: i32, argument: &str) {
    let mut peer = Peer::start(&format!("{role} -> {errno}"), argument);
    assert_eq!(peer.next().as_deref(), Some("done"), "{role} with {errno}");
    peer.end();
}

#[test]
fn without_leases_a_scene_that_nobody_has_seen_is_sealed_all_the_same() {
    let (_parent, store) = temp_store();
    for errno in ERRORS {
        for role in ["write without leases", "write without their signal"] {
            run(role, errno, &argument(&store, Uuid::nil()));
        }
    }
}

#[test]
fn without_leases_a_scene_that_others_have_seen_is_refused_and_stays_empty() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::create_empty(&store, &layout(4), &BufferOptions::default()).unwrap();
    for errno in ERRORS {
        for role in ["begin to fill without leases", "finish without leases"] {
            run(role, errno, &argument(&store, scene.id()));
            assert_eq!(scene.state().unwrap(), BufferState::Empty, "{role}");
            let mode = fs::metadata(scene.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{role}: it can be filled by others");
        }
    }
    let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
    writer.memory().copy_in(0, b"data").unwrap();
    assert_eq!(writer.finish().unwrap().read().unwrap(), b"data");
}
