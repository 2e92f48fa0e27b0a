//! No room is an error, never a signal: on small file systems of their own, within a quota, and in a process that may have
//! little memory.
//!
//! The small file system is mounted in a mount namespace that ends with the child process, by `unshare` and `mount`
//! of util-linux: as root, or where users may make namespaces. Elsewhere these tests fail and say so.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::namespace::{MOUNTS, mount_tmpfs, unshared};
use crate::common::{Peer, by_id, bytes_in, child_command, child_role, hear, noise, say, temp_store, with_variables};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, DataReader, Error, FileRole, Layout, Reference, Result, SceneWriter,
    SharedBuffer, SharedSceneBuffer, SpaceLimit, Store, StoreOptions,
};

const MIB: u64 = 1 << 20;
/// The margins that are kept of memory do not matter on file systems this small. The larger one is what a container gets
/// that is not given another.
const DISKS: [u64; 2] = [16 * MIB, 64 * MIB];
/// What a process may map in all, where that is limited.
const ADDRESSES: u64 = 64 * MIB;

/// Runs a role in a namespace where its directory is a small file system, one after the other.
fn on_small_disks(role: &str) {
    for disk in DISKS {
        on_small_disk(role, disk);
    }
}

fn on_small_disk(role: &str, disk: u64) {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let mut peer = unshared(&MOUNTS, role, &format!("{disk} {}", parent.path().display()));
    assert_eq!(
        peer.next().as_deref(),
        Some("mounted"),
        "this test needs root, or the right to make user namespaces, and unshare and mount of util-linux"
    );
    let said = peer.next();
    let status = peer.status();
    assert_eq!(said.as_deref(), Some("done"), "{role} on {disk} ended with {status}");
}

fn mount_small_disk(at: &Path, disk: u64) -> Store {
    mount_tmpfs(at, &format!("size={disk},mode=700"));
    say("mounted");
    Store::open(&StoreOptions::at(at.join("store"))).unwrap()
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
            SceneWriter::new(store, layout(len), options.clone())
                .and_then(SceneWriter::finish)
                .and_then(|made| made.unlink()),
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
    let used = bytes_in(store);
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
        assert_eq!(bytes_in(store), used, "{way} left something");
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
        let store = Store::open(&StoreOptions::at(&argument)).unwrap();
        say("toggling");
        for bytes in (8 * MIB..9 * MIB).cycle() {
            store.set_quota(Some(bytes)).unwrap();
        }
    }
    if role == "hold" {
        let store = Store::open(&StoreOptions::at(&argument)).unwrap();
        let _writer = SceneWriter::new(&store, layout(12 * MIB), BufferOptions::default()).unwrap();
        say("holding");
        hear();
    }
    if role == "little memory" {
        return with_little_memory(&Store::open(&StoreOptions::at(&argument)).unwrap());
    }
    let (disk, path) = argument.split_once(' ').unwrap();
    let disk: u64 = disk.parse().unwrap();
    let store = mount_small_disk(Path::new(path), disk);
    match role.as_str() {
        "too much" => {
            assert_full(&store, 4 * disk, SpaceLimit::FileSystem);
            assert_room(&store, disk / 2);
        }
        "fill up" => fill_up(&store),
        "last bytes" => last_bytes(&store),
        other => panic!("no role {other}"),
    }
    assert_room(&store, disk / 2);
    assert_eq!(bytes_in(&store), 0);
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
        assert!(buffer.view().unwrap().to_vec().unwrap() == noise(4, size));
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
    // What the first publication makes for all: the record of the store.
    SharedBuffer::create(store, 1, &BufferOptions::default())
        .unwrap()
        .unlink()
        .unwrap();
    for free in [0, 4096, 8192, 12288, 16384, 32768, 65536, 300_000, MIB, 3 * MIB] {
        let (directory, block) = (rustix::fs::statvfs(store.path()).unwrap(), 4096);
        let take = (directory.f_bavail * directory.f_frsize).saturating_sub(free + block);
        let filler = SharedBuffer::create(store, take, &BufferOptions::default()).unwrap();
        for len in [4, 4096, 8192, 10_000, 60_000, 299_000, MIB, 2 * MIB + 4096, 3 * MIB] {
            let used = bytes_in(store);
            for (way, result) in every_way(store, len) {
                match result {
                    Ok(()) | Err(Error::StoreFull { .. }) => {}
                    Err(error) => panic!("{way} of {len} with {free} free: {error}"),
                }
                assert_eq!(bytes_in(store), used, "{way} of {len} with {free} free left something");
            }
        }
        filler.unlink().unwrap();
    }
}

