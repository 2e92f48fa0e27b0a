//! What is deleted and still open stays in the accounts, with what keeps it, until the last process lets go of it; for everybody
//! else it is gone at once.
//!
//! One test at a time: a child process that another one starts has copies of this process's descriptors until it runs its program,
//! and so keeps what is deleted at that moment for the next sweep.
#![allow(unsafe_code, reason = "a map without a lock, and signals, have no safe form")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/refusal.rs"]
mod refusal;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{
    LONG, Peer, argument, by_id, bytes_in, child_role, hear, in_fork, number, opened, path_of, say, temp_store,
};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, GcReport, HeldBy, KeptReason, Layout, Reference, SceneWriter,
    SharedBuffer, SharedSceneBuffer, SpaceLimit, Store,
};
use memmap2::Mmap;
use refusal::{Call, refuse};
use uuid::Uuid;

const MEBI: u64 = 1 << 20;

/// Held by the test that runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hero() -> BufferOptions {
    BufferOptions::default().name("hero").replace(true)
}

/// A scene of a mebibyte that says which one it is.
fn share(store: &Store, mark: u8, options: &BufferOptions) -> Result<SharedSceneBuffer, Error> {
    SharedSceneBuffer::write(store, &vec![mark; 1 << 20], options)
}

/// What a deleted file is called.
fn deleted_path(store: &Store, id: Uuid) -> std::path::PathBuf {
    store.path().join(format!("{id}.shm.deleted"))
}

fn process(held_by: &HeldBy) -> i32 {
    let [holder] = held_by.processes() else {
        panic!("one process: {held_by:?}");
    };
    i32::try_from(holder.pid).unwrap()
}

fn why_kept(report: &GcReport, id: Uuid) -> Option<&KeptReason> {
    let mut kept = report.kept.iter();
    kept.find(|kept| kept.id == id).map(|kept| &kept.reason)
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (store, id) = opened(&argument);
    let open = || SharedSceneBuffer::open(&store, &by_id(id)).unwrap();
    match role.as_str() {
        "hold" => {
            let scene = open();
            let view = scene.view().unwrap();
            say("open");
            hear();
            say(&view[view.len() - 1].to_string());
            drop((scene, view));
            say("closed");
            hear();
        }
        "hold all" => {
            let mut held = Vec::new();
            loop {
                say("go on");
                if hear() != "open it" {
                    return;
                }
                held.push(SharedSceneBuffer::open(&store, &Reference::Name("hero".to_owned())).unwrap());
            }
        }
        "map" => {
            let file = File::open(path_of(&store, id)).unwrap();
            // SAFETY: nobody changes what is sealed.
            let map = unsafe { Mmap::map(&file).unwrap() };
            drop(file);
            say("open");
            hear();
            say(&map[map.len() - 1].to_string());
            hear();
        }
        "wait" => {
            let buffer = SharedBuffer::open(&store, &by_id(id)).unwrap();
            say("waiting");
            let came = buffer.wait(buffer.sequence().unwrap(), LONG);
            say(&format!("{}", matches!(came, Err(Error::NotFound { .. }))));
        }
        "pool" => {
            let _pool = BufferPool::open(&store, &by_id(id)).unwrap();
            say("open");
            hear();
        }
        "delete without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], libc::EPERM);
            without_leases(&store);
            say("done");
        }
        "fork" => fork_with_view(&store, id),
        other => panic!("no role {other}"),
    }
}

