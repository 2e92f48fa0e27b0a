//! Memory of what was deleted is used again: nothing of what was in it is ever seen, it is in nobody's way, and it goes when nobody
//! uses it.
#![allow(unsafe_code, reason = "what is mapped behind the end of a file has no safe form")]

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::Duration;

use crate::common::namespace::{MOUNTS, mount_tmpfs, unshared};
use crate::common::{Peer, RESERVE, by_id, child_role, hear, in_fork, say, temp_store, until};
use crate::refusal::{Call, refuse};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, Layout, QuotaSetting, SceneWriter, SharedBuffer, SharedSceneBuffer,
    Store, StoreOptions,
};
use uuid::Uuid;

const MIB: u64 = 1 << 20;
/// What no scene may show of the one before.
const SECRET: u8 = 0xA5;
const HEADER: u64 = 4096;
/// Where the record of a store has the table of what is kept.
const TABLE: std::ops::Range<usize> = 64..64 + 32 * 32;
/// Small and large: the latter is written and cleared through a mapping, and in part in huge pages.
const SIZES: [u64; 4] = [96 << 10, MIB + 37, 9 * MIB, 20 * MIB + 1];

/// Tests that need a process of their own: another test of this one may start a process meanwhile, which has all that is open here
/// until it runs its program.
macro_rules! alone {
    ($($test:ident),* $(,)?) => {
        const ALONE: &[(&str, fn(&Store))] = &[$((stringify!($test), $test)),*];
        $(mod $test {
            #[test]
            fn alone() {
                super::in_a_process_of_its_own(stringify!($test));
            }
        })*
    };
}

alone! {
    bytes_of_the_same_and_of_a_smaller_size_leave_nothing_of_what_was_there,
    what_is_between_arrays_is_cleared,
    memory_that_others_fill_is_zeros_before_they_get_it,
    what_is_compressed_shows_nothing_of_what_was_there,
    what_somebody_wrote_behind_the_end_of_the_last_page_is_cleared,
    a_view_that_is_kept_is_not_used_again_and_its_memory_is_when_it_goes,
    what_a_reference_that_is_no_open_file_leads_to_is_seen_to_be_gone_by_its_name,
    nothing_is_kept_or_used_where_the_program_says_so,
    no_more_is_kept_than_the_program_says,
    with_a_quota_that_is_near_nothing_is_kept,
    what_is_kept_is_given_back_before_a_quota_refuses_anything,
    what_is_collected_for_want_of_room_is_not_kept,
    beside_a_record_that_is_damaged_what_is_deleted_is_kept_all_the_same,
    it_is_given_back_when_nobody_uses_it,
    a_table_that_says_anything_harms_nobody,
    what_is_open_when_it_is_to_be_used_is_put_aside,
}

fn in_a_process_of_its_own(test: &str) {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start(test, store.path().to_str().unwrap());
    peer.expect("done");
    peer.end();
}

