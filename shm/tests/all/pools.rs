//! Pools: no slot is ever with two at once, none is lost, and what was held once is refused later.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::{
    Peer, argument, by_id, child_role, hear, noise, opened, path_of, say, temp_store, used_after_sweeps,
};
use dcc_mcp_shm::{
    BufferOptions, BufferPool, Error, GcReport, KeptReason, Reference, SharedBuffer, SharedSceneBuffer, Store,
};
use uuid::Uuid;

fn pool(store: &Store, slots: usize) -> BufferPool {
    BufferPool::create(store, slots, 4096, &BufferOptions::default()).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (store, id) = opened(&argument);
    let open = || BufferPool::open(&store, &by_id(id)).unwrap();
    match role.as_str() {
        "take all" => {
            let pool = open();
            let taken: Vec<_> = (0..pool.capacity()).map(|_| pool.acquire().unwrap()).collect();
            say(&format!("{}", pool.available().unwrap()));
            hear();
            drop(taken);
            say(&format!("{}", pool.available().unwrap()));
            hear();
        }
        "create" => {
            let pool = pool(&store, 3);
            let _slot = pool.acquire().unwrap();
            say(&pool.id().to_string());
            hear();
        }
        "read" => {
            let reader = SharedBuffer::open(&store, &by_id(id)).unwrap();
            say("open");
            hear();
            drop(reader);
            say("closed");
        }
        "stress" => say(&stress(&open(), 2, Duration::from_secs(3)).to_string()),
        "collect" => {
            say("collecting");
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(60) {
                store.gc(true).unwrap();
            }
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn slots_are_given_out_once_and_come_back_empty() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 3);
    let taken: Vec<_> = (0..3).map(|_| pool.acquire().unwrap()).collect();
    assert_eq!(taken.iter().map(SharedBuffer::id).collect::<HashSet<_>>().len(), 3);
    for (i, buffer) in (0u8..).zip(&taken) {
        assert_eq!(
            (buffer.data_len().unwrap(), buffer.descriptor().unwrap().generation),
            (0, 1)
        );
        buffer.write(&[i; 4096]).unwrap();
        assert!(matches!(
            buffer.write(&[i; 4097]),
            Err(Error::CapacityExceeded {
                needed: 4097,
                capacity: 4096
            })
        ));
        assert!(matches!(buffer.unlink(), Err(Error::WrongRole { .. })));
    }
    let exhausted = pool.acquire();
    assert!(
        matches!(exhausted, Err(Error::Exhausted { slots: 3, .. })),
        "{exhausted:?}"
    );
    assert!(exhausted.unwrap_err().is_transient());
    assert_eq!(pool.available().unwrap(), 0);
    for (i, buffer) in (0u8..).zip(&taken) {
        assert_eq!(buffer.read().unwrap(), [i; 4096]);
    }
    drop(taken);
    assert_eq!(pool.available().unwrap(), 3);
    let again = pool.acquire().unwrap();
    assert_eq!(
        (again.data_len().unwrap(), again.descriptor().unwrap().generation),
        (0, 2)
    );
}

#[test]
fn a_slot_comes_back_when_the_last_clone_and_view_of_it_goes() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let buffer = pool.acquire().unwrap();
    buffer.write(b"data").unwrap();
    let (clone, view) = (buffer.clone(), buffer.view().unwrap());
    drop(buffer);
    assert_eq!(pool.available().unwrap(), 0);
    drop(clone);
    assert_eq!(pool.available().unwrap(), 0);
    assert!(pool.acquire().is_err());
    assert_eq!(view.to_vec().unwrap(), b"data");
    drop(view);
    assert_eq!(pool.available().unwrap(), 1);
    pool.acquire().unwrap();
}