#[test]
fn what_is_replaced_counts_until_its_reader_lets_go_and_a_quota_holds() {
    const QUOTA: u64 = 10 * MEBI;
    let _alone = alone();
    let (_parent, store) = temp_store();
    store.set_quota(Some(QUOTA)).unwrap();
    let mut reader = Peer::start("hold all", &argument(&store, Uuid::nil()));
    reader.expect("go on");
    let mut replaced = 0;
    let full = loop {
        match share(&store, replaced, &hero()) {
            Ok(_) => {}
            Err(error) => break error,
        }
        reader.tell("open it");
        reader.expect("go on");
        replaced += 1;
    };
    let Error::StoreFull { limit, reclaimable, .. } = full else {
        panic!("{full}");
    };
    assert_eq!((limit, reclaimable), (SpaceLimit::Quota, 0), "all of it is open");
    assert_eq!(replaced, 9, "a mebibyte each, and their headers");
    let pending = store.pending().unwrap();
    assert_eq!(pending.len(), 8, "all but the last one");
    for file in &pending {
        assert_eq!(file.name.as_deref(), Some("hero"));
        assert!(file.bytes > MEBI);
        assert_eq!(process(&file.held_by), reader.pid());
    }
    let used = store.used_bytes().unwrap();
    assert!(used > 9 * MEBI && used <= QUOTA, "{used}");
    assert_eq!(store.list().unwrap().buffers.len(), 1);
    reader.end();
    assert_eq!(store.pending().unwrap(), []);
    assert!(store.used_bytes().unwrap() < 2 * MEBI);
    share(&store, 0, &hero()).unwrap();
}

#[test]
fn deleting_says_what_is_free_and_which_process_has_the_rest() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let free = share(&store, 0, &BufferOptions::default()).unwrap().id();
    let used = bytes_in(&store);
    assert!(used > MEBI);
    let deleted = store.delete(&by_id(free)).unwrap();
    assert_eq!((deleted.freed_bytes, deleted.pending_bytes), (used, 0));
    assert_eq!(deleted.held_by, HeldBy::Nobody);
    assert!(!deleted_path(&store, free).exists());

    let held = share(&store, 7, &BufferOptions::default()).unwrap().id();
    let mut peer = Peer::start("hold", &argument(&store, held));
    peer.expect("open");
    // SAFETY: our own child.
    unsafe { libc::kill(peer.pid(), libc::SIGSTOP) };
    let deleted = store.delete(&by_id(held)).unwrap();
    assert_eq!((deleted.freed_bytes, deleted.pending_bytes), (0, used));
    assert_eq!(process(&deleted.held_by), peer.pid());
    assert!(matches!(
        SharedSceneBuffer::open(&store, &by_id(held)),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(store.delete(&by_id(held)), Err(Error::NotFound { .. })));
    assert!(store.list().unwrap().buffers.is_empty());
    let report = store.gc(false).unwrap();
    assert_eq!(why_kept(&report, held), Some(&KeptReason::StillOpen));
    assert_eq!(report.freed_bytes, 0);
    // SAFETY: as above.
    unsafe { libc::kill(peer.pid(), libc::SIGCONT) };
    peer.tell("look");
    peer.expect("7");
    peer.expect("closed");
    assert!(!deleted_path(&store, held).exists(), "the last one frees it");
    assert_eq!(bytes_in(&store), 0);
    peer.end();
}

#[test]
fn what_is_said_to_be_free_is_what_the_store_gets_back() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let options = BufferOptions::default().persistent(true);
    for size in [1, 1000, 4096, 65_537, MEBI] {
        let data = vec![0; usize::try_from(size).unwrap()];
        let compressed = BufferOptions::default().compress(true);
        // Nobody has them open any more when the list is there.
        let ids = [
            SharedSceneBuffer::write(&store, &data, &BufferOptions::default())
                .unwrap()
                .id(),
            SharedSceneBuffer::write(&store, &data, &compressed).unwrap().id(),
            SharedBuffer::create(&store, size, &BufferOptions::default())
                .unwrap()
                .id(),
            BufferPool::create(&store, 3, size, &options).unwrap().id(),
        ];
        for id in ids {
            let before = bytes_in(&store);
            let deleted = store.delete(&by_id(id)).unwrap();
            assert_eq!(deleted.freed_bytes, before - bytes_in(&store), "{size} {deleted:?}");
            assert_eq!(deleted.pending_bytes, 0);
        }
    }
    assert_eq!(bytes_in(&store), 0);
}

