//! Programs of several time namespaces share a store: nobody's time to live is cut short, whoever makes, closes or sweeps.
#![allow(unsafe_code, reason = "unshare has no safe form")]

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::common::namespace::{MOUNTS, mount_tmpfs, unshared};
use crate::common::{LONG, Peer, argument, by_id, child_role, hear, in_fork, opened, path_of, say, temp_store, until};
use dcc_mcp_shm::{BufferOptions, BufferPool, KeptReason, SharedSceneBuffer, Store, StoreOptions};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

const TTL: Duration = Duration::from_secs(3600);
const DAY: i64 = 86_400;
/// Only children of `unshare` are in the new namespace, and they end with it.
const TIME: &str = "--time";
const FORK: &str = "--fork";
const KILL: &str = "--kill-child";

/// Where the clock that counts from the boot is so many seconds ahead.
fn ahead(seconds: i64, role: &str, argument: &str) -> Peer {
    unshared(&[TIME, &format!("--boottime={seconds}"), FORK, KILL], role, argument)
}

/// A day ahead, and as far behind as the kernel lets a clock be that must not be negative, and still some way off it.
fn offsets() -> [i64; 2] {
    [DAY, -uptime() / 2]
}

fn uptime() -> i64 {
    clock_gettime(ClockId::Boottime).tv_sec
}

fn scene(store: &Store) -> Uuid {
    let options = BufferOptions::default().ttl(TTL);
    SharedSceneBuffer::write(store, b"x", &options).unwrap().id()
}

/// What a sweep says of the only file, or nothing when it took it.
fn verdict(store: &Store) -> Option<KeptReason> {
    store.gc(false).unwrap().kept.pop().map(|kept| kept.reason)
}

/// Shows that the scene has all of its time to live, but for what the test takes.
#[track_caller]
fn assert_whole_ttl(store: &Store) {
    let tolerated = Duration::from_secs(u64::try_from(uptime() / 4).unwrap()).min(TTL / 4);
    match verdict(store) {
        Some(KeptReason::Unexpired { left }) => assert!(left <= TTL && left + tolerated >= TTL, "{left:?}"),
        other => panic!("{other:?}"),
    }
    let expires = store.list().unwrap().buffers[0].expires.clone().unwrap();
    let expires: jiff::Timestamp = expires.parse().unwrap();
    let left = Duration::try_from(expires.duration_since(jiff::Timestamp::now())).unwrap();
    assert!(left <= TTL && left + tolerated >= TTL, "{expires}");
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (path, id) = argument.split_once(' ').unwrap();
    if role.ends_with("without a clock") {
        mount_tmpfs("/proc".as_ref(), "size=4k");
    }
    match role.as_str() {
        "sweep" => {
            let store = Store::open(&StoreOptions::at(path).unswept()).unwrap();
            assert_whole_ttl(&store);
            assert_whole_ttl(&store);
        }
        "make" | "make without a clock" => {
            scene(&Store::open(&StoreOptions::at(path)).unwrap());
        }
        "open and close" => {
            let store = Store::open(&StoreOptions::at(path)).unwrap();
            SharedSceneBuffer::open(&store, &by_id(id.parse().unwrap())).unwrap();
        }
        "wait" => {
            let (store, id) = opened(&argument);
            let pool = BufferPool::open(&store, &by_id(id)).unwrap();
            pool.acquire_timeout(LONG).unwrap();
        }
        "move" => move_to_other_namespaces(path.as_ref()),
        "fork" => fork_into_another_namespace(path.as_ref()),
        "sweep without a clock" => {
            let store = Store::open(&StoreOptions::at(path)).unwrap();
            let verdict = verdict(&store);
            assert!(matches!(verdict, Some(KeptReason::ClockUnknown { .. })), "{verdict:?}");
            assert_eq!(store.list().unwrap().buffers[0].expires, None);
        }
        other => panic!("no role {other}"),
    }
    say("done");
    hear();
}

/// Programs that save and restore processes move them in this way, and so may a process itself.
fn move_to_other_namespaces(path: &Path) {
    let store = Store::open(&StoreOptions::at(path).unswept()).unwrap();
    // With one thread, as the kernel demands.
    let forked = in_fork(|| {
        for days in 0..3 {
            assert_whole_ttl(&store);
            // SAFETY: only what is seen of the clocks changes; no descriptor or memory does.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWTIME) }.unwrap();
            fs::write("/proc/self/timens_offsets", format!("boottime {} 0", days * DAY)).unwrap();
            let next = File::open("/proc/self/ns/time_for_children").unwrap();
            move_into_link_name_space(next.as_fd(), Some(LinkNameSpaceType::Time)).unwrap();
        }
        assert_whole_ttl(&store);
        0
    });
    assert_eq!(forked.code(), Some(0), "in the child");
}