fn options() -> BufferOptions {
    BufferOptions::default()
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// Leaves the memory of a deleted scene, all of which was something else, and gives the number of its file.
fn keep(store: &Store, len: u64) -> u64 {
    let scene = SharedSceneBuffer::write(store, &vec![SECRET; usize::try_from(len).unwrap()], &options()).unwrap();
    let number = inode(&scene.path());
    let id = scene.id();
    drop(scene);
    store.delete(&id.into()).unwrap();
    assert!(store.reserve_bytes().unwrap() >= len, "{len} bytes are kept");
    number
}

fn layout(arrays: &[(&str, u64)]) -> Layout {
    let u1 = "u1".parse().unwrap();
    Layout::new(arrays.iter().map(|&(name, len)| (name, ArraySpec::new(u1, [len])))).unwrap()
}

/// All bytes of a file, and those behind its end as far as its last page goes.
fn whole(path: &Path) -> Vec<u8> {
    let file = File::open(path).unwrap();
    let len = usize::try_from(file.metadata().unwrap().len()).unwrap();
    let pages = len.next_multiple_of(4096);
    // SAFETY: a new mapping, of an open file.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            pages,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    assert_ne!(start, libc::MAP_FAILED);
    // SAFETY: the mapping has as many bytes, and nobody writes to them meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), pages) }.to_vec();
    // SAFETY: our own mapping, which nobody uses any more.
    unsafe { libc::munmap(start, pages) };
    bytes
}

/// Shows that a file is made of used memory, and that what is in it behind the header is what it should be.
fn assert_made_of(used: u64, path: &Path, expected: &[u8], what: &str) {
    assert_eq!(inode(path), used, "{what}: it is made of what was kept");
    let found = whole(path);
    let (header, payload) = found.split_at(usize::try_from(HEADER).unwrap());
    assert!(
        !header.windows(64).any(|bytes| bytes == [SECRET; 64]),
        "{what}: the header"
    );
    let at = payload
        .iter()
        .zip(expected)
        .position(|(found, expected)| found != expected);
    assert_eq!(
        at,
        None,
        "{what}: {:?}",
        at.map(|at| &payload[at..(at + 16).min(payload.len())])
    );
    let behind = &payload[expected.len()..];
    assert!(
        behind.iter().all(|&byte| byte == 0),
        "{what}: behind the end: {behind:?}"
    );
}

fn bytes_of_the_same_and_of_a_smaller_size_leave_nothing_of_what_was_there(store: &Store) {
    for size in SIZES {
        for less in [0, 1, size / 6] {
            let used = keep(store, size);
            let data = vec![7; usize::try_from(size - less).unwrap()];
            let scene = SharedSceneBuffer::write(store, &data, &options()).unwrap();
            assert_made_of(used, &scene.path(), &data, &format!("{size} - {less}"));
            assert!(scene.read().unwrap() == data);
            store.gc(false).unwrap();
        }
    }
}

fn what_is_between_arrays_is_cleared(store: &Store) {
    for size in SIZES {
        // Each ends in the middle of the 64 bytes that arrays are aligned to; one is empty.
        let lens = [size / 3 * 2 + 1, 0, size / 4 + 5, 3];
        let arrays: Vec<_> = ["a", "b", "c", "d"].into_iter().zip(lens).collect();
        let layout = layout(&arrays);
        let used = keep(store, layout.size());
        let data: Vec<_> = lens.map(|len| vec![7; usize::try_from(len).unwrap()]).into();
        let specs = arrays.iter().zip(&data);
        let specs = specs.map(|(&(name, len), data)| (name, ArraySpec::new("u1".parse().unwrap(), [len]), data.into()));
        let scene = SharedSceneBuffer::write_arrays(store, specs, &options()).unwrap();
        let mut expected = vec![0; usize::try_from(layout.size()).unwrap()];
        for array in layout.arrays().values() {
            let start = usize::try_from(array.offset).unwrap();
            expected[start..start + usize::try_from(array.size()).unwrap()].fill(7);
        }
        assert_made_of(used, &scene.path(), &expected, &format!("arrays of {size}"));
        store.gc(false).unwrap();
    }
}

fn memory_that_others_fill_is_zeros_before_they_get_it(store: &Store) {
    for size in SIZES {
        let zeros = vec![0; usize::try_from(size).unwrap()];
        let used = keep(store, size);
        let writer = SceneWriter::new(store, layout(&[("a", size)]), options()).unwrap();
        let scene = writer.finish().unwrap();
        assert_made_of(used, &scene.path(), &zeros, &format!("{size} in place"));
        assert!(scene.read().unwrap() == zeros);

        let used = keep(store, size);
        let scene = SharedSceneBuffer::create_empty(store, &layout(&[("a", size)]), &options()).unwrap();
        assert_made_of(used, &scene.path(), &zeros, &format!("{size} for others to fill"));

        let used = keep(store, size);
        let buffer = SharedBuffer::create(store, size, &options()).unwrap();
        assert_made_of(used, &buffer.path(), &zeros, &format!("a buffer of {size}"));

        let used = [keep(store, size), inode_of_another(store, size)];
        let pool = BufferPool::create(store, 2, size, &options()).unwrap();
        for slot in [pool.acquire().unwrap(), pool.acquire().unwrap()] {
            let number = inode(&slot.path());
            assert!(used.contains(&number), "a slot is made of what was kept");
            assert_made_of(number, &slot.path(), &zeros, &format!("a slot of {size}"));
        }
        drop(pool);
        store.gc(false).unwrap();
    }
}

/// Keeps a second one beside the first.
fn inode_of_another(store: &Store, len: u64) -> u64 {
    let secret = vec![SECRET; usize::try_from(len).unwrap()];
    let scenes = [(); 2].map(|()| SharedSceneBuffer::write(store, &secret, &options()).unwrap());
    let numbers = scenes.each_ref().map(|scene| inode(&scene.path()));
    let ids = scenes.map(|scene| scene.id());
    for id in ids {
        store.delete(&id.into()).unwrap();
    }
    // The first of them is made of what was kept before.
    numbers[1]
}

fn what_is_compressed_shows_nothing_of_what_was_there(store: &Store) {
    for size in SIZES {
        keep(store, size);
        let data: Vec<u8> = (0..size).map(|i| u8::try_from(i / 1000 % 100).unwrap()).collect();
        let scene = SharedSceneBuffer::write(store, &data, &options().compress(true)).unwrap();
        assert!(scene.use_compression().unwrap() && scene.read().unwrap() == data);
        let found = whole(&scene.path());
        assert!(!found.windows(16).any(|bytes| bytes == [SECRET; 16]), "{size}");

        keep(store, size);
        let writer = SceneWriter::new(store, layout(&[("a", size)]), options().compress(true)).unwrap();
        writer.memory().copy_in(0, &data).unwrap();
        let scene = writer.finish().unwrap();
        assert!(scene.read().unwrap() == data);
        store.gc(false).unwrap();
    }
}

fn what_somebody_wrote_behind_the_end_of_the_last_page_is_cleared(store: &Store) {
    let size = 3 * MIB + 37;
    let writer = SceneWriter::new(store, layout(&[("a", size)]), options()).unwrap();
    let behind = writer.memory().as_ptr().wrapping_add(usize::try_from(size).unwrap());
    // SAFETY: in the last page of what is mapped, behind the end of the file.
    unsafe { behind.write_bytes(SECRET, 64) };
    let scene = writer.finish().unwrap();
    let (used, id) = (inode(&scene.path()), scene.id());
    assert_eq!(
        whole(&scene.path())[usize::try_from(HEADER + size).unwrap()],
        SECRET,
        "it got there"
    );
    drop(scene);
    store.delete(&id.into()).unwrap();
    let data = vec![7; usize::try_from(size).unwrap()];
    let scene = SharedSceneBuffer::write(store, &data, &options()).unwrap();
    assert_made_of(used, &scene.path(), &data, "the same size");
}

fn a_view_that_is_kept_is_not_used_again_and_its_memory_is_when_it_goes(store: &Store) {
    let data = vec![SECRET; 100_000];
    let scene = SharedSceneBuffer::write(store, &data, &options()).unwrap();
    let number = inode(&scene.path());
    let view = scene.view().unwrap();
    scene.unlink().unwrap();
    drop(scene);
    let another = SharedSceneBuffer::write(store, &vec![1; 100_000], &options()).unwrap();
    assert_ne!(inode(&another.path()), number);
    assert!(view[..] == data);
    drop(view);
    let another = SharedSceneBuffer::write(store, &vec![2; 100_000], &options()).unwrap();
    assert_eq!(inode(&another.path()), number, "the last to let go leaves it");
}

fn what_a_reference_that_is_no_open_file_leads_to_is_seen_to_be_gone_by_its_name(store: &Store) {
    let scene = SharedSceneBuffer::write(store, &vec![SECRET; 100_000], &options()).unwrap();
    let (path, id) = (scene.path(), scene.id());
    // It names the file and is not counted by the kernel. It can be opened at any time.
    let reference = rustix::fs::open(&path, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    drop(scene);
    store.delete(&id.into()).unwrap();
    let another = SharedSceneBuffer::write(store, &vec![7; 100_000], &options()).unwrap();
    let opened = File::open(format!("/proc/self/fd/{}", reference.as_raw_fd())).unwrap();
    assert_eq!(
        opened.metadata().unwrap().ino(),
        inode(&another.path()),
        "it is another scene by now"
    );
    assert!(!path.exists(), "and whoever opens it sees that what was meant is gone");
    let found = SharedSceneBuffer::open(store, &by_id(id)).map(drop);
    assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
}

fn nothing_is_kept_or_used_where_the_program_says_so(store: &Store) {
    let without = Store::open(&StoreOptions::at(store.path()).reserve(0)).unwrap();
    let number = keep(store, MIB);
    let data = vec![7; usize::try_from(MIB).unwrap()];
    let scene = SharedSceneBuffer::write(&without, &data, &options()).unwrap();
    assert_ne!(inode(&scene.path()), number);
    store.gc(false).unwrap();
    without.delete(&scene.id().into()).unwrap();
    drop(scene);
    assert_eq!((store.reserve_bytes().unwrap(), store.used_bytes().unwrap()), (0, 0));
}

fn no_more_is_kept_than_the_program_says(store: &Store) {
    let few = Store::open(&StoreOptions::at(store.path()).reserve(3 * MIB)).unwrap();
    let data = vec![7; usize::try_from(MIB).unwrap()];
    let scenes: Vec<_> = (0..40)
        .map(|_| SharedSceneBuffer::write(&few, &data, &options()).unwrap())
        .collect();
    for scene in scenes {
        scene.unlink().unwrap();
    }
    assert_eq!(
        few.reserve_bytes().unwrap(),
        2 * (MIB + HEADER),
        "one more would be too much"
    );
    assert_eq!(few.used_bytes().unwrap(), few.reserve_bytes().unwrap());
}

#[test]
fn the_variable_says_how_much_is_kept_and_what_is_no_number_is_refused() {
    for (value, expected) in [
        ("0", "0"),
        ("5000000", "5000000"),
        ("", "268435456"),
        ("much", "InvalidArgument"),
    ] {
        let mut command = crate::common::child_command("say the limit", "");
        command.env(dcc_mcp_shm::RESERVE_VARIABLE, value);
        let mut peer = Peer::of(&mut command);
        peer.expect(expected);
        peer.end();
    }
}

fn with_a_quota_that_is_near_nothing_is_kept(store: &Store) {
    store.set_quota(Some(100 * MIB)).unwrap();
    let scene = SharedSceneBuffer::write(store, &vec![7; 1 << 20], &options()).unwrap();
    scene.unlink().unwrap();
    drop(scene);
    assert_eq!(store.used_bytes().unwrap(), 0);
    // With one that is far, it is, and counts.
    store.set_quota(Some(10_000 * MIB)).unwrap();
    let number = keep(store, MIB);
    assert_eq!(store.used_bytes().unwrap(), MIB + HEADER);
    let scene = SharedSceneBuffer::write(store, &vec![7; 1 << 20], &options()).unwrap();
    assert_eq!(inode(&scene.path()), number);
}

fn what_is_kept_is_given_back_before_a_quota_refuses_anything(store: &Store) {
    keep(store, 8 * MIB);
    store.set_quota(Some(9 * MIB)).unwrap();
    assert_eq!(store.room().unwrap().available, 9 * MIB, "what is kept is room");
    let buffer = SharedBuffer::create(store, 3 * MIB, &options()).unwrap();
    assert_eq!(store.reserve_bytes().unwrap(), 0);
    let full = SharedBuffer::create(store, 7 * MIB, &options()).map(drop);
    assert!(matches!(full, Err(Error::StoreFull { .. })), "{full:?}");
    drop(buffer);
}

fn what_is_collected_for_want_of_room_is_not_kept(store: &Store) {
    store.set_quota(Some(600 * MIB)).unwrap();
    let expired = options().ttl(Duration::from_nanos(1));
    for size in [200 * MIB, 250 * MIB] {
        SharedBuffer::create(store, size, &expired).unwrap();
    }
    let buffer = SharedBuffer::create(store, 500 * MIB, &options()).unwrap();
    assert_eq!((buffer.capacity(), store.reserve_bytes().unwrap()), (500 * MIB, 0));
}

fn beside_a_record_that_is_damaged_what_is_deleted_is_kept_all_the_same(store: &Store) {
    store.set_quota(Some(10_000 * MIB)).unwrap();
    let id = SharedSceneBuffer::write(store, &vec![7; 1 << 20], &options())
        .unwrap()
        .id();
    record(store).write_all_at(b"X", 0).unwrap();
    // A process that has not mapped the record.
    let again = Store::open(
        &StoreOptions::at(store.path())
            .reserve(RESERVE)
            .quota(QuotaSetting::Keep),
    )
    .unwrap();
    again.delete(&by_id(id)).unwrap();
    assert_eq!(again.reserve_bytes().unwrap(), MIB + HEADER);
}

#[test]
fn what_is_kept_is_given_back_before_a_full_disk_refuses_anything() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let mut peer = unshared(&MOUNTS, "fill a small disk", &parent.path().display().to_string());
    peer.expect("done");
    peer.end();
}

#[test]
fn where_there_are_no_leases_nothing_is_kept() {
    let (_parent, store) = temp_store();
    for errno in [libc::EPERM, libc::ENOSYS, libc::EINVAL] {
        let mut peer = Peer::start(
            &format!("delete without leases -> {errno}"),
            store.path().to_str().unwrap(),
        );
        peer.expect("done");
        peer.end();
        assert_eq!((store.used_bytes().unwrap(), store.reserve_bytes().unwrap()), (0, 0));
    }
}

#[test]
fn on_a_disk_and_on_an_overlay_nothing_is_kept() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    assert_nothing_is_kept(&parent.path().join("store"));
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let mut peer = unshared(&MOUNTS, "use an overlay", &parent.path().display().to_string());
    peer.expect("done");
    peer.end();
}

