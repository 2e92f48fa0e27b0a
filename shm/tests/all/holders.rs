//! Who holds a buffer: it stays as long as somebody does, and as long afterwards as it was promised to, whoever
//! dies or forks.
#![allow(unsafe_code, reason = "alarm and pause have no safe form")]

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::common::{
    Peer, argument, by_id, child_role, hear, in_fork, opened, path_of, say, temp_store, until, used_after_sweeps,
};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, BufferState, Error, Layout, Reference, SceneWriter, SharedBuffer,
    SharedSceneBuffer, Store, StoreOptions,
};
use uuid::Uuid;

fn ttl(millis: u64) -> BufferOptions {
    BufferOptions::default().ttl(Duration::from_millis(millis))
}

/// Makes a sweep due: a time ahead of the clock, which counts from the boot, is of another boot.
fn forget_sweep(store: &Store) {
    let lock = File::open(store.path().join(".lock")).unwrap();
    lock.set_modified(SystemTime::now()).unwrap();
}

/// Why gc keeps a file, or nothing when it took it.
fn kept_by_gc(store: &Store, id: Uuid) -> Option<String> {
    let report = store.gc(false).unwrap();
    report
        .kept
        .into_iter()
        .find(|kept| kept.id == id)
        .map(|kept| kept.reason.to_string())
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (store, id) = opened(&argument);
    match role.as_str() {
        "hold" => {
            let buffer = SharedBuffer::open(&store, &by_id(id)).unwrap();
            say("open");
            hear();
            drop(buffer);
            say("closed");
            hear();
        }
        "draft" => {
            let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [5 << 20]))]).unwrap();
            let _writer = SceneWriter::new(&store, layout, BufferOptions::default()).unwrap();
            say("half made");
            hear();
        }
        "produce" => {
            let buffer = SharedBuffer::create(&store, 100, &BufferOptions::default()).unwrap();
            buffer.write(b"buffer").unwrap();
            say(&buffer.descriptor().unwrap().to_json());
            let scene = SharedSceneBuffer::write(&store, b"scene", &BufferOptions::default()).unwrap();
            say(&scene.descriptor().unwrap().to_json());
        }
        "delete" => {
            store.delete(&by_id(id)).unwrap();
        }
        fork => forks(fork, &store, id),
    }
}

#[test]
fn who_keeps_a_store_open_sweeps_it_too() {
    let (_parent, store) = temp_store();
    let expired = || SharedSceneBuffer::write(&store, b"x", &BufferOptions::default().ttl(Duration::from_nanos(1)));
    let is_there = |id| store.describe(&by_id(id)).is_ok();
    let first = expired().unwrap().id();
    let second = expired().unwrap().id();
    assert!(is_there(first), "a sweep is not due yet");
    forget_sweep(&store);
    // It looks once a second.
    let third = until("it is looked whether a sweep is due", || {
        let third = expired().unwrap().id();
        (!is_there(first)).then_some(third)
    });
    assert_eq!([second, third].map(is_there), [false, true]);
    // So does opening it, unless who opens it says otherwise.
    forget_sweep(&store);
    let unswept = Store::open(&StoreOptions::at(store.path()).unswept()).unwrap();
    SharedSceneBuffer::write(&unswept, b"x", &BufferOptions::default()).unwrap();
    assert!(is_there(third));
    Store::open(&StoreOptions::at(store.path())).unwrap();
    assert!(!is_there(third));
}

#[test]
fn a_name_of_what_expired_is_free() {
    let (_parent, store) = temp_store();
    let named = |millis| SharedSceneBuffer::write(&store, b"x", &ttl(millis).name("hero"));
    drop(named(60_000).unwrap());
    assert!(matches!(named(1), Err(Error::NameTaken { .. })), "it has not expired");
    store.delete(&Reference::Name("hero".to_owned())).unwrap();
    let first = named(1).unwrap();
    assert!(matches!(named(1), Err(Error::NameTaken { .. })), "somebody has it open");
    drop(first);
    until("the name is free", || named(1).ok());
}