#[test]
fn the_last_of_several_frees_what_was_deleted_and_a_killed_one_leaves_it_to_the_sweep() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    for killed in [false, true] {
        let id = share(&store, 1, &BufferOptions::default()).unwrap().id();
        let mut peers: Vec<_> = (0..3).map(|_| Peer::start("hold", &argument(&store, id))).collect();
        for peer in &mut peers {
            peer.expect("open");
        }
        let deleted = store.delete(&by_id(id)).unwrap();
        assert_eq!(deleted.held_by.processes().len(), 3);
        let last = peers.pop().unwrap();
        for mut peer in peers {
            peer.tell("look");
            peer.expect("1");
            peer.expect("closed");
            peer.end();
            assert!(deleted_path(&store, id).exists());
        }
        if !killed {
            last.end();
            assert!(!deleted_path(&store, id).exists(), "without a sweep");
            continue;
        }
        drop(last);
        assert_eq!(store.pending().unwrap()[0].held_by, HeldBy::Nobody);
        let would = store.gc(true).unwrap();
        assert_eq!((would.removed.len(), why_kept(&would, id)), (1, None));
        let report = store.gc(false).unwrap();
        assert!(report.freed_bytes > MEBI, "{report:?}");
        assert_eq!(bytes_in(&store), 0);
    }
}

#[test]
fn a_map_without_a_lock_is_counted_as_one_and_goes_with_its_process() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let brief = BufferOptions::default().ttl(Duration::from_nanos(1));
    for expires in [false, true] {
        let options = if expires {
            brief.clone()
        } else {
            BufferOptions::default()
        };
        let id = share(&store, 3, &options).unwrap().id();
        let mut peer = Peer::start("map", &argument(&store, id));
        peer.expect("open");
        if expires {
            // A map of the file touches its time of access.
            store.gc(false).unwrap();
            let report = store.gc(false).unwrap();
            assert_eq!(why_kept(&report, id), Some(&KeptReason::StillMapped), "{report:?}");
            assert_eq!(report.freed_bytes, 0, "it has expired, and its memory is not free");
        } else {
            let deleted = store.delete(&by_id(id)).unwrap();
            assert_eq!((deleted.freed_bytes, deleted.pending_bytes), (0, bytes_in(&store)));
            assert_eq!(deleted.held_by.to_string(), "mapped without a lock");
        }
        assert!(matches!(store.describe(&by_id(id)), Err(Error::NotFound { .. })));
        assert_eq!(store.pending().unwrap()[0].held_by, HeldBy::Unlocked);
        assert!(store.used_bytes().unwrap() > MEBI);
        let report = store.gc(false).unwrap();
        assert_eq!(why_kept(&report, id), Some(&KeptReason::StillMapped));
        peer.tell("look");
        peer.expect("3");
        peer.kill();
        store.gc(false).unwrap();
        assert_eq!(bytes_in(&store), 0);
    }
}

#[test]
fn what_is_reclaimable_of_a_full_store_is_not_what_somebody_has_mapped() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    store.set_quota(Some(3 * MEBI)).unwrap();
    let mapped = share(&store, 3, &BufferOptions::default()).unwrap().id();
    let mut peer = Peer::start("map", &argument(&store, mapped));
    peer.expect("open");
    store.delete(&by_id(mapped)).unwrap();
    share(&store, 4, &BufferOptions::default()).unwrap();
    let full = share(&store, 5, &BufferOptions::default());
    let Err(Error::StoreFull { reclaimable, .. }) = full else {
        panic!("{full:?}");
    };
    assert!((MEBI..2 * MEBI).contains(&reclaimable), "{reclaimable}: one of two");
    peer.kill();
    share(&store, 5, &BufferOptions::default()).expect("what a killed process had is free");
}