fn assert_nothing_is_kept(store: &Path) {
    let store = Store::open(&StoreOptions::at(store).reserve(RESERVE)).unwrap();
    for _ in 0..3 {
        let scene = SharedSceneBuffer::write(&store, &vec![7; 1 << 20], &options()).unwrap();
        let view = scene.view().unwrap();
        scene.unlink().unwrap();
        drop(scene);
        let another = SharedSceneBuffer::write(&store, &vec![8; 1 << 20], &options()).unwrap();
        assert!(view.iter().all(|&byte| byte == 7));
        another.unlink().unwrap();
    }
    assert_eq!((store.used_bytes().unwrap(), store.reserve_bytes().unwrap()), (0, 0));
}

#[test]
fn of_processes_that_take_at_the_same_time_each_has_its_own() {
    let (_parent, store) = temp_store();
    let mut peers: Vec<_> = (1..5u8)
        .map(|mark| Peer::start(&format!("take and leave -> {mark}"), store.path().to_str().unwrap()))
        .collect();
    for peer in &mut peers {
        peer.expect("ready");
    }
    for peer in &mut peers {
        peer.tell("go");
    }
    let reused: u64 = peers.iter_mut().map(|peer| peer.hears().parse::<u64>().unwrap()).sum();
    for peer in peers {
        peer.end();
    }
    assert!(reused > 100, "they used each other's memory: {reused}");
}

