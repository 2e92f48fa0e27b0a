//! What a watch of a store tells, and what it says when it can tell no more.

use std::fs;
use std::time::Duration;

use crate::common::{Peer, by_id, child_role, temp_store};
use dcc_mcp_shm::{ArraySpec, BufferOptions, Layout, SceneWriter, SharedSceneBuffer, Store, StoreEvent, StoreOptions};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn layout() -> Layout {
    Layout::new([("position", ArraySpec::new("f4".parse().unwrap(), [2, 3]))]).unwrap()
}

#[test]
fn a_publication_of_another_process_wakes_whoever_waits() {
    let (_parent, store) = temp_store();
    let watch = store.watch().unwrap();
    assert_eq!(watch.events().unwrap(), []);
    let mut peer = Peer::start("publish", store.path().to_str().unwrap());
    let limit = Timespec::try_from(Duration::from_secs(20)).unwrap();
    let ready = poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&limit)).unwrap();
    assert_eq!(ready, 1);
    let id = peer.hears().parse().unwrap();
    let events = watch.events().unwrap();
    assert_eq!(events.first(), Some(&StoreEvent::Changed(id)), "nothing of its draft");
    peer.end();
    store.delete(&by_id(id)).unwrap();
    assert_eq!(watch.events().unwrap().last(), Some(&StoreEvent::Removed(id)));
}

#[test]
fn filling_and_closing_are_told() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::create_empty(&store, &layout(), &BufferOptions::default()).unwrap();
    let id = scene.id();
    let watch = store.watch().unwrap();
    let filled = SceneWriter::fill(&store, &by_id(id)).unwrap().finish().unwrap();
    assert_eq!(watch.events().unwrap(), [StoreEvent::Changed(id)]);
    drop(scene);
    drop(filled);
    assert_eq!(
        watch.events().unwrap(),
        [StoreEvent::Changed(id)],
        "its time to live runs"
    );
}

#[test]
fn looking_tells_nothing() {
    let (_parent, store) = temp_store();
    let id = SharedSceneBuffer::write(&store, b"data", &BufferOptions::default())
        .unwrap()
        .id();
    let watch = store.watch().unwrap();
    store.list().unwrap();
    store.describe(&by_id(id)).unwrap();
    store.reader(&by_id(id)).unwrap().read_at(0, &mut [0; 4]).unwrap();
    assert_eq!(watch.events().unwrap(), []);
}

#[test]
fn more_than_the_kernel_keeps_is_said_to_be_lost() {
    let (_parent, store) = temp_store();
    let watch = store.watch().unwrap();
    crate::common::more_events_than_are_kept(&store);
    assert_eq!(watch.events().unwrap(), [StoreEvent::Lost]);
}

#[test]
fn a_directory_that_goes_is_told() {
    for remove in [false, true] {
        let (parent, store) = temp_store();
        let watch = store.watch().unwrap();
        if remove {
            fs::remove_dir_all(store.path()).unwrap();
        } else {
            fs::rename(store.path(), parent.path().join("elsewhere")).unwrap();
        }
        let events = watch.events().unwrap();
        assert_eq!(events.last(), Some(&StoreEvent::Gone), "removed: {remove}");
        assert!(!store.is_current());
    }
}

#[test]
#[ignore = "the other process of a test above"]
fn child() {
    let (role, path) = child_role();
    assert_eq!(role, "publish");
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    let scene = SharedSceneBuffer::write(&store, b"data", &BufferOptions::default()).unwrap();
    crate::common::say(&scene.id().to_string());
    crate::common::hear();
}