#[test]
fn waits_on_what_is_deleted_end() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    for replaced in [false, true] {
        let id = SharedBuffer::create(&store, 64, &hero()).unwrap().id();
        let mut peer = Peer::start("wait", &argument(&store, id));
        peer.expect("waiting");
        if replaced {
            share(&store, 0, &hero()).unwrap();
        } else {
            store.delete(&by_id(id)).unwrap();
        }
        peer.expect("true");
        peer.end();
        assert!(!deleted_path(&store, id).exists());
    }
}

/// What a process leaves that was killed between the two steps by which it deletes what is held.
#[test]
fn a_file_that_is_marked_and_not_renamed_is_gone_for_everybody_and_is_finished_by_the_next_sweep() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    for held in [false, true] {
        let buffer = SharedBuffer::create(&store, 64, &hero()).unwrap();
        let id = buffer.id();
        let mut waiter = Peer::start("wait", &argument(&store, id));
        waiter.expect("waiting");
        fs::set_permissions(path_of(&store, id), fs::Permissions::from_mode(0o1600)).unwrap();
        waiter.expect("true");
        waiter.end();
        let kept = held.then_some(buffer);
        let name = Reference::Name("hero".to_owned());
        for error in [
            SharedBuffer::open(&store, &by_id(id)).map(drop),
            store.describe(&by_id(id)).map(drop),
            store.describe(&name).map(drop),
            store.reader(&by_id(id)).map(drop),
            store.delete(&by_id(id)).map(drop),
        ] {
            assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
        }
        let listing = store.list().unwrap();
        assert_eq!((listing.buffers.len(), listing.damaged.len()), (0, 0));
        assert!(store.used_bytes().unwrap() > 0);
        // Its name is free.
        let next = SharedBuffer::create(&store, 64, &BufferOptions::default().name("hero")).unwrap();
        next.unlink().unwrap();
        drop(next);
        let report = store.gc(false).unwrap();
        assert!(!path_of(&store, id).exists(), "{report:?}");
        assert_eq!(deleted_path(&store, id).exists(), held, "{report:?}");
        drop(kept);
        assert_eq!(bytes_in(&store), 0);
    }
}

/// What a process leaves that was killed when it had renamed what nobody holds.
#[test]
fn a_file_that_is_renamed_and_not_marked_is_freed_by_the_next_sweep() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let scene = share(&store, 1, &hero()).unwrap();
    let id = scene.id();
    fs::rename(path_of(&store, id), deleted_path(&store, id)).unwrap();
    assert_eq!(
        process(&store.pending().unwrap()[0].held_by),
        i32::try_from(std::process::id()).unwrap()
    );
    drop(scene);
    assert_eq!(
        store.pending().unwrap(),
        [],
        "its last holder finds that it has no name"
    );
    let id = share(&store, 1, &hero()).unwrap().id();
    fs::rename(path_of(&store, id), deleted_path(&store, id)).unwrap();
    assert_eq!(store.gc(false).unwrap().removed.len(), 1);
    assert_eq!(bytes_in(&store), 0);
}

#[test]
fn an_empty_scene_that_is_deleted_while_it_is_filled_can_be_filled_and_goes_with_its_filler() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [4]))]).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
    let id = empty.id();
    let writer = SceneWriter::fill(&store, &by_id(id)).unwrap();
    writer.memory().copy_in(0, b"data").unwrap();
    let deleted = store.delete(&by_id(id)).unwrap();
    assert_eq!((deleted.freed_bytes, deleted.pending_bytes), (0, bytes_in(&store)));
    let filled = writer.finish().unwrap();
    assert_eq!(filled.read().unwrap(), b"data");
    assert_eq!(empty.read().unwrap(), b"data", "who had it open sees it");
    drop((empty, filled));
    assert_eq!(store.pending().unwrap(), []);
    assert_eq!(bytes_in(&store), 0);
}