#[test]
fn more_than_the_disk_holds_is_an_error_and_takes_nothing() {
    on_small_disks("too much");
}

#[test]
fn a_disk_filled_to_the_last_page_keeps_every_promise() {
    on_small_disks("fill up");
}

#[test]
fn with_little_room_left_everything_works_or_is_an_error() {
    on_small_disks("last bytes");
}

/// Sizes around what the process may map, and what is in the store before it starts.
const SIZES: [u64; 5] = [4096, MIB, 24 * MIB, 40 * MIB, 100 * MIB];

#[test]
fn a_process_that_may_have_little_memory_gets_errors_and_goes_on() {
    let (_parent, store) = temp_store();
    let made: Vec<_> = SIZES.map(|len| make_one_of_each(&store, len)).into_iter().collect();
    let plain = child_command("little memory", &store.path().display().to_string());
    let mut command = Command::new("sh");
    let limit = format!("ulimit -v {} && exec \"$0\" \"$@\"", ADDRESSES / 1024);
    command
        .args(["-c", &limit])
        .arg(plain.get_program())
        .args(plain.get_args());
    // To print where a panic came from takes more memory than there is.
    command.env("RUST_BACKTRACE", "0");
    let mut peer = Peer::of(with_variables(&mut command, &plain));
    let said = peer.next();
    assert!(said.is_some(), "ended with {}", peer.status());
    crate::common::print(&format!("with {} MiB of addresses: {}", ADDRESSES / MIB, said.unwrap()));
    peer.end();
    for (len, (buffer, scenes)) in SIZES.into_iter().zip(made) {
        assert!(
            buffer.read().unwrap() == noise(len, usize::try_from(len).unwrap()),
            "{len}"
        );
        for scene in scenes {
            assert!(scene.read().unwrap() == vec![7; usize::try_from(len).unwrap()], "{len}");
        }
    }
}

fn make_one_of_each(store: &Store, len: u64) -> (SharedBuffer, [SharedSceneBuffer; 2]) {
    let options = BufferOptions::default();
    let size = usize::try_from(len).unwrap();
    let buffer = SharedBuffer::create(store, len, &options).unwrap();
    buffer.write(&noise(len, size)).unwrap();
    let scene =
        |compress| SharedSceneBuffer::write(store, &vec![7; size], &options.clone().compress(compress)).unwrap();
    (buffer, [scene(false), scene(true)])
}

/// Tries everything with what is there and what could be; each works or is an error, and nothing is left of it.
fn with_little_memory(store: &Store) {
    let (mut worked, mut refused) = (0, 0);
    let kept = SharedBuffer::create(store, 4096, &names()).unwrap();
    let replaced = SharedBuffer::create(store, 100 * MIB, &names().replace(true));
    assert!(replaced.is_err(), "more than can be mapped");
    let pool = BufferPool::create(store, 4, 25 * MIB, &names().replace(true));
    assert!(pool.is_err(), "more than can be mapped");
    let reference = Reference::Name("x".to_owned());
    assert_eq!(
        store.resolve(&reference).unwrap(),
        kept.id(),
        "what could not be made replaces nothing"
    );
    kept.unlink().unwrap();
    let mut count = |what: &str, result: Result<()>| match result {
        Ok(()) => worked += 1,
        Err(Error::StoreFull { .. } | Error::OutOfMemory { .. }) => refused += 1,
        Err(Error::Io { source, .. }) if source.raw_os_error() == Some(libc::ENOMEM) => refused += 1,
        Err(error) => panic!("{what}: {error}"),
    };
    let there = store.list().unwrap().buffers;
    let used = bytes_in(store);
    for descriptor in &there {
        let reference = by_id(descriptor.id);
        let what = format!("{:?} of {}", descriptor.role, descriptor.size_bytes);
        if descriptor.role == FileRole::Scene {
            let open = || SharedSceneBuffer::open(store, &reference);
            count(&what, open().and_then(|scene| scene.read()).map(drop));
            count(&what, open().and_then(|scene| scene.read_range(100, 1000)).map(drop));
            if !descriptor.use_compression {
                count(&what, open().and_then(|scene| scene.view()).map(drop));
            }
        } else {
            let open = || SharedBuffer::open(store, &reference);
            count(&what, open().and_then(|buffer| buffer.read()).map(drop));
            count(&what, open().and_then(|buffer| buffer.view().map(drop)));
        }
        let look = |reader: DataReader| reader.read_at(10, &mut [0; 100]);
        count(&what, store.reader(&reference).and_then(look));
    }
    for len in SIZES {
        let options = BufferOptions::default();
        let buffer = || SharedBuffer::create(store, len, &options);
        count("buffer", buffer().and_then(|buffer| buffer.unlink()));
        let edit = |buffer: SharedBuffer| {
            // Whatever comes of it, it goes.
            buffer.set_unlink_on_close(true);
            buffer.edit(len).map(drop)
        };
        count("edit", buffer().and_then(edit));
        let writer = || SceneWriter::new(store, layout(len), options.clone());
        count("writer", writer().map(drop));
        count(
            "finished writer",
            writer().and_then(SceneWriter::finish).and_then(|made| made.unlink()),
        );
        let compressed = SceneWriter::new(store, layout(len), options.clone().compress(true));
        count(
            "compressed",
            compressed.and_then(SceneWriter::finish).and_then(|made| made.unlink()),
        );
        let pool = || BufferPool::create(store, 4, len / 4, &options);
        count("pool", pool().and_then(|pool| pool.acquire().map(drop)));
    }
    assert_eq!(bytes_in(store), used, "something was left");
    assert_eq!(store.list().unwrap().buffers.len(), there.len());
    assert_room(store, MIB);
    say(&format!(
        "{worked} calls worked and {refused} said that there is no memory"
    ));
    assert!(worked > 20 && refused > 10, "{worked} {refused}");
}

