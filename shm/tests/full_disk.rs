//! No room is an error, never a signal: on a small file system of its own, and within a quota.
//!
//! The small file system is mounted in a mount namespace that ends with the child process, by `unshare` and `mount`
//! of util-linux: as root, or where users may make namespaces. Elsewhere these tests fail and say so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Peer, by_id, child_command, child_role, hear, noise, say, temp_store};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, Layout, Result, SceneWriter, SharedBuffer, SharedSceneBuffer,
    SpaceLimit, Store,
};

const MIB: u64 = 1 << 20;
/// The margins that are kept of memory do not matter on a file system this small.
const DISK: u64 = 16 * MIB;

/// Runs a role in a namespace where its directory is a file system of 16 MiB.
fn on_small_disk(role: &str) {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let plain = child_command(role, &parent.path().display().to_string());
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "--propagation", "private", "--"])
        .arg(plain.get_program())
        .args(plain.get_args());
    for (variable, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    let mut peer = Peer::of(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(
        peer.next().as_deref(),
        Some("mounted"),
        "this test needs root, or the right to make user namespaces, and unshare and mount of util-linux"
    );
    let said = peer.next();
    let status = peer.status();
    assert_eq!(said.as_deref(), Some("done"), "{role} ended with {status}");
}

fn mount_small_disk(at: &Path) -> Store {
    let options = format!("size={DISK},mode=700");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
        .arg(at)
        .status()
        .unwrap();
    assert!(mounted.success());
    say("mounted");
    Store::open_at(at.join("store")).unwrap()
}

fn layout(len: u64) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [len]))]).unwrap()
}

fn names() -> BufferOptions {
    BufferOptions::default().name("x")
}