fn it_is_given_back_when_nobody_uses_it(store: &Store) {
    keep(store, MIB);
    assert_eq!(store.used_bytes().unwrap(), MIB + HEADER);
    until("memory that nobody uses is free", || {
        (store.used_bytes().unwrap() == 0).then_some(())
    });
    // And the next time too: another thread looks after it.
    keep(store, MIB);
    until("memory that nobody uses is free", || {
        (store.used_bytes().unwrap() == 0).then_some(())
    });
}

#[test]
fn a_process_that_ends_leaves_nothing_and_one_that_is_killed_leaves_it_to_a_sweep() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("keep and leave", store.path().to_str().unwrap());
    peer.expect("kept");
    assert!(store.reserve_bytes().unwrap() > 0);
    peer.end();
    assert_eq!((store.reserve_bytes().unwrap(), store.used_bytes().unwrap()), (0, 0));

    let mut peer = Peer::start("keep and leave", store.path().to_str().unwrap());
    peer.expect("kept");
    peer.kill();
    assert!(store.used_bytes().unwrap() >= MIB);
    // Others use it while it is young,
    let scene = SharedSceneBuffer::write(&store, &vec![7; 1 << 20], &options()).unwrap();
    assert_eq!(store.reserve_bytes().unwrap(), 0);
    drop(scene);
    // and sweep it when it is old, or when no entry leads to it.
    for whence in ["an old entry", "no entry"] {
        let mut peer = Peer::start("keep and leave", store.path().to_str().unwrap());
        peer.expect("kept");
        peer.kill();
        let since = TABLE.start + 8;
        let record = record(&store);
        match whence {
            "no entry" => record.write_all_at(&[0; TABLE.end - TABLE.start], 64).unwrap(),
            _ => record.write_all_at(&[0; 8], u64::try_from(since).unwrap()).unwrap(),
        }
        sweep(&store);
        assert_eq!(files(&store, ".reserve"), Vec::<PathBuf>::new(), "{whence}");
    }
}