#[test]
fn a_pool_that_is_deleted_while_a_process_has_it_is_counted_with_its_slots() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let options = BufferOptions::default().persistent(true);
    let id = BufferPool::create(&store, 4, MEBI, &options).unwrap().id();
    let mut peer = Peer::start("pool", &argument(&store, id));
    peer.expect("open");
    let deleted = store.delete(&by_id(id)).unwrap();
    assert_eq!((deleted.freed_bytes, deleted.pending_bytes), (0, bytes_in(&store)));
    assert_eq!(process(&deleted.held_by), peer.pid());
    let pending = store.pending().unwrap();
    assert_eq!(pending.len(), 5);
    assert!(
        pending.iter().all(|file| process(&file.held_by) == peer.pid()),
        "{pending:?}"
    );
    peer.end();
    assert_eq!(store.pending().unwrap(), []);
    assert_eq!(bytes_in(&store), 0);
}

/// In a child of one thread: a forked child inherits a view, and its parent lets go of the scene.
fn fork_with_view(store: &Store, id: Uuid) {
    for unlinks in [false, true] {
        let id = if unlinks {
            share(store, 9, &BufferOptions::default()).unwrap().id()
        } else {
            id
        };
        let scene = SharedSceneBuffer::open(store, &by_id(id)).unwrap();
        let view = scene.view().unwrap();
        let (mut ends, end) = std::io::pipe().unwrap();
        let child = in_fork(|| {
            let mut byte = [0];
            std::io::Read::read_exact(&mut ends, &mut byte).unwrap();
            i32::from(view[view.len() - 1])
        });
        if unlinks {
            scene.unlink().unwrap();
        } else {
            store.delete(&by_id(id)).unwrap();
        }
        drop((scene, view));
        let pending = store.pending().unwrap();
        assert_eq!(pending.len(), 1, "the child still has it mapped");
        assert!(store.gc(false).unwrap().removed.is_empty());
        std::io::Write::write_all(&mut &end, b"x").unwrap();
        assert_eq!(child.code(), Some(9), "and sees it");
        assert_eq!(store.gc(false).unwrap().removed.len(), 1);
        assert_eq!(bytes_in(store), 0);
    }
    say("done");
}

#[test]
fn what_a_forked_child_inherited_counts_until_it_ends() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let id = share(&store, 9, &BufferOptions::default()).unwrap().id();
    let mut peer = Peer::start("fork", &argument(&store, id));
    peer.expect("done");
    peer.end();
}

/// In a child to which the system grants no leases: locks are all that is known.
fn without_leases(store: &Store) {
    let id = share(store, 1, &BufferOptions::default()).unwrap().id();
    let deleted = store.delete(&by_id(id)).unwrap();
    assert_eq!((deleted.pending_bytes, bytes_in(store)), (0, 0));

    let held = share(store, 2, &BufferOptions::default()).unwrap();
    let deleted = store.delete(&by_id(held.id())).unwrap();
    assert_eq!(deleted.pending_bytes, bytes_in(store));
    assert_eq!(process(&deleted.held_by), i32::try_from(std::process::id()).unwrap());
    assert_eq!(held.view().unwrap()[0], 2);
    drop(held);
    assert_eq!(bytes_in(store), 0);

    drop(share(store, 3, &BufferOptions::default().ttl(Duration::from_nanos(1))).unwrap());
    assert_eq!(store.gc(false).unwrap().removed.len(), 1);
    drop(share(store, 4, &hero()).unwrap());
    let last = share(store, 5, &hero()).unwrap();
    assert_eq!(store.pending().unwrap(), []);
    last.unlink().unwrap();
    drop(last);
    assert_eq!(bytes_in(store), 0);
}

#[test]
fn where_there_are_no_leases_a_deleted_file_goes_when_its_lock_is_free() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("delete without leases", &argument(&store, Uuid::nil()));
    peer.expect("done");
    peer.end();
}