#[test]
fn a_reader_keeps_the_slot_from_being_rewritten_and_reused() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let buffer = pool.acquire().unwrap();
    buffer.write(b"frame 1").unwrap();
    let mut peer = Peer::start("read", &argument(&store, buffer.id()));
    peer.expect("open");
    let reader = SharedBuffer::from_descriptor(&buffer.descriptor().unwrap().to_json()).unwrap();
    for result in [
        buffer.write(b"frame 2").map(drop),
        buffer.edit(1).map(drop),
        reader.write(b"mine").map(drop),
    ] {
        assert!(matches!(result, Err(Error::Busy { .. })), "{result:?}");
    }
    drop(reader);
    assert!(
        matches!(buffer.write(b"frame 2"), Err(Error::Busy { .. })),
        "the other process still reads"
    );
    assert_eq!(buffer.read().unwrap(), b"frame 1");
    drop(buffer);
    assert_eq!(pool.available().unwrap(), 0);
    assert!(matches!(pool.acquire(), Err(Error::Exhausted { .. })));
    peer.tell("close");
    peer.expect("closed");
    pool.acquire().unwrap().write(b"frame 2").unwrap();
}

#[test]
fn a_killed_reader_gives_the_slot_back() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let buffer = pool.acquire().unwrap();
    let mut peer = Peer::start("read", &argument(&store, buffer.id()));
    peer.expect("open");
    assert!(matches!(buffer.write(b"x"), Err(Error::Busy { .. })));
    peer.kill();
    buffer.write(b"x").unwrap();
}

#[test]
fn what_is_available_is_the_same_in_every_process_and_a_killed_holder_gives_all_back() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 4);
    for kill in [true, false] {
        let mut peer = Peer::start("take all", &argument(&store, pool.id()));
        peer.expect("0");
        assert_eq!((pool.available().unwrap(), pool.status().unwrap().free()), (0, 0));
        assert!(matches!(pool.acquire(), Err(Error::Exhausted { .. })));
        if kill {
            peer.kill();
        } else {
            peer.tell("drop");
            peer.expect("4");
        }
        assert_eq!((pool.available().unwrap(), pool.status().unwrap().free()), (4, 4));
        let taken: Vec<_> = (0..4).map(|_| pool.acquire().unwrap()).collect();
        assert_eq!(store.pool(&by_id(pool.id())).unwrap().free(), 0);
        drop(taken);
    }
}

#[test]
fn handles_of_one_process_see_each_others_slots() {
    let (_parent, store) = temp_store();
    let (one, two) = {
        let one = pool(&store, 2);
        let two = BufferPool::open(&store, &by_id(one.id())).unwrap();
        (one, two)
    };
    let a = one.acquire().unwrap();
    let b = two.acquire().unwrap();
    assert_ne!(a.id(), b.id());
    assert_eq!((one.available().unwrap(), two.available().unwrap()), (0, 0));
    assert!(one.acquire().is_err() && two.acquire().is_err());
}

#[test]
fn a_pool_goes_with_the_last_that_has_it_open() {
    let (_parent, store) = temp_store();
    let one = BufferPool::create(&store, 2, 64, &BufferOptions::default().name("viewport")).unwrap();
    let two = BufferPool::open(&store, &Reference::Name("viewport".to_owned())).unwrap();
    let id = one.id();
    let mut peer = Peer::start("take all", &argument(&store, id));
    peer.expect("0");
    drop(one);
    drop(two);
    assert!(
        store.gc(false).unwrap().removed.is_empty(),
        "another process has it open"
    );
    peer.tell("drop");
    peer.expect("2");
    peer.end();
    assert!(matches!(store.pool(&by_id(id)), Err(Error::NotFound { .. })));
    assert_eq!(used_after_sweeps(&store, 0), 0, "with its slots");
    BufferPool::create(&store, 2, 64, &BufferOptions::default().name("viewport")).unwrap();
}

#[test]
fn a_pool_that_is_replaced_goes_with_its_slots() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::default().name("viewport").persistent(true);
    let first = BufferPool::create(&store, 4, 1 << 20, &options).unwrap();
    let slot = first.acquire().unwrap();
    slot.write(b"seen by who has it").unwrap();
    let scene = SharedSceneBuffer::write(&store, b"takes the name over", &options.replace(true)).unwrap();
    let used = store.used_bytes().unwrap();
    assert!(used > 4 << 20, "{used} bytes: they count as long as they are open");
    let pending = store.pending().unwrap();
    let own = std::process::id();
    assert_eq!(pending.len(), 5, "four slots and the pool's own file: {pending:?}");
    for file in pending {
        assert_eq!(
            file.held_by.processes()[0].pid,
            own,
            "also of slots that nobody was given"
        );
    }
    assert_eq!(slot.read().unwrap(), b"seen by who has it");
    assert!(matches!(store.pool(&by_id(first.id())), Err(Error::NotFound { .. })));
    assert_eq!(
        store.resolve(&Reference::Name("viewport".to_owned())).unwrap(),
        scene.id()
    );
    drop(first);
    assert_eq!(
        store.pending().unwrap().len(),
        5,
        "a slot is still there, and keeps its pool open"
    );
    drop(slot);
    let left = used_after_sweeps(&store, 1 << 16);
    assert!(left < 1 << 16, "{left} bytes");
}

