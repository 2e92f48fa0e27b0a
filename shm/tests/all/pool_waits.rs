//! Waiting for a slot: woken and not polling, in turn, and never stuck behind one that died.

use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{LONG, Peer, argument, by_id, child_role, hear, opened, path_of, say, temp_store};
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, SharedBuffer, Store};
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

fn pool(store: &Store, slots: usize) -> BufferPool {
    BufferPool::create(store, slots, 4096, &BufferOptions::default()).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (store, id) = opened(&argument);
    let reference = by_id(id);
    let open = || BufferPool::open(&store, &reference).unwrap();
    match role.as_str() {
        "take and give" => {
            let pool = open();
            while hear() == "take" {
                let slot = pool.acquire().unwrap();
                say("taken");
                hear();
                drop(slot);
            }
        }
        "wait again and again" => {
            let pool = open();
            while hear() == "wait" {
                say("waiting");
                let slot = pool.acquire_timeout(LONG).unwrap();
                say("got it");
                hear();
                drop(slot);
                say("gave it back");
            }
        }
        "wait" => {
            let pool = open();
            say("waiting");
            let slot = pool.acquire_timeout(LONG).unwrap();
            say(&slot.id().to_string());
            hear();
        }
        "spin" => {
            let pool = open();
            say("spinning");
            let started = Instant::now();
            while started.elapsed() < LONG {
                let taken = Instant::now();
                // Most of the time it is in use, and free for as long as two calls take.
                let slot = pool.acquire();
                while taken.elapsed() < Duration::from_micros(300) {}
                drop(slot);
            }
        }
        "take turns" => {
            let pool = open();
            say("ready");
            hear();
            let (started, mut turns, mut too_long) = (Instant::now(), 0, 0);
            while started.elapsed() < Duration::from_secs(3) {
                let asked = Instant::now();
                let slot = pool.acquire_timeout(LONG).unwrap();
                too_long += u32::from(asked.elapsed() > Duration::from_secs(2));
                slot.write(&[1; 4096]).unwrap();
                turns += 1;
            }
            say(&format!("{turns} {too_long}"));
        }
        other => panic!("no role {other}"),
    }
}

/// Whether this waiter has its turn: it has written itself into the pool's file.
fn somebody_waits(store: &Store, pool: Uuid) -> Option<()> {
    let bytes = std::fs::read(path_of(store, pool)).unwrap();
    (bytes[96..104] != [0; 8]).then_some(())
}

/// How long a peer that waits for a slot takes to get the one that is let go.
fn time_to_wake(peer: &mut Peer, store: &Store, pool: Uuid, let_go: impl FnOnce()) -> Duration {
    peer.tell("wait");
    peer.expect("waiting");
    crate::common::until("it waits", || somebody_waits(store, pool));
    let started = Instant::now();
    let_go();
    peer.expect("got it");
    let took = started.elapsed();
    peer.tell("give back");
    peer.expect("gave it back");
    took
}

#[test]
fn a_waiter_wakes_when_another_process_gives_a_slot_back() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut peer = Peer::start("wait again and again", &argument(&store, pool.id()));
    crate::common::assert_woken(25, || {
        let slot = pool.acquire().unwrap();
        time_to_wake(&mut peer, &store, pool.id(), || drop(slot))
    });
}

#[test]
fn a_waiter_wakes_when_the_last_reader_of_a_slot_closes_it() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut peer = Peer::start("wait again and again", &argument(&store, pool.id()));
    crate::common::assert_woken(25, || {
        let slot = pool.acquire().unwrap();
        let reader = SharedBuffer::from_descriptor(&slot.descriptor().unwrap().to_json()).unwrap();
        drop(slot);
        time_to_wake(&mut peer, &store, pool.id(), || drop(reader))
    });
}

#[test]
fn threads_that_share_a_handle_wake_each_other() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    crate::common::assert_woken(25, || {
        let slot = pool.acquire().unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                drop(pool.acquire_timeout(LONG).unwrap());
                Instant::now()
            });
            crate::common::until("it waits", || somebody_waits(&store, pool.id()));
            let given_back = Instant::now();
            drop(slot);
            waiter.join().unwrap() - given_back
        })
    });
}