#[test]
fn what_is_held_survives_every_gc_and_expires_after_the_last_holder() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 100, &ttl(1)).unwrap();
    let id = buffer.id();
    let mut peer = Peer::start("hold", &argument(&store, id));
    peer.expect("open");
    drop(buffer);
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(50) {
        assert_eq!(kept_by_gc(&store, id).as_deref(), Some("somebody has it open"));
    }
    assert!(store.describe(&by_id(id)).unwrap().expires.is_none());
    peer.tell("close");
    peer.expect("closed");
    until("it expires", || kept_by_gc(&store, id).is_none().then_some(()));
    assert!(!path_of(&store, id).exists());
    peer.end();
}

#[test]
fn a_zero_ttl_is_for_ever_and_a_long_one_is_not_cut_short() {
    let (_parent, store) = temp_store();
    let longest = Duration::from_nanos(u64::MAX);
    let forever = SharedBuffer::create(&store, 1, &ttl(0)).unwrap().id();
    let huge = SharedBuffer::create(&store, 1, &BufferOptions::default().ttl(longest))
        .unwrap()
        .id();
    let longer = BufferOptions::default().ttl(longest + Duration::from_nanos(1));
    let refused = SharedBuffer::create(&store, 1, &longer);
    assert!(
        matches!(refused, Err(Error::InvalidArgument { argument: "ttl", .. })),
        "{refused:?}"
    );
    let usual = SharedBuffer::create(&store, 1, &BufferOptions::default()).unwrap().id();
    for id in [forever, huge, usual] {
        assert!(kept_by_gc(&store, id).is_some());
        store.describe(&by_id(id)).unwrap();
    }
}

#[test]
fn a_killed_holder_starts_the_time_to_live_anew() {
    const TTL: Duration = Duration::from_millis(300);
    let (_parent, store) = temp_store();
    let id = SharedBuffer::create(&store, 100, &ttl(300)).unwrap().id();
    let mut peer = Peer::start("hold", &argument(&store, id));
    peer.expect("open");
    let opened = Instant::now();
    until("longer than the ttl is over", || {
        (opened.elapsed() > TTL * 2).then_some(())
    });
    peer.kill();
    let dry = store.gc(true).unwrap();
    assert_eq!((dry.removed.len(), dry.kept.len()), (0, 1));
    let killed = Instant::now();
    let reason = kept_by_gc(&store, id).expect("kept once more");
    assert!(reason.contains("its holder died"), "{reason}");
    until("it expires", || kept_by_gc(&store, id).is_none().then_some(()));
    assert!(killed.elapsed() >= TTL, "{:?}", killed.elapsed());
}

#[test]
fn a_killed_process_leaves_no_draft_behind_and_a_living_one_keeps_its_own() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("draft", &argument(&store, Uuid::nil()));
    peer.expect("half made");
    let report = store.gc(false).unwrap();
    assert_eq!((report.removed.len(), report.kept.len()), (0, 1));
    assert!(store.list().unwrap().buffers.is_empty(), "nobody sees half a scene");
    peer.kill();
    let report = store.gc(false).unwrap();
    assert_eq!(report.removed.len(), 1);
    assert!(report.freed_bytes > 1 << 20);
    assert_eq!(used_after_sweeps(&store, 0), 0);
}

#[test]
fn a_descriptor_is_enough_after_its_producer_ended() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("produce", &argument(&store, Uuid::nil()));
    let (buffer, scene) = (peer.hears(), peer.hears());
    peer.end();
    store.gc(false).unwrap();
    assert_eq!(
        SharedBuffer::from_descriptor(&buffer).unwrap().read().unwrap(),
        b"buffer"
    );
    assert_eq!(
        &SharedSceneBuffer::from_descriptor(&scene).unwrap().view().unwrap()[..],
        b"scene"
    );
}