/// The process itself stays where it is; its children are a day ahead.
fn fork_into_another_namespace(path: &Path) {
    let store = Store::open(&StoreOptions::at(path).unswept()).unwrap();
    assert_whole_ttl(&store);
    let unshare = || {
        // SAFETY: only what children see of the clocks changes; no descriptor or memory does.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWTIME) }.unwrap();
    };
    unshare();
    let thread = rustix::thread::gettid().as_raw_nonzero();
    fs::write(format!("/proc/{thread}/timens_offsets"), format!("boottime {DAY} 0")).unwrap();
    let in_child = |look: &dyn Fn()| {
        let forked = in_fork(|| {
            look();
            0
        });
        assert_eq!(forked.code(), Some(0), "in the child");
    };
    in_child(&|| assert_whole_ttl(&store));
    in_child(&|| {
        // The kernel shows the offsets of children alone, and these have their own from now on.
        unshare();
        let verdict = verdict(&store);
        assert!(matches!(verdict, Some(KeptReason::ClockUnknown { .. })), "{verdict:?}");
    });
    assert_whole_ttl(&store);
}

#[test]
fn what_is_made_outside_keeps_its_time_inside() {
    for offset in offsets() {
        let (_parent, store) = temp_store();
        let id = scene(&store);
        for role in ["sweep", "open and close"] {
            let mut peer = ahead(offset, role, &argument(&store, id));
            peer.expect("done");
            peer.end();
            assert_whole_ttl(&store);
        }
    }
}

#[test]
fn what_is_made_inside_keeps_its_time_outside() {
    for offset in offsets() {
        let (_parent, store) = temp_store();
        let mut peer = ahead(offset, "make", &argument(&store, Uuid::nil()));
        peer.expect("done");
        assert_whole_ttl(&store);
        let swept = fs::metadata(store.path().join(".lock")).unwrap().mtime();
        assert!((0..=uptime()).contains(&swept), "swept at {swept}");
        peer.end();
    }
}

#[test]
fn a_forked_child_in_another_time_namespace_has_its_own_offset() {
    let (_parent, store) = temp_store();
    scene(&store);
    let mut peer = unshared(&[], "fork", &argument(&store, Uuid::nil()));
    peer.expect("done");
    peer.end();
}

#[test]
fn a_process_that_is_moved_to_another_time_namespace_has_the_offset_of_that() {
    let (_parent, store) = temp_store();
    scene(&store);
    let mut peer = unshared(&[], "move", &argument(&store, Uuid::nil()));
    peer.expect("done");
    peer.end();
}

#[test]
fn a_waiter_for_a_slot_says_since_when_on_the_clock_that_all_share() {
    let (_parent, store) = temp_store();
    let pool = BufferPool::create(&store, 1, 10, &BufferOptions::default()).unwrap();
    let slot = pool.acquire().unwrap();
    let milliseconds = || {
        let now = clock_gettime(ClockId::Boottime);
        u32::try_from((now.tv_sec * 1000 + now.tv_nsec / 1_000_000) & 0xFFFF_FFFF).unwrap()
    };
    let before = milliseconds();
    let mut peer = ahead(DAY, "wait", &argument(&store, pool.id()));
    let since = until("it waits", || {
        let bytes = fs::read(path_of(&store, pool.id())).unwrap();
        let since = u32::from_le_bytes(bytes[100..104].try_into().unwrap());
        (bytes[96..104] != [0; 8]).then_some(since)
    });
    let took = milliseconds().wrapping_sub(before);
    assert!(
        since.wrapping_sub(before) <= took,
        "{since} is not within {took} ms of {before}"
    );
    drop(slot);
    peer.expect("done");
}

#[test]
fn where_the_clock_cannot_be_told_nothing_is_collected_and_no_time_cut_short() {
    for offset in offsets() {
        let boottime = format!("--boottime={offset}");
        let options = [&MOUNTS[..], &[TIME, &boottime, FORK, KILL]].concat();
        let (_parent, store) = temp_store();
        let argument = argument(&store, scene(&store));
        unshared(&options, "sweep without a clock", &argument).expect("done");
        assert_whole_ttl(&store);

        let (_parent, store) = temp_store();
        let argument = crate::common::argument(&store, Uuid::nil());
        unshared(&options, "make without a clock", &argument).expect("done");
        assert_eq!(verdict(&store), Some(KeptReason::HolderDied), "later, and not too soon");
        assert_whole_ttl(&store);
    }
}
