//! A sealed scene never changes: whoever could still write to it keeps it from being sealed, and what is written
//! afterwards reaches nobody.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{Peer, by_id, child_role, hear, say, temp_store, until, used_after_sweeps};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferState, Error, Layout, SceneWriter, SharedBuffer, SharedSceneBuffer, Store,
    StoreOptions,
};
use memmap2::MmapRaw;

/// Longer than the 2 s that a seal waits, with room for a busy machine.
const BOUND: Duration = Duration::from_secs(12);

fn layout(len: u64) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [len]))]).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    match role.as_str() {
        "descriptor" => {
            let file = OpenOptions::new().read(true).write(true).open(argument).unwrap();
            say("can write");
            hear();
            drop(file);
            say("closed");
        }
        "mapping" => {
            let file = OpenOptions::new().read(true).write(true).open(argument).unwrap();
            let mapping = MmapRaw::map_raw(&file).unwrap();
            drop(file);
            say("can write");
            hear();
            drop(mapping);
            say("closed");
        }
        "fill" => {
            let (path, id) = argument.split_once(' ').unwrap();
            let store = Store::open(&StoreOptions::at(path)).unwrap();
            let writer = SceneWriter::fill(&store, &by_id(id.parse().unwrap())).unwrap();
            writer.memory().copy_in(0, b"half").unwrap();
            say("filling");
            if hear() == "finish" {
                writer.finish().unwrap();
                say("finished");
            }
        }
        other => panic!("no role {other}"),
    }
}

fn the_draft(store: &Store) -> PathBuf {
    let mut drafts = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".draft"));
    let draft = drafts.next().unwrap();
    assert!(drafts.next().is_none());
    draft
}

#[test]
fn a_sealed_scene_cannot_be_opened_for_writing() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::write(&store, b"data", &BufferOptions::default()).unwrap();
    assert_eq!(fs::metadata(scene.path()).unwrap().permissions().mode() & 0o7777, 0o400);
    let reference = by_id(scene.id());
    let opened = SharedBuffer::open(&store, &reference);
    assert!(matches!(opened, Err(Error::WrongRole { .. })), "{opened:?}");
    let filled = SceneWriter::fill(&store, &reference);
    assert!(matches!(filled, Err(Error::Sealed { .. })), "{filled:?}");
    if !rustix::process::geteuid().is_root() {
        assert!(OpenOptions::new().write(true).open(scene.path()).is_err());
    }
    assert_eq!(scene.read().unwrap(), b"data");
}

#[test]
fn a_writer_elsewhere_keeps_a_new_scene_from_being_published() {
    for role in ["descriptor", "mapping"] {
        let (_parent, store) = temp_store();
        let writer = SceneWriter::new(&store, layout(5 << 20), BufferOptions::default().name("x")).unwrap();
        let mut peer = Peer::start(role, &the_draft(&store).display().to_string());
        peer.expect("can write");
        let started = Instant::now();
        let finished = writer.finish();
        assert!(
            matches!(finished, Err(Error::StillWritable { .. })),
            "{role}: {finished:?}"
        );
        assert!(started.elapsed() < BOUND, "{role}: {:?}", started.elapsed());
        let listing = store.list().unwrap();
        assert!(listing.buffers.is_empty() && listing.damaged.is_empty(), "{role}");
        assert_eq!(store.used_bytes().unwrap(), 0, "{role}: the memory is given back");
        SharedBuffer::create(&store, 1, &BufferOptions::default().name("x")).unwrap();
        peer.tell("close");
        peer.expect("closed");
    }
}

#[test]
fn a_writer_elsewhere_keeps_an_empty_scene_empty_until_it_goes() {
    for role in ["descriptor", "mapping"] {
        let (_parent, store) = temp_store();
        let scene = SharedSceneBuffer::create_empty(&store, &layout(10_000), &BufferOptions::default()).unwrap();
        let mut peer = Peer::start(role, &scene.path().display().to_string());
        peer.expect("can write");
        let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
        writer.memory().copy_in(0, &[1; 10_000]).unwrap();
        let started = Instant::now();
        let finished = writer.finish();
        assert!(
            matches!(finished, Err(Error::StillWritable { .. })),
            "{role}: {finished:?}"
        );
        assert!(started.elapsed() < BOUND, "{role}: {:?}", started.elapsed());
        assert_eq!(scene.state().unwrap(), BufferState::Empty);
        let read = scene.read();
        assert!(matches!(read, Err(Error::NotSealed { .. })), "{role}: {read:?}");
        peer.tell("close");
        peer.expect("closed");
        let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
        writer.memory().copy_in(0, &[2; 10_000]).unwrap();
        assert_eq!(writer.finish().unwrap().id(), scene.id());
        assert_eq!(scene.read().unwrap(), [2; 10_000], "{role}");
    }
}