/// Makes something in the store when nobody has swept it for long.
fn sweep(store: &Store) {
    let lock = File::open(store.path().join(".lock")).unwrap();
    let long_ago = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
        last_modification: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
    };
    rustix::fs::futimens(&lock, &long_ago).unwrap();
    drop(Store::open(&StoreOptions::at(store.path()).reserve(RESERVE)).unwrap());
}

fn record(store: &Store) -> File {
    OpenOptions::new()
        .write(true)
        .read(true)
        .open(store.path().join(".store"))
        .unwrap()
}

fn files(store: &Store, suffix: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect()
}

fn a_table_that_says_anything_harms_nobody(store: &Store) {
    let scene = SharedSceneBuffer::write(store, &vec![9; 1 << 20], &options()).unwrap();
    keep(store, MIB);
    let record = record(store);
    let mut random = 1u64;
    for round in 0..300u64 {
        let mut table: Vec<u8> = (0..TABLE.end - TABLE.start)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from(random >> 56).unwrap()
            })
            .collect();
        // Sizes that are asked for, and ids of what is there.
        for entry in table.as_chunks_mut::<32>().0 {
            let size = [0, 1, MIB + HEADER, u64::MAX, MIB + HEADER + 1][usize::from(entry[0] % 5)];
            entry[..8].copy_from_slice(&size.to_le_bytes());
            if entry[9] % 2 == 0 {
                entry[16..].copy_from_slice(scene.id().as_bytes());
            }
        }
        record.write_all_at(&table, 64).unwrap();
        let room = store.room().unwrap().available;
        assert!(room < 1 << 50, "{round}: {room} bytes of room");
        assert!(store.reserve_bytes().unwrap() <= store.used_bytes().unwrap(), "{round}");
        let another = SharedSceneBuffer::write(store, &vec![7; 1 << 20], &options()).unwrap();
        assert!(another.read().unwrap() == vec![7; 1 << 20], "{round}");
        store.delete(&another.id().into()).unwrap();
        drop(another);
        if round % 50 == 0 {
            store.gc(false).unwrap();
        }
    }
    assert!(scene.read().unwrap() == vec![9; 1 << 20]);
    record.write_all_at(&[0; TABLE.end - TABLE.start], 64).unwrap();
    store.gc(false).unwrap();
    assert_eq!(store.used_bytes().unwrap(), MIB + HEADER);
}