#[test]
fn what_another_process_deletes_stays_with_who_has_it() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 100, &BufferOptions::default()).unwrap();
    buffer.write(b"buffer").unwrap();
    let scene = SharedSceneBuffer::write(&store, b"scene", &BufferOptions::default()).unwrap();
    let (buffer_view, scene_view) = (buffer.view().unwrap(), scene.view().unwrap());
    for id in [buffer.id(), scene.id()] {
        Peer::start("delete", &argument(&store, id)).end();
        assert!(matches!(store.describe(&by_id(id)), Err(Error::NotFound { .. })));
    }
    assert_eq!(
        (buffer_view.to_vec().unwrap(), &scene_view[..]),
        (b"buffer".to_vec(), &b"scene"[..])
    );
    drop(buffer_view);
    buffer.write(b"still").unwrap();
    assert_eq!(
        (buffer.read().unwrap(), scene.read().unwrap()),
        (b"still".to_vec(), b"scene".to_vec())
    );
    assert!(matches!(
        SharedBuffer::open(&store, &by_id(buffer.id())),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn opening_and_collecting_at_once_gives_the_data_or_not_found() {
    let (_parent, store) = temp_store();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    store.gc(false).unwrap();
                }
            });
        }
        let (mut found, mut gone) = (0, 0);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) || found == 0 || gone == 0 {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{found} found, {gone} gone"
            );
            let buffer =
                SharedBuffer::create(&store, 8, &BufferOptions::default().ttl(Duration::from_nanos(1))).unwrap();
            buffer.write(b"data").unwrap();
            let id = buffer.id();
            drop(buffer);
            match SharedBuffer::open(&store, &by_id(id)) {
                Ok(buffer) => {
                    assert_eq!(buffer.read().unwrap(), b"data");
                    assert!(path_of(&store, id).exists(), "held, so not collected");
                    found += 1;
                }
                Err(Error::NotFound { .. }) => gone += 1,
                Err(error) => panic!("{error}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Runs a role that forks and says what came of it.
#[track_caller]
fn expect_of_fork(role: &str, expected: &str) {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 100, &ttl(60_000)).unwrap();
    buffer.write(b"before").unwrap();
    let id = buffer.id();
    drop(buffer);
    let mut peer = Peer::start(role, &argument(&store, id));
    assert_eq!(peer.hears(), expected);
    peer.end();
}

fn wait(mut pipe: PipeReader) {
    pipe.read_to_end(&mut Vec::new()).unwrap();
}

fn both(pipe: (PipeReader, PipeWriter)) -> (PipeReader, Option<PipeWriter>) {
    (pipe.0, Some(pipe.1))
}

/// What happens in processes of their own, which fork.
#[expect(clippy::too_many_lines, reason = "one arm for each test below")]
fn forks(role: &str, store: &Store, id: Uuid) {
    let open = || SharedBuffer::open(store, &by_id(id)).unwrap();
    match role {
        "fork and wait" => {
            let buffer = open();
            let (mut ready, mut child_says) = pipe().unwrap();
            let child = in_fork(|| {
                // Its locks went before this: between fork and everything else.
                child_says.write_all(b"x").unwrap();
                // SAFETY: waits for a signal.
                unsafe { libc::pause() }
            });
            ready.read_exact(&mut [0]).unwrap();
            say(&child.0.to_string());
            hear();
            drop(buffer);
        }
        "fork without descriptors" => {
            let mut buffer = Some(open());
            let limit = libc::rlimit {
                rlim_cur: 64,
                rlim_max: 64,
            };
            // SAFETY: a valid limit, for this process alone.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
            let log = store.path().with_file_name("log");
            let mut descriptors: Vec<_> = std::iter::from_fn(|| File::create(&log).ok()).collect();
            let child = in_fork(|| {
                assert!(File::create(&log).is_err(), "no number became free");
                descriptors.pop();
                let mut file = File::create(&log).unwrap();
                buffer.take();
                file.write_all(b"the child's own").unwrap();
                0
            });
            let code = child.code();
            descriptors.clear();
            say(&format!("{code:?}, {}", fs::read_to_string(&log).unwrap()));
        }
        "drop in child" => {
            let mut buffer = Some(open());
            let code = in_fork(|| {
                drop(buffer.take());
                0
            });
            assert_eq!(code.code(), Some(0));
            say("dropped");
            hear();
            drop(buffer);
        }
        "use in child" => {
            let buffer = open();
            let scene = SharedSceneBuffer::write(store, b"scene", &BufferOptions::default()).unwrap();
            let view = scene.view().unwrap();
            let code = in_fork(|| {
                assert_eq!(buffer.read().unwrap(), b"before");
                buffer.write(b"of the child").unwrap();
                assert_eq!(buffer.view().unwrap().to_vec().unwrap(), b"of the child");
                let edit = buffer.edit(5).unwrap();
                edit.memory().copy_in(0, b"child").unwrap();
                edit.finish().unwrap();
                assert_eq!(&view[..], b"scene");
                assert_eq!(scene.read().unwrap(), b"scene");
                assert_eq!(&scene.view().unwrap()[..], b"scene");
                0
            });
            assert_eq!(code.code(), Some(0));
            assert_eq!(buffer.read().unwrap(), b"child");
            let other = in_fork(|| i32::from(buffer.write(b"again").is_err()));
            assert_eq!(other.code(), Some(0));
            say(&String::from_utf8(buffer.read().unwrap()).unwrap());
        }
        "reopened in child" => {
            let mut buffer = Some(open());
            let (go, mut parent) = both(pipe().unwrap());
            let child = in_fork(|| {
                drop(parent.take());
                wait(go.try_clone().unwrap());
                assert_eq!(buffer.as_ref().unwrap().read().unwrap(), b"before");
                i32::from(store.describe(&by_id(id)).unwrap().expires.is_some())
            });
            drop(buffer.take());
            assert!(store.describe(&by_id(id)).unwrap().expires.is_some());
            drop(parent.take());
            say(match child.code() {
                Some(0) => "held",
                _ => "a holder, but its time to live is running",
            });
        }
        "edit in child" => {
            let buffer = open();
            let mut edit = Some(buffer.edit(6).unwrap());
            edit.as_ref().unwrap().memory().copy_in(0, b"hal").unwrap();
            let child = in_fork(|| i32::from(edit.take().unwrap().finish().is_ok()));
            let finished = child.code();
            say(&format!(
                "finished {finished:?}, sequence {}",
                buffer.sequence().unwrap() % 2
            ));
            drop(edit);
        }
        "write a scene in child" => {
            let layout = || Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [9000]))]).unwrap();
            let (mut published, mut errors) = (0, 0);
            for compress in [false, true] {
                let options = BufferOptions::default().compress(compress);
                let mut writer = Some(SceneWriter::new(store, layout(), options).unwrap());
                writer.as_ref().unwrap().memory().copy_in(0, &[7; 9000]).unwrap();
                let child = in_fork(|| i32::from(writer.take().unwrap().finish().is_ok()));
                errors += i32::from(child.code() == Some(0));
                published += store.list().unwrap().buffers.len() - 1 - published;
                drop(writer);
            }
            say(&format!("{errors} errors, {published} published"));
        }
        "read a slot in child" => {
            let pool = BufferPool::create(store, 1, 64, &BufferOptions::default()).unwrap();
            let mut mine = Some(pool.acquire().unwrap());
            mine.as_ref().unwrap().write(b"mine").unwrap();
            let json = mine.as_ref().unwrap().descriptor().unwrap().to_json();
            let mut reader = Some(SharedBuffer::from_descriptor(&json).unwrap());
            let (go, mut parent) = both(pipe().unwrap());
            let (mut ready, mut child_says) = both(pipe().unwrap());
            let child = in_fork(|| {
                drop(parent.take());
                child_says.take().unwrap().write_all(b"x").unwrap();
                wait(go.try_clone().unwrap());
                let strange = |buffer: &Option<SharedBuffer>| {
                    i32::from(buffer.as_ref().unwrap().read().is_ok_and(|data| data == b"of another"))
                };
                strange(&mine) + 2 * strange(&reader)
            });
            drop(child_says.take());
            ready.read_exact(&mut [0]).unwrap();
            drop((mine.take(), reader.take()));
            let other = pool.acquire().unwrap();
            other.write(b"of another").unwrap();
            drop(parent.take());
            say(&format!("{:?}", child.code()));
        }
        "fork beside threads" => {
            let pool = BufferPool::create(store, 64, 64, &BufferOptions::default()).unwrap();
            let stop = AtomicBool::new(false);
            let hung = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        pool.available().unwrap();
                    }
                });
                let hung = (0..40).find(|_| {
                    let child = in_fork(|| {
                        // SAFETY: takes a number; its signal ends the process.
                        unsafe { libc::alarm(8) };
                        // Any answer will do.
                        let _ = pool.available();
                        0
                    });
                    child.code() != Some(0)
                });
                stop.store(true, Ordering::Relaxed);
                hung
            });
            say(if hung.is_some() { "hangs" } else { "answers" });
        }
        "watch an empty scene in child" => {
            let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [10]))]).unwrap();
            let scene = SharedSceneBuffer::create_empty(store, &layout, &BufferOptions::default()).unwrap();
            let (go, mut parent) = both(pipe().unwrap());
            let (mut ready, mut child_says) = both(pipe().unwrap());
            let child = in_fork(|| {
                drop(parent.take());
                let state = scene.state().unwrap();
                child_says.take().unwrap().write_all(b"x").unwrap();
                wait(go.try_clone().unwrap());
                i32::from(state != BufferState::Empty)
            });
            drop(child_says.take());
            ready.read_exact(&mut [0]).unwrap();
            let finished = SceneWriter::fill(store, &by_id(scene.id())).unwrap().finish().map(drop);
            drop(parent.take());
            assert_eq!(child.code(), Some(0));
            say(&format!("{finished:?}"));
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn a_forked_child_does_not_keep_the_lock_of_its_dead_parent() {
    let (_parent, store) = temp_store();
    let id = SharedBuffer::create(&store, 100, &ttl(60_000)).unwrap().id();
    let mut peer = Peer::start("fork and wait", &argument(&store, id));
    let grandchild: i32 = peer.hears().parse().unwrap();
    assert_eq!(kept_by_gc(&store, id).as_deref(), Some("somebody has it open"));
    peer.kill();
    let reason = kept_by_gc(&store, id).unwrap();
    // SAFETY: the process that the killed one forked; it waits for this.
    let killed = unsafe { libc::kill(grandchild, libc::SIGKILL) };
    assert_eq!(killed, 0, "it lives until here");
    assert!(reason.contains("its holder died"), "{reason}");
}