#[test]
fn a_slot_outlives_its_pools_handle() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let id = pool.id();
    let buffer = pool.acquire().unwrap();
    drop(pool);
    buffer.write(b"data").unwrap();
    assert!(store.gc(false).unwrap().removed.is_empty());
    assert_eq!(
        SharedBuffer::from_descriptor(&buffer.descriptor().unwrap().to_json())
            .unwrap()
            .read()
            .unwrap(),
        b"data"
    );
    drop(buffer);
    assert!(!path_of(&store, id).exists());
}

#[test]
fn what_dead_processes_leave_of_pools_is_collected() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("create", &argument(&store, Uuid::nil()));
    let id: Uuid = peer.hears().parse().unwrap();
    assert!(store.gc(false).unwrap().removed.is_empty());
    peer.kill();
    store.gc(false).unwrap();
    assert!(matches!(store.pool(&by_id(id)), Err(Error::NotFound { .. })));
    assert_eq!(used_after_sweeps(&store, 0), 0);

    // Killed before the control file was there, or after it was deleted: slots of no pool.
    let mut peer = Peer::start("create", &argument(&store, Uuid::nil()));
    let id: Uuid = peer.hears().parse().unwrap();
    fs::remove_file(path_of(&store, id)).unwrap();
    let report = store.gc(false).unwrap();
    let kept = |reason| report.kept.iter().filter(|kept| kept.reason == reason).count();
    assert_eq!(
        (report.removed.len(), kept(KeptReason::Held)),
        (0, 1),
        "one of three is in use"
    );
    assert_eq!(kept(KeptReason::StillMapped), 2, "the others are deleted, but open");
    peer.kill();
    store.gc(false).unwrap();
    assert_eq!(used_after_sweeps(&store, 0), 0);
}

#[test]
fn a_slot_that_is_being_read_outlives_the_collection_of_its_dead_pool() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("create", &argument(&store, Uuid::nil()));
    let id: Uuid = peer.hears().parse().unwrap();
    let taken = store
        .pool(&by_id(id))
        .unwrap()
        .slots
        .into_iter()
        .find(|slot| slot.in_use);
    let slot = SharedBuffer::open(&store, &by_id(taken.unwrap().id)).unwrap();
    let descriptor = slot.descriptor().unwrap().to_json();
    peer.kill();

    let would = store.gc(true).unwrap();
    let used = store.used_bytes().unwrap();
    let report = store.gc(false).unwrap();
    assert_eq!(report.removed.len(), 3, "the pool and the two slots that nobody has");
    assert_eq!(report.freed_bytes, used - store.used_bytes().unwrap());
    assert_eq!(report.kept.len(), 1);
    assert_eq!(
        (report.kept[0].id, report.kept[0].reason.to_string().as_str()),
        (slot.id(), "somebody has it open")
    );
    let ids = |report: &GcReport| report.removed.iter().map(|removed| removed.id).collect::<HashSet<_>>();
    assert_eq!(
        (ids(&would), would.freed_bytes),
        (ids(&report), report.freed_bytes),
        "a dry run says the same"
    );
    SharedBuffer::from_descriptor(&descriptor).unwrap();
    drop(slot);
    store.gc(false).unwrap();
    assert_eq!(used_after_sweeps(&store, 0), 0);
}