fn what_is_open_when_it_is_to_be_used_is_put_aside(store: &Store) {
    let number = keep(store, MIB);
    let kept = files(store, ".reserve").pop().unwrap();
    let opened = File::open(&kept).unwrap();
    let scene = SharedSceneBuffer::write(store, &vec![7; 1 << 20], &options()).unwrap();
    assert_ne!(inode(&scene.path()), number);
    let aside = files(store, ".deleted").pop().unwrap();
    assert_eq!(
        inode(&aside),
        number,
        "it is one of those that are deleted and still open"
    );
    let mut found = vec![0; 1 << 20];
    opened.read_exact_at(&mut found, HEADER).unwrap();
    assert!(found.iter().all(|&byte| byte == SECRET));
    drop(opened);
    store.gc(false).unwrap();
    assert_eq!(files(store, ".deleted"), Vec::<PathBuf>::new());
}

#[test]
fn a_process_that_forks_while_memory_is_kept_goes_on_and_so_does_its_child() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("fork", store.path().to_str().unwrap());
    peer.expect("done");
    peer.end();
    assert_eq!(store.reserve_bytes().unwrap(), 0);
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (role, number) = role.split_once(" -> ").unwrap_or((&role, "0"));
    let number: i32 = number.parse().unwrap();
    let path = Path::new(&argument);
    match role {
        "say the limit" => {
            say(&match dcc_mcp_shm::reserve_of_environment() {
                Ok(bytes) => bytes.to_string(),
                Err(error) => format!("{error:?}").split(' ').next().unwrap().to_owned(),
            });
        }
        "fill a small disk" => {
            mount_tmpfs(path, "size=64m,mode=700");
            let store = Store::open(&StoreOptions::at(path.join("store")).reserve(RESERVE)).unwrap();
            fill_a_small_disk(&store);
            say("done");
        }
        "delete without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], number);
            assert_nothing_is_kept(path);
            say("done");
        }
        "use an overlay" => {
            mount_tmpfs(path, "mode=700");
            for directory in ["lower", "upper", "work", "merged"] {
                fs::create_dir(path.join(directory)).unwrap();
            }
            let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", path.display());
            let mut mount = std::process::Command::new("mount");
            mount
                .args(["-t", "overlay", "-o", &options, "overlay"])
                .arg(path.join("merged"));
            assert!(mount.status().unwrap().success());
            assert_nothing_is_kept(&path.join("merged/store"));
            say("done");
        }
        "take and leave" => take_and_leave(path, u8::try_from(number).unwrap()),
        "keep and leave" => {
            let store = Store::open(&StoreOptions::at(path).reserve(RESERVE)).unwrap();
            keep(&store, MIB);
            say("kept");
            hear();
        }
        "fork" => fork_while_memory_is_kept(path),
        test => {
            let alone = ALONE.iter().find(|(name, _)| *name == test);
            let (_, run) = alone.unwrap_or_else(|| panic!("no role {test}"));
            run(&Store::open(&StoreOptions::at(path).reserve(RESERVE)).unwrap());
            say("done");
        }
    }
}

