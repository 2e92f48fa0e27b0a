//! Stamps: a descriptor that is said to be unchanged is what a new look would give, whatever was done to the scene.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::common::temp_store;
use dcc_mcp_shm::{ArraySpec, BufferOptions, BufferPool, Layout, Reference, SharedBuffer, SharedSceneBuffer, Store};
use uuid::Uuid;

fn hero() -> BufferOptions {
    BufferOptions::default().name("hero")
}

fn path_of(store: &Store, id: Uuid) -> PathBuf {
    store.path().join(format!("{id}.shm"))
}

fn link_of(store: &Store) -> PathBuf {
    let mut names = fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path());
    names.find(|path| path.extension() == Some("name".as_ref())).unwrap()
}

/// Does something to the scene `hero` that its descriptor shows, or that makes it another file.
fn changes_after(change: impl FnOnce(&Store, Uuid)) {
    let (_parent, store) = temp_store();
    let id = SharedSceneBuffer::write(&store, b"vertices", &hero()).unwrap().id();
    let (descriptor, stamp) = store.describe_stamped(&id.into()).unwrap();
    let stamp = stamp.unwrap();
    assert_eq!(store.describe(&id.into()).unwrap(), descriptor);
    assert!(store.is_unchanged(&stamp) && store.is_unchanged(&stamp.clone()));
    change(&store, id);
    assert!(!store.is_unchanged(&stamp));
}

#[test]
fn nothing_is_changed_by_looking() {
    let (_parent, store) = temp_store();
    let id = SharedSceneBuffer::write(&store, b"vertices", &hero()).unwrap().id();
    let (_, stamp) = store.describe_stamped(&Reference::Name("hero".into())).unwrap();
    let reader = store.reader(&id.into()).unwrap();
    reader.read_at(0, &mut [0; 8]).unwrap();
    store.list().unwrap();
    store.gc(false).unwrap();
    SharedSceneBuffer::write(&store, b"other", &BufferOptions::default()).unwrap();
    assert!(store.is_unchanged(&stamp.unwrap()));
}

#[test]
fn what_is_not_sealed_has_no_stamp() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 100, &BufferOptions::default()).unwrap();
    let layout = Layout::new([("position", ArraySpec::new("<f4".parse().unwrap(), [8, 3]))]).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
    let pool = BufferPool::create(&store, 1, 100, &BufferOptions::default()).unwrap();
    let slot = pool.acquire().unwrap();
    for id in [buffer.id(), empty.id(), pool.id(), slot.id()] {
        assert!(store.describe_stamped(&id.into()).unwrap().1.is_none());
    }
}

#[test]
fn opening_and_closing_change_when_it_expires() {
    changes_after(|store, id| {
        let scene = SharedSceneBuffer::open(store, &id.into()).unwrap();
        let (held, stamp) = store.describe_stamped(&id.into()).unwrap();
        assert_eq!(held.expires, None);
        drop(scene);
        assert!(!store.is_unchanged(&stamp.unwrap()));
    });
}

#[test]
fn a_scene_that_was_deleted_is_gone() {
    changes_after(|store, id| drop(store.delete(&id.into()).unwrap()));
    changes_after(|store, id| fs::remove_file(path_of(store, id)).unwrap());
    changes_after(|store, id| fs::rename(path_of(store, id), store.path().join("elsewhere")).unwrap());
}

#[test]
fn a_name_that_went_over_is_no_longer_its_own() {
    changes_after(|store, id| {
        let successor = SharedSceneBuffer::write(store, b"new", &hero().replace(true)).unwrap();
        assert!(successor.id() != id);
    });
    changes_after(|store, _| fs::remove_file(link_of(store)).unwrap());
    changes_after(|store, id| {
        let link = link_of(store);
        fs::remove_file(&link).unwrap();
        let (nameless, stamp) = store.describe_stamped(&id.into()).unwrap();
        assert_eq!(nameless.name, None);
        // What it lost it may get back.
        std::os::unix::fs::symlink(id.to_string(), &link).unwrap();
        assert!(!store.is_unchanged(&stamp.unwrap()));
        std::os::unix::fs::symlink(Uuid::nil().to_string(), store.path().join("new")).unwrap();
        fs::rename(store.path().join("new"), link).unwrap();
    });
}

#[test]
fn a_time_to_live_that_was_changed_is_another() {
    changes_after(|store, id| {
        store.set_ttl(&id.into(), Duration::ZERO).unwrap();
    });
    // While it is held nothing about its file changes.
    for ttl in [Duration::ZERO, Duration::from_secs(60)] {
        let (_parent, store) = temp_store();
        let scene = SharedSceneBuffer::write(&store, b"vertices", &hero()).unwrap();
        let described = || store.describe_stamped(&scene.id().into()).unwrap();
        let (made, stamp) = described();
        scene.set_ttl(ttl).unwrap();
        assert!(!store.is_unchanged(&stamp.unwrap()));
        let (kept, stamp) = described();
        let stamp = stamp.unwrap();
        assert!(store.is_unchanged(&stamp) && kept != made);
        scene.set_ttl(Duration::from_secs(900)).unwrap();
        assert!(!store.is_unchanged(&stamp));
        assert_eq!(described().0, made);
    }
}

#[test]
fn a_file_put_in_its_place_is_another() {
    changes_after(|store, id| {
        let (path, copy) = (path_of(store, id), store.path().join("copy"));
        let times = fs::metadata(&path).unwrap();
        fs::copy(&path, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o600)).unwrap();
        let file = File::options().write(true).open(&copy).unwrap();
        let times = FileTimes::new()
            .set_accessed(times.accessed().unwrap())
            .set_modified(times.modified().unwrap());
        file.set_times(times).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o400)).unwrap();
        fs::rename(copy, path).unwrap();
        store.describe(&id.into()).unwrap();
    });
}

#[test]
fn a_file_that_was_meddled_with_is_looked_at_again() {
    let mode = |store: &Store, id, mode| {
        fs::set_permissions(path_of(store, id), Permissions::from_mode(mode)).unwrap();
    };
    changes_after(|store, id| mode(store, id, 0o600));
    changes_after(|store, id| {
        mode(store, id, 0o600);
        mode(store, id, 0o400);
    });
    changes_after(|store, id| {
        let file = File::open(path_of(store, id)).unwrap();
        let earlier = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let times = FileTimes::new().set_accessed(earlier).set_modified(earlier);
        file.set_times(times).unwrap();
    });
}