#[test]
fn a_scene_that_is_being_sealed_is_not_said_to_be_empty() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::create_empty(&store, &layout(100), &BufferOptions::default()).unwrap();
    let mut peer = Peer::start("descriptor", &scene.path().display().to_string());
    peer.expect("can write");
    let is_being_sealed = || fs::metadata(scene.path()).unwrap().permissions().mode() & 0o777 == 0o500;
    // The seal waits 2 s, in which this thread may not run.
    let state = until("it is seen while it is sealed", || {
        let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
        std::thread::scope(|scope| {
            let sealing = scope.spawn(|| writer.finish());
            let mut seen = None;
            while !sealing.is_finished() {
                if is_being_sealed() {
                    let state = scene.state().unwrap();
                    seen = is_being_sealed().then_some(state).or(seen);
                }
                std::thread::yield_now();
            }
            let finished = sealing.join().unwrap();
            assert!(matches!(finished, Err(Error::StillWritable { .. })), "{finished:?}");
            seen
        })
    });
    assert_eq!(state, BufferState::Filling);
    assert_eq!(scene.state().unwrap(), BufferState::Empty);
    peer.tell("close");
    peer.expect("closed");
}

#[test]
fn a_writer_that_goes_while_the_seal_waits_does_not_matter() {
    let (_parent, store) = temp_store();
    // A seal waits 2 s, which a busy machine may take for anything: then it is tried again.
    until("one goes in time", || {
        let writer = SceneWriter::new(&store, layout(5 << 20), BufferOptions::default()).unwrap();
        let draft = the_draft(&store);
        let mut peer = Peer::start("descriptor", &draft.display().to_string());
        peer.expect("can write");
        let finished = std::thread::scope(|scope| {
            let finishing = scope.spawn(|| writer.finish());
            let is_waiting = || fs::metadata(&draft).is_ok_and(|file| file.permissions().mode() & 0o7777 == 0o500);
            until("the seal waits", || {
                (is_waiting() || finishing.is_finished()).then_some(())
            });
            peer.tell("close");
            peer.expect("closed");
            finishing.join().unwrap()
        });
        assert!(
            matches!(finished, Ok(_) | Err(Error::StillWritable { .. })),
            "{finished:?}"
        );
        finished.ok()
    });
}

#[test]
fn memory_kept_after_the_end_writes_to_nobody() {
    for len in [100u64, 5 << 20] {
        let (_parent, store) = temp_store();
        let size = usize::try_from(len).unwrap();
        let writer = SceneWriter::new(&store, layout(len), BufferOptions::default()).unwrap();
        let kept = writer.memory().clone();
        kept.copy_in(0, &vec![5; size]).unwrap();
        let stop = AtomicBool::new(false);
        let scene = std::thread::scope(|scope| {
            let (started, begin) = std::sync::mpsc::channel();
            for _ in 0..2 {
                let (kept, stop, started) = (kept.clone(), &stop, started.clone());
                scope.spawn(move || {
                    started.send(()).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        kept.copy_in(size / 2, &[9; 8]).unwrap();
                        kept.copy_in(0, &[9; 8]).unwrap();
                    }
                });
            }
            begin.recv().unwrap();
            begin.recv().unwrap();
            let scene = writer.finish().unwrap();
            let sealed = fs::read(scene.path()).unwrap();
            for _ in 0..50 {
                assert!(fs::read(scene.path()).unwrap() == sealed, "a sealed file changed");
            }
            stop.store(true, Ordering::Relaxed);
            scene
        });
        assert!(!kept.is_open());
        let before = scene.read().unwrap();
        kept.copy_in(0, &vec![0xee; size]).unwrap();
        assert!(scene.read().unwrap() == before && scene.view().unwrap()[..] == before);
        drop(scene);
        kept.copy_in(0, &vec![0xdd; size]).unwrap();
    }
}