fn fill_a_small_disk(store: &Store) {
    let pending = SharedBuffer::create(store, 50 * MIB, &options()).unwrap();
    let small = SharedSceneBuffer::write(store, &vec![7; 256 << 10], &options()).unwrap();
    small.unlink().unwrap();
    drop(small);
    assert!(
        store.reserve_bytes().unwrap() > 0,
        "a sixteenth of what is left is kept"
    );
    let room = 64 * MIB - store.used_bytes().unwrap();
    let buffer = SharedBuffer::create(store, room, &options()).unwrap();
    assert_eq!(store.reserve_bytes().unwrap(), 0, "it was in the way");
    drop((buffer, pending));
}

fn take_and_leave(path: &Path, mark: u8) {
    let store = Store::open(&StoreOptions::at(path).reserve(RESERVE).quota(QuotaSetting::Keep)).unwrap();
    say("ready");
    hear();
    let (mut numbers, mut reused) = (Vec::new(), 0u64);
    for round in 0..100u8 {
        let data = vec![mark.wrapping_mul(50).wrapping_add(round); 100_000];
        let scene = SharedSceneBuffer::write(&store, &data, &options()).unwrap();
        let number = inode(&scene.path());
        assert!(scene.view().unwrap()[..] == data);
        reused += u64::from(numbers.last() != Some(&number) && round > 0 || numbers.contains(&number));
        numbers.push(number);
        let id = scene.id();
        assert!(scene.read().unwrap() == data);
        drop(scene);
        store.delete(&id.into()).unwrap();
    }
    say(&reused.to_string());
}

fn fork_while_memory_is_kept(path: &Path) {
    let store = Store::open(&StoreOptions::at(path).reserve(RESERVE)).unwrap();
    for _ in 0..20 {
        let number = keep(&store, MIB);
        let child = in_fork(|| {
            // It has no thread that looks after what is kept, and starts one of its own.
            let scene = SharedSceneBuffer::write(&store, &vec![7; 1 << 20], &options()).unwrap();
            assert_eq!(inode(&scene.path()), number);
            let id: Uuid = scene.id();
            drop(scene);
            store.delete(&id.into()).unwrap();
            assert!(store.reserve_bytes().unwrap() > 0);
            // Ends without a word, as `os._exit` does.
            0
        });
        assert_eq!(child.code(), Some(0));
        keep(&store, MIB);
    }
    store.gc(false).unwrap();
    say("done");
}