/// Every way to ask for so much memory. Whatever is made is given up at once.
fn every_way(store: &Store, len: u64) -> [(&'static str, Result<()>); 7] {
    let bytes = noise(len, usize::try_from(len).unwrap());
    let options = BufferOptions::default();
    [
        (
            "buffer",
            SharedBuffer::create(store, len, &options).and_then(|made| made.unlink()),
        ),
        (
            "named buffer",
            SharedBuffer::create(store, len, &names()).and_then(|made| made.unlink()),
        ),
        (
            "scene",
            SharedSceneBuffer::write(store, &bytes, &options).and_then(|made| made.unlink()),
        ),
        (
            "compressed scene",
            SharedSceneBuffer::write(store, &bytes, &options.clone().compress(true)).and_then(|made| made.unlink()),
        ),
        (
            "writer",
            SceneWriter::new(store, layout(len), options.clone()).map(drop),
        ),
        (
            "empty scene",
            SharedSceneBuffer::create_empty(store, &layout(len), &options).and_then(|made| made.unlink()),
        ),
        ("pool", BufferPool::create(store, 4, len / 4, &options).map(drop)),
    ]
}

#[track_caller]
fn assert_full(store: &Store, len: u64, expected: SpaceLimit) {
    let used = store.used_bytes().unwrap();
    for (way, result) in every_way(store, len) {
        let Err(Error::StoreFull {
            requested,
            available,
            limit,
            ..
        }) = result
        else {
            panic!("{way} of {len}: {result:?}")
        };
        assert!(
            requested >= len / 4 && available <= requested && limit == expected,
            "{way}: {result:?}"
        );
        assert_eq!(store.used_bytes().unwrap(), used, "{way} left something");
    }
    assert!(store.list().unwrap().buffers.iter().all(|buffer| buffer.name.is_none()));
}

#[track_caller]
fn assert_room(store: &Store, len: u64) {
    for (way, result) in every_way(store, len) {
        assert!(result.is_ok(), "{way} of {len}: {result:?}");
    }
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    if role == "create" {
        return create_under_quota(&argument);
    }
    if role == "toggle" {
        let store = Store::open_at(&argument).unwrap();
        say("toggling");
        for bytes in (8 * MIB..9 * MIB).cycle() {
            store.set_quota(Some(bytes)).unwrap();
        }
    }
    let store = mount_small_disk(Path::new(&argument));
    match role.as_str() {
        "too much" => {
            assert_full(&store, 64 * MIB, SpaceLimit::FileSystem);
            assert_room(&store, 8 * MIB);
        }
        "fill up" => fill_up(&store),
        "last bytes" => last_bytes(&store),
        other => panic!("no role {other}"),
    }
    assert_room(&store, 8 * MIB);
    assert_eq!(store.used_bytes().unwrap(), 0);
    say("done");
}

/// Takes memory in ever smaller pieces until there is none, and uses all of it.
fn fill_up(store: &Store) {
    let options = BufferOptions::default();
    let scene = SharedSceneBuffer::create_empty(store, &layout(MIB), &options).unwrap();
    let pool = BufferPool::create(store, 2, MIB, &options).unwrap();
    let mut buffers = Vec::new();
    let mut len = 4 * MIB;
    while len >= 1 {
        match SharedBuffer::create(store, len, &options) {
            Ok(buffer) => buffers.push(buffer),
            Err(Error::StoreFull {
                requested, available, ..
            }) => {
                assert!(available <= requested);
                len /= 2;
            }
            Err(error) => panic!("{len}: {error}"),
        }
    }
    assert_full(store, MIB, SpaceLimit::FileSystem);
    assert_full(store, 16384, SpaceLimit::FileSystem);
    // What was promised is there, to the last byte.
    for buffer in &buffers {
        let size = usize::try_from(buffer.capacity()).unwrap();
        buffer.write(&noise(3, size)).unwrap();
        let edit = buffer.edit(buffer.capacity()).unwrap();
        edit.memory().copy_in(0, &noise(4, size)).unwrap();
        edit.finish().unwrap();
        assert!(buffer.read().unwrap() == noise(4, size));
        assert!(buffer.view().unwrap().to_vec() == noise(4, size));
    }
    let writer = SceneWriter::fill(store, &by_id(scene.id())).unwrap();
    writer.memory().copy_in(0, &noise(5, 1 << 20)).unwrap();
    assert!(writer.finish().unwrap().view().unwrap()[..] == noise(5, 1 << 20));
    let slots = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    for slot in &slots {
        slot.write(&noise(6, 1 << 20)).unwrap();
        assert!(slot.read().unwrap() == noise(6, 1 << 20));
    }
    assert_eq!(store.list().unwrap().buffers.len(), buffers.len() + 1);
    store.gc(false).unwrap();
    drop(slots);
    pool.unlink().unwrap();
    scene.unlink().unwrap();
    for buffer in buffers {
        buffer.unlink().unwrap();
    }
}

/// With every amount of free memory around that of one file, pages up and down, each way works or is an error.
fn last_bytes(store: &Store) {
    for free in [0, 4096, 8192, 12288, 16384, 32768, 65536, 300_000, MIB, 3 * MIB] {
        let (directory, block) = (rustix::fs::statvfs(store.path()).unwrap(), 4096);
        let take = (directory.f_bavail * directory.f_frsize).saturating_sub(free + block);
        let filler = SharedBuffer::create(store, take, &BufferOptions::default()).unwrap();
        for len in [4, 4096, 8192, 10_000, 60_000, 299_000, MIB, 2 * MIB + 4096, 3 * MIB] {
            let used = store.used_bytes().unwrap();
            for (way, result) in every_way(store, len) {
                match result {
                    Ok(()) | Err(Error::StoreFull { .. }) => {}
                    Err(error) => panic!("{way} of {len} with {free} free: {error}"),
                }
                assert_eq!(
                    store.used_bytes().unwrap(),
                    used,
                    "{way} of {len} with {free} free left something"
                );
            }
        }
        filler.unlink().unwrap();
    }
}

#[test]
fn more_than_the_disk_holds_is_an_error_and_takes_nothing() {
    on_small_disk("too much");
}

#[test]
fn a_disk_filled_to_the_last_page_keeps_every_promise() {
    on_small_disk("fill up");
}

#[test]
fn with_little_room_left_everything_works_or_is_an_error() {
    on_small_disk("last bytes");
}

#[test]
fn a_quota_is_kept_and_the_error_says_which_limit() {
    let (_parent, store) = temp_store();
    store.set_quota(Some(DISK)).unwrap();
    assert_full(&store, 64 * MIB, SpaceLimit::Quota);
    assert_full(&store, DISK, SpaceLimit::Quota);
    assert_room(&store, 8 * MIB);
    let held = SharedBuffer::create(&store, 12 * MIB, &BufferOptions::default()).unwrap();
    assert_full(&store, 8 * MIB, SpaceLimit::Quota);
    drop(held);
    let full = SharedBuffer::create(&store, 8 * MIB, &BufferOptions::default());
    let Err(Error::StoreFull { reclaimable, .. }) = full else {
        panic!("{full:?}")
    };
    assert!(reclaimable >= 12 * MIB, "{reclaimable} are nobody's");
    store.set_quota(None).unwrap();
    SharedBuffer::create(&store, 8 * MIB, &BufferOptions::default()).unwrap();
}

fn create_under_quota(path: &str) {
    let store = Store::open_at(path).unwrap();
    say("ready");
    hear();
    let (mut made, mut refused) = (0, 0);
    for round in 0..300u64 {
        match SharedBuffer::create(&store, (1 + round % 3) * MIB, &BufferOptions::default()) {
            Ok(buffer) => {
                made += 1;
                buffer.unlink().unwrap();
            }
            Err(Error::StoreFull {
                limit: SpaceLimit::Quota,
                ..
            }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    say(&format!("{made} {refused}"));
}

#[test]
fn processes_that_race_for_a_quota_never_exceed_it() {
    const QUOTA: u64 = 5 * MIB;
    let (_parent, store) = temp_store();
    store.set_quota(Some(QUOTA)).unwrap();
    let path = store.path().display().to_string();
    let mut peers: Vec<_> = (0..4).map(|_| Peer::start("create", &path)).collect();
    for peer in &mut peers {
        peer.expect("ready");
    }
    for peer in &mut peers {
        peer.tell("go");
    }
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let said: Vec<_> = peers.iter_mut().map(Peer::next).collect();
            done.send(said).unwrap();
        });
        let (mut most, started) = (0, Instant::now());
        let said = loop {
            // Summed while files come and go, so a file may be missing from it, but none is in it that was not there
            // when the directory was read; each is deleted before its maker makes the next.
            let used = store.used_bytes().unwrap();
            assert!(used <= QUOTA, "{used}");
            most = most.max(used);
            if let Ok(said) = finished.try_recv() {
                break said;
            }
            assert!(started.elapsed() < Duration::from_secs(50));
        };
        assert!(most > QUOTA / 2, "they hardly met: {most}");
        let sum = |column| -> u64 {
            let of = |line: &Option<String>| {
                line.as_ref()
                    .unwrap()
                    .split(' ')
                    .nth(column)
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            };
            said.iter().map(of).sum()
        };
        assert!(sum(0) > 0 && sum(1) > 0, "{said:?}");
    });
    assert_eq!(store.used_bytes().unwrap(), 0);
}

#[test]
fn a_quota_that_is_being_changed_is_a_quota_all_the_time() {
    let (_parent, store) = temp_store();
    store.set_quota(Some(8 * MIB)).unwrap();
    let mut peer = Peer::start("toggle", &store.path().display().to_string());
    peer.expect("toggling");
    let started = Instant::now();
    let mut tries = 0;
    while started.elapsed() < Duration::from_secs(2) {
        tries += 1;
        let made = SharedBuffer::create(&store, 12 * MIB, &BufferOptions::default());
        let refused = matches!(
            made,
            Err(Error::StoreFull {
                limit: SpaceLimit::Quota,
                ..
            })
        );
        assert!(refused, "12 MiB within a quota of 8 to 9, in try {tries}: {made:?}");
    }
}