#[test]
fn a_waiter_gets_the_slot_of_a_killed_holder() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut holder = Peer::start("take and give", &argument(&store, pool.id()));
    holder.tell("take");
    holder.expect("taken");
    let mut waiter = Peer::start("wait", &argument(&store, pool.id()));
    waiter.expect("waiting");
    crate::common::until("it waits", || somebody_waits(&store, pool.id()));
    let killed = Instant::now();
    holder.kill();
    assert_eq!(waiter.hears(), pool.status().unwrap().slots[0].id.to_string());
    assert!(killed.elapsed() < LONG / 2, "{:?}", killed.elapsed());
}

#[test]
fn a_killed_waiter_keeps_nobody_from_a_free_slot() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 2);
    let taken = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    for _ in 0..10 {
        let mut waiter = Peer::start("wait", &argument(&store, pool.id()));
        waiter.expect("waiting");
        crate::common::until("it waits", || somebody_waits(&store, pool.id()));
        waiter.kill();
    }
    drop(taken);
    let _both = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    assert!(matches!(pool.acquire(), Err(Error::Exhausted { .. })));
}

#[test]
fn what_is_not_to_be_had_in_time_is_an_error_that_names_the_holders() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 3);
    let mut peer = Peer::start("take and give", &argument(&store, pool.id()));
    peer.tell("take");
    peer.expect("taken");
    let _mine = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    for timeout in [None, Some(Duration::ZERO), Some(Duration::from_millis(70))] {
        let asked = Instant::now();
        let error = match timeout {
            None => pool.acquire(),
            Some(timeout) => pool.acquire_timeout(timeout),
        }
        .unwrap_err();
        let timeout = timeout.unwrap_or_default();
        assert!(asked.elapsed() >= timeout, "{:?} of {timeout:?}", asked.elapsed());
        let Error::Exhausted {
            slots: 3,
            ref holders,
            waited,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert!(waited >= timeout, "{waited:?} of {timeout:?}");
        let mut pids: Vec<_> = holders.iter().map(|holder| holder.pid).collect();
        pids.sort_unstable();
        let mut expected = [
            std::process::id(),
            std::process::id(),
            u32::try_from(peer.pid()).unwrap(),
        ];
        expected.sort_unstable();
        assert_eq!(pids, expected);
        let text = error.to_string();
        assert!(
            text.contains(&format!("(process {}) has 2", std::process::id())),
            "{text}"
        );
        assert!(text.contains(&format!("(process {}) has 1", peer.pid())), "{text}");
    }
}

#[test]
fn a_wait_can_be_given_up_and_lets_others_have_their_turn() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let slot = pool.acquire().unwrap();
    let mut asked = 0;
    let given_up = pool.acquire_timeout_while(LONG, || {
        asked += 1;
        asked < 3
    });
    assert!(matches!(given_up, Err(Error::Exhausted { .. })), "{given_up:?}");
    assert_eq!(asked, 3);
    assert_eq!(somebody_waits(&store, pool.id()), None);
    drop(slot);
    pool.acquire().unwrap();
}

#[test]
fn waiting_takes_next_to_no_time_of_the_processor_however_large_the_pool() {
    let (_parent, store) = temp_store();
    for slots in [4, 400] {
        let pool = pool(&store, slots);
        let other = BufferPool::open(&store, &by_id(pool.id())).unwrap();
        let _taken: Vec<_> = (0..slots).map(|_| other.acquire().unwrap()).collect();
        let wait = || assert!(pool.acquire_timeout(Duration::from_secs(1)).is_err());
        let mut sleeps = 0;
        let used = crate::common::processor_time(|| sleeps = crate::common::sleeps(wait));
        let figures = format!("{slots} slots, a second of waiting: {used:?} of the processor, {sleeps} sleeps");
        crate::common::print(&figures);
        assert!(
            used < crate::common::LITTLE_WORK && sleeps < crate::common::FEW_SLEEPS,
            "{figures}"
        );
    }
}

#[test]
fn a_killed_holder_of_a_large_pool_is_found_too() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 200);
    let mut holder = Peer::start("take and give", &argument(&store, pool.id()));
    holder.tell("take");
    holder.expect("taken");
    let _taken: Vec<_> = (1..200).map(|_| pool.acquire().unwrap()).collect();
    let mut waiter = Peer::start("wait", &argument(&store, pool.id()));
    waiter.expect("waiting");
    crate::common::until("it waits", || somebody_waits(&store, pool.id()));
    holder.kill();
    waiter.hears();
}