#[test]
fn a_forked_child_that_drops_a_handle_frees_nothing_of_its_parents() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 100, &ttl(1)).unwrap();
    let id = buffer.id();
    let mut peer = Peer::start("drop in child", &argument(&store, id));
    peer.expect("dropped");
    drop(buffer);
    assert!(
        store.describe(&by_id(id)).unwrap().expires.is_none(),
        "its times say that it is held"
    );
    assert_eq!(kept_by_gc(&store, id).as_deref(), Some("somebody has it open"));
    peer.end();
}

#[test]
fn a_process_forked_when_no_descriptor_is_left_keeps_its_own_files() {
    expect_of_fork("fork without descriptors", "Some(0), the child's own");
}

#[test]
fn a_forked_child_can_use_what_it_inherited() {
    expect_of_fork("use in child", "again");
}

#[test]
fn a_forked_child_that_opened_its_handle_anew_counts_as_a_holder() {
    expect_of_fork("reopened in child", "held");
}

#[test]
fn a_forked_child_cannot_finish_the_edit_of_its_parent() {
    expect_of_fork("edit in child", "finished Some(0), sequence 1");
}

#[test]
fn a_forked_child_cannot_publish_the_scene_of_its_parent() {
    expect_of_fork("write a scene in child", "2 errors, 0 published");
}

#[test]
fn a_forked_child_reads_no_data_of_a_slots_next_holder() {
    expect_of_fork("read a slot in child", "Some(0)");
}

#[test]
fn a_child_forked_beside_other_threads_of_a_pool_does_not_hang() {
    expect_of_fork("fork beside threads", "answers");
}

#[test]
fn a_forked_child_that_looks_at_an_empty_scene_does_not_keep_it_from_being_sealed() {
    expect_of_fork("watch an empty scene in child", "Ok(())");
}