#[test]
fn who_opens_what_is_being_deleted_gets_the_data_or_not_found_and_leaves_nothing_behind() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let stop = AtomicBool::new(false);
    let newest = Mutex::new(Uuid::nil());
    let (found, gone) = std::thread::scope(|scope| {
        let open = || {
            let (mut found, mut gone) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                let id = *newest.lock().unwrap();
                match SharedSceneBuffer::open(&store, &by_id(id)) {
                    Ok(scene) => {
                        assert_eq!(scene.read().unwrap(), id.as_bytes());
                        found += 1;
                    }
                    Err(Error::NotFound { .. }) => gone += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (found, gone)
        };
        let openers: Vec<_> = (0..2).map(|_| scope.spawn(open)).collect();
        for _ in 0..500 {
            let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [16]))]).unwrap();
            let empty = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
            let writer = SceneWriter::fill(&store, &by_id(empty.id())).unwrap();
            writer.memory().copy_in(0, empty.id().as_bytes()).unwrap();
            let id = writer.finish().unwrap().id();
            drop(empty);
            *newest.lock().unwrap() = id;
            store.delete(&by_id(id)).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let sums = openers.into_iter().map(|opener| opener.join().unwrap());
        sums.fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
    });
    assert!(gone > 0, "{found} found, {gone} gone");
    store.gc(false).unwrap();
    assert_eq!(store.pending().unwrap(), []);
    assert_eq!(bytes_in(&store), 0);
}

/// Lets two threads replace and delete the same scene as often as there is time for, at about the same moment.
#[test]
fn what_is_deleted_while_its_name_is_taken_over_stays_in_the_accounts() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let (go, done) = (AtomicU32::new(0), AtomicU32::new(0));
    let rounds = u32::try_from(number("DCC_MCP_SHM_TEST_REPLACED", 3000)).unwrap();
    let lost = std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=rounds {
                while go.load(Ordering::Acquire) < round {
                    std::thread::yield_now();
                }
                SharedSceneBuffer::write(&store, b"next", &hero()).unwrap();
                done.store(round, Ordering::Release);
            }
        });
        let mut shortest = Duration::MAX;
        let mut is_lost = |round: u32| {
            let held = SharedSceneBuffer::write(&store, b"data", &hero()).unwrap();
            go.store(round, Ordering::Release);
            // At any moment of what the other does.
            let start = Instant::now();
            while round > 20 && start.elapsed() * 100 < shortest * (round % 100) {
                std::hint::spin_loop();
            }
            match store.delete(&by_id(held.id())) {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            while done.load(Ordering::Acquire) < round {
                std::thread::yield_now();
            }
            if round <= 20 {
                shortest = shortest.min(start.elapsed());
            }
            !deleted_path(&store, held.id()).exists()
        };
        (1..=rounds).filter(|&round| is_lost(round)).count()
    });
    assert_eq!(lost, 0, "of {rounds}");
}

#[test]
fn sums_miss_nothing_of_what_is_being_deleted() {
    let _alone = alone();
    let (_parent, store) = temp_store();
    let held: Vec<_> = (0..600)
        .map(|_| SharedSceneBuffer::write(&store, b"data", &BufferOptions::default()).unwrap())
        .collect();
    let before = store.used_bytes().unwrap();
    let deleted = AtomicBool::new(false);
    let sums = std::thread::scope(|scope| {
        let sums = scope.spawn(|| {
            let mut sums = 0;
            while !deleted.load(Ordering::Relaxed) {
                assert_eq!(store.used_bytes().unwrap(), before);
                sums += 1;
            }
            sums
        });
        for scene in &held {
            store.delete(&by_id(scene.id())).unwrap();
            // So that there are some sums for each deletion.
            std::thread::sleep(Duration::from_millis(1));
        }
        deleted.store(true, Ordering::Relaxed);
        sums.join().unwrap()
    });
    assert!(sums > 10, "{sums} sums");
}