#[test]
fn a_waiter_has_its_turn_although_others_take_and_give_without_a_pause() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut peers: Vec<_> = (0..2)
        .map(|_| Peer::start("spin", &argument(&store, pool.id())))
        .collect();
    for peer in &mut peers {
        peer.expect("spinning");
    }
    for turn in 0..50 {
        crate::common::until("the others have it", || (pool.available().unwrap() == 0).then_some(()));
        let slot = pool.acquire_timeout(Duration::from_secs(5));
        assert!(slot.is_ok(), "turn {turn}: {slot:?}");
    }
}

#[test]
fn who_waits_longest_is_first() {
    const TURNS: usize = 15;
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut peers = [(); 2].map(|()| Peer::start("wait again and again", &argument(&store, pool.id())));
    let in_turn = (0..TURNS).filter(|_| {
        let slot = pool.acquire().unwrap();
        peers.reverse();
        for peer in &mut peers {
            peer.tell("wait");
            peer.expect("waiting");
            let since = Instant::now();
            crate::common::until("it waits", || somebody_waits(&store, pool.id()));
            // The next one waits since another millisecond.
            crate::common::until("time goes on", || {
                (since.elapsed() > Duration::from_millis(3)).then_some(())
            });
        }
        drop(slot);
        let holder = || pool.status().unwrap().slots[0].holder.as_ref().map(|holder| holder.pid);
        let first = crate::common::until("one of them has it", holder);
        let in_turn = Ok(first) == u32::try_from(peers[0].pid());
        let mut order = [0, 1];
        if !in_turn {
            order.reverse();
        }
        for peer in order {
            peers[peer].expect("got it");
            peers[peer].tell("give back");
            peers[peer].expect("gave it back");
        }
        in_turn
    });
    let in_turn = in_turn.count();
    // One that is kept from the processor for longer than its turn lasts may lose it.
    assert!(in_turn >= TURNS - 2, "{in_turn} of {TURNS}");
}

#[test]
fn eight_processes_share_two_slots_in_turn() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 2);
    let mut peers: Vec<_> = (0..8)
        .map(|_| Peer::start("take turns", &argument(&store, pool.id())))
        .collect();
    for peer in &mut peers {
        peer.expect("ready");
    }
    for peer in &mut peers {
        peer.tell("go");
    }
    let said: Vec<_> = peers.iter_mut().map(Peer::hears).collect();
    let (turns, too_long): (Vec<u64>, Vec<u64>) = said
        .iter()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(turns, too_long)| (turns.parse::<u64>().unwrap(), too_long.parse::<u64>().unwrap()))
        .unzip();
    let (total, least) = (turns.iter().sum::<u64>(), *turns.iter().min().unwrap());
    assert!(
        least * 8 * 4 > total,
        "nobody has less than a quarter of its share: {turns:?}"
    );
    // The machine may stand still once; who is passed over waits too long again and again.
    assert!(too_long.iter().all(|&waits| waits <= 1), "{too_long:?}");
}

#[test]
fn a_hostile_line_only_delays() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(path_of(&store, pool.id()))
        .unwrap();
    let stop = AtomicBool::new(false);
    for word in [
        [0xFF; 8],
        [1; 8],
        [0x80; 8],
        1u64.to_le_bytes(),
        (1u64 << 63).to_le_bytes(),
    ] {
        file.write_all_at(&word, 96).unwrap();
        drop(pool.acquire().unwrap());
        file.write_all_at(&word, 96).unwrap();
        drop(pool.acquire_timeout(Duration::from_secs(5)).unwrap());
    }
    // Somebody who says all the time that it waits longest.
    let now = || u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap() * 1000;
    let long_ago = now().wrapping_sub(1_000_000) & 0x7FFF_FFFF;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let time = clock_gettime(ClockId::Boottime);
                let ms = now() + u64::try_from(time.tv_nsec).unwrap() / 1_000_000;
                let word = (long_ago << 32) | (ms & 0xFFFF_FFFF);
                file.write_all_at(&word.to_le_bytes(), 96).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        crate::common::until("the liar waits", || somebody_waits(&store, pool.id()));
        let asked = Instant::now();
        // Either answer is fine; a wait without an end is not.
        let _ = (pool.acquire(), pool.acquire_timeout(Duration::from_millis(200)));
        assert!(asked.elapsed() < Duration::from_secs(5));
        stop.store(true, Ordering::Relaxed);
    });
}