#[test]
fn memory_kept_after_an_edit_writes_to_nobody() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 5 << 20, &BufferOptions::default()).unwrap();
    let edit = buffer.edit(5 << 20).unwrap();
    let kept = edit.memory().clone();
    kept.copy_in(0, &vec![1; 5 << 20]).unwrap();
    edit.finish().unwrap();
    kept.copy_in(0, &vec![2; 5 << 20]).unwrap();
    assert!(buffer.read().unwrap() == vec![1; 5 << 20]);
    buffer.unlink().unwrap();
    drop(buffer);
    kept.copy_in(0, &vec![3; 5 << 20]).unwrap();
}

#[test]
fn a_writer_that_is_dropped_frees_its_memory_and_publishes_nothing() {
    let (_parent, store) = temp_store();
    let writer = SceneWriter::new(&store, layout(5 << 20), BufferOptions::default().name("x")).unwrap();
    let kept = writer.memory().clone();
    assert!(store.used_bytes().unwrap() > 5 << 20);
    drop(writer);
    assert_eq!(used_after_sweeps(&store, 0), 0);
    assert!(store.list().unwrap().buffers.is_empty());
    kept.copy_in(0, &vec![1; 5 << 20]).unwrap();
    assert!(!kept.is_open());
}

#[test]
fn a_filler_that_dies_leaves_the_scene_empty_and_another_one_can_fill_it() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::create_empty(&store, &layout(4), &BufferOptions::default()).unwrap();
    let argument = format!("{} {}", store.path().display(), scene.id());
    assert_eq!(scene.state().unwrap(), BufferState::Empty);
    let mut peer = Peer::start("fill", &argument);
    peer.expect("filling");
    assert_eq!(scene.state().unwrap(), BufferState::Filling);
    assert_eq!(store.list().unwrap().buffers[0].state, BufferState::Filling);
    assert!(matches!(scene.read(), Err(Error::NotSealed { state: "filling", .. })));
    let second = SceneWriter::fill(&store, &by_id(scene.id()));
    assert!(matches!(second, Err(Error::Busy { .. })), "{second:?}");
    peer.kill();
    assert_eq!(scene.state().unwrap(), BufferState::Empty);
    assert!(matches!(scene.read(), Err(Error::NotSealed { state: "empty", .. })));

    let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
    let second = SceneWriter::fill(&store, &by_id(scene.id()));
    assert!(
        matches!(second, Err(Error::Busy { .. })),
        "in the same process: {second:?}"
    );
    drop(writer);
    assert_eq!(scene.state().unwrap(), BufferState::Empty);

    let mut peer = Peer::start("fill", &argument);
    peer.expect("filling");
    peer.tell("finish");
    peer.expect("finished");
    assert_eq!(
        (scene.state().unwrap(), scene.read().unwrap()),
        (BufferState::Sealed, b"half".to_vec())
    );
    let again = SceneWriter::fill(&store, &by_id(scene.id()));
    assert!(matches!(again, Err(Error::Sealed { .. })), "{again:?}");
}

#[test]
fn fillers_that_race_give_one_scene_that_never_changes() {
    let (_parent, store) = temp_store();
    crate::common::race_of_fillers(&store);
}

#[test]
fn an_empty_payload_is_fine_everywhere() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::default();
    let scenes = [
        SharedSceneBuffer::write(&store, b"", &options).unwrap(),
        SceneWriter::new(&store, Layout::default(), options.clone())
            .unwrap()
            .finish()
            .unwrap(),
        SceneWriter::new(&store, layout(0), options.clone().compress(true))
            .unwrap()
            .finish()
            .unwrap(),
        {
            let empty = SharedSceneBuffer::create_empty(&store, &layout(0), &options).unwrap();
            SceneWriter::fill(&store, &by_id(empty.id())).unwrap().finish().unwrap()
        },
    ];
    for scene in scenes {
        assert_eq!((scene.read().unwrap(), scene.view().unwrap().len()), (vec![], 0));
    }
}

#[test]
fn an_empty_scene_cannot_be_compressed_and_lists_as_empty() {
    let (_parent, store) = temp_store();
    let compressed = SharedSceneBuffer::create_empty(&store, &layout(4), &BufferOptions::default().compress(true));
    assert!(
        matches!(compressed, Err(Error::InvalidArgument { .. })),
        "{compressed:?}"
    );
    let id = SharedSceneBuffer::create_empty(&store, &layout(4), &BufferOptions::default())
        .unwrap()
        .id();
    until("it lists", || {
        (store.list().unwrap().buffers[0].state == BufferState::Empty).then_some(())
    });
    store.delete(&by_id(id)).unwrap();
}