/// Acquires and releases from several threads; each checks that what it wrote stays its own. Gives how often.
fn stress(pool: &BufferPool, threads: u64, time: Duration) -> u64 {
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let done = &done;
            scope.spawn(move || {
                let started = Instant::now();
                for round in 0u64.. {
                    if started.elapsed() > time {
                        break;
                    }
                    let Ok(buffer) = pool.acquire() else { continue };
                    assert_eq!(buffer.data_len().unwrap(), 0, "emptied");
                    let mine = noise(u64::from(std::process::id()) << 32 | thread << 24 | round, 256);
                    let generation = buffer.descriptor().unwrap().generation;
                    buffer.write(&mine).unwrap();
                    for _ in 0..5 {
                        assert!(buffer.read().unwrap() == mine, "somebody else has the same slot");
                    }
                    assert_eq!(buffer.descriptor().unwrap().generation, generation);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    done.load(Ordering::Relaxed)
}

#[test]
fn no_two_threads_or_processes_ever_share_a_slot() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 3);
    let mut peers: Vec<_> = (0..2)
        .map(|_| Peer::start("stress", &argument(&store, pool.id())))
        .collect();
    let mut victim = Peer::start("stress", &argument(&store, pool.id()));
    let mut done = stress(&pool, 2, Duration::from_secs(2));
    victim.kill();
    for peer in &mut peers {
        done += peer.hears().parse::<u64>().unwrap();
    }
    assert!(done > 1000, "only {done} times");
    assert_eq!(pool.available().unwrap(), 3, "none is lost");
    let taken: Vec<_> = (0..3).map(|_| pool.acquire().unwrap()).collect();
    let given: u64 = taken.iter().map(|buffer| buffer.descriptor().unwrap().generation).sum();
    assert!(given >= done, "{given} generations for {done} acquisitions");
}

#[test]
fn a_free_slot_is_acquired_while_others_look_for_what_to_collect() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut peer = Peer::start("collect", &argument(&store, pool.id()));
    peer.expect("collecting");
    let started = Instant::now();
    let mut acquired = 0;
    while started.elapsed() < Duration::from_secs(2) {
        let result = pool.acquire();
        assert!(result.is_ok(), "after {acquired} times: {result:?}");
        acquired += 1;
    }
}

#[test]
fn readers_that_come_and_go_never_see_another_generations_data() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 2);
    let latest = std::sync::Mutex::new(None::<(String, Vec<u8>)>);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0u64.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(buffer) = pool.acquire() else { continue };
                let data = noise(round + 1, 2000);
                if buffer.write(&data).is_ok() {
                    *latest.lock().unwrap() = Some((buffer.descriptor().unwrap().to_json(), data));
                }
            }
        });
        let (mut read, mut stale) = (0, 0);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) {
            let Some((json, data)) = latest.lock().unwrap().clone() else {
                continue;
            };
            match SharedBuffer::from_descriptor(&json) {
                Ok(buffer) => {
                    assert!(buffer.read().unwrap() == data, "data of another generation");
                    read += 1;
                }
                Err(Error::Stale { .. }) => stale += 1,
                Err(error) => panic!("{error}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(read > 100, "{read} read, {stale} stale");
    });
}

#[test]
fn a_single_slot_cannot_be_deleted_from_under_its_pool() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 2);
    let buffer = pool.acquire().unwrap();
    let deleted = store.delete(&by_id(buffer.id())).map(drop);
    assert!(matches!(deleted, Err(Error::WrongRole { .. })), "{deleted:?}");
    BufferPool::open(&store, &by_id(pool.id())).unwrap();
}

#[test]
fn a_slot_marked_to_go_on_close_stays_in_its_pool() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let other = BufferPool::open(&store, &by_id(pool.id())).unwrap();
    let buffer = other.acquire().unwrap();
    buffer.set_unlink_on_close(true);
    drop((buffer, other));
    let again = BufferPool::open(&store, &by_id(pool.id())).map(drop);
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn pools_of_impossible_sizes_are_refused_and_leave_nothing() {
    let (_parent, store) = temp_store();
    for (slots, size) in [
        (0, 1),
        (dcc_mcp_shm::MAX_SLOTS + 1, 1),
        (1, 0),
        (2, u64::MAX),
        (2, 1 << 62),
    ] {
        let made = BufferPool::create(&store, slots, size, &BufferOptions::default());
        assert!(
            matches!(made, Err(Error::InvalidArgument { .. } | Error::StoreFull { .. })),
            "{slots} of {size}: {made:?}"
        );
    }
    assert_eq!(store.used_bytes().unwrap(), 0);
}