#[test]
fn a_quota_is_kept_and_the_error_says_which_limit() {
    let (_parent, store) = temp_store();
    store.set_quota(Some(16 * MIB)).unwrap();
    assert_full(&store, 64 * MIB, SpaceLimit::Quota);
    assert_full(&store, 16 * MIB, SpaceLimit::Quota);
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

/// The store was swept a moment ago, so that nobody does so by himself for a minute.
#[test]
fn what_a_killed_writer_and_expired_scenes_have_is_room_at_once() {
    let (_parent, store) = temp_store();
    store.set_quota(Some(16 * MIB)).unwrap();
    let mut writer = Peer::start("hold", store.path().to_str().unwrap());
    writer.expect("holding");
    assert_full(&store, 8 * MIB, SpaceLimit::Quota);
    writer.kill();
    let ways: [fn(&Store) -> Result<()>; 4] = [
        |store| SharedBuffer::create(store, 8 * MIB, &brief()).map(drop),
        |store| SharedSceneBuffer::write(store, &vec![1; 8 << 20], &brief()).map(drop),
        |store| SceneWriter::new(store, layout(8 * MIB), brief())?.finish().map(drop),
        |store| BufferPool::create(store, 2, 4 * MIB, &brief()).map(drop),
    ];
    for way in ways {
        // The second one has no room until the first has gone, which expires when it is dropped.
        way(&store).unwrap();
        way(&store).unwrap();
    }
}

fn brief() -> BufferOptions {
    BufferOptions::default().ttl(Duration::from_nanos(1))
}

#[test]
fn a_quota_that_was_never_renamed_is_swept() {
    let (_parent, store) = temp_store();
    store.set_quota(Some(MIB)).unwrap();
    let new = || store.path().join(format!(".quota.{}", uuid::Uuid::new_v4()));
    let (left, directory, foreign) = (new(), new(), store.path().join(".quota.old"));
    fs::write(&left, "1").unwrap();
    fs::create_dir(&directory).unwrap();
    fs::write(&foreign, "1").unwrap();
    store.gc(false).unwrap();
    assert_eq!(
        [left, directory, foreign].map(|path| path.exists()),
        [false, true, true]
    );
    assert_eq!(store.quota().unwrap(), Some(MIB));
}

#[test]
fn a_quota_may_be_written_by_hand_and_what_is_none_can_be_replaced() {
    let (_parent, store) = temp_store();
    let file = store.path().join(".quota");
    fs::write(&file, "1048576\n").unwrap();
    assert_eq!(store.quota().unwrap(), Some(MIB));
    fs::write(&file, "a lot").unwrap();
    assert!(matches!(store.quota(), Err(Error::Damaged { .. })));
    store.set_quota(Some(2 * MIB)).unwrap();
    assert_eq!(store.quota().unwrap(), Some(2 * MIB));
    fs::write(&file, "a lot").unwrap();
    store.set_quota(None).unwrap();
    assert_eq!(store.quota().unwrap(), None);
}

fn create_under_quota(path: &str) {
    let store = Store::open(&StoreOptions::at(path)).unwrap();
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
            let used = bytes_in(&store);
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
    assert_eq!(bytes_in(&store), 0);
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
