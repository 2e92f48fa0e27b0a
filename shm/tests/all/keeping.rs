//! A time to live that is changed after its buffer was made: it holds for everybody, whatever the buffer is, and nothing of it is
//! left when the buffer is gone.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::namespace::{MOUNTS, mount_tmpfs, unshared};
use crate::common::{Peer, argument, by_id, child_role, hear, in_fork, opened, path_of, say, temp_store, until};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, KeptReason, Layout, Reference, SceneWriter, SharedBuffer,
    SharedSceneBuffer, Store, StoreChange, StoreEvent, StoreIndex, StoreOptions,
};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3600);
const UNTIL_DELETED: Duration = Duration::ZERO;

/// Expired as soon as nobody has it open.
fn brief() -> BufferOptions {
    BufferOptions::default().ttl(Duration::from_nanos(1))
}

fn scene(store: &Store, options: &BufferOptions) -> Uuid {
    SharedSceneBuffer::write(store, b"vertices", options).unwrap().id()
}

fn layout() -> Layout {
    Layout::new([("position", ArraySpec::new("f4".parse().unwrap(), [2, 3]))]).unwrap()
}

/// One of each kind that has a time to live, none of which anybody has open.
fn one_of_each(store: &Store) -> [Uuid; 4] {
    let options = BufferOptions::default().compress(true).ttl(Duration::from_nanos(1));
    [
        scene(store, &brief()),
        SharedSceneBuffer::write(store, &[0; 9000], &options).unwrap().id(),
        SharedBuffer::create(store, 10, &brief()).unwrap().id(),
        SharedSceneBuffer::create_empty(store, &layout(), &brief())
            .unwrap()
            .id(),
    ]
}

fn link_of(store: &Store, id: Uuid) -> PathBuf {
    store.path().join(format!("{id}.ttl"))
}

/// What in the store's directory is about times to live.
fn links(store: &Store) -> Vec<String> {
    let names = fs::read_dir(store.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".ttl")).collect()
}

fn ttl_of(store: &Store, id: Uuid) -> Duration {
    Duration::from_secs_f64(store.describe(&by_id(id)).unwrap().ttl_seconds)
}

/// Why a sweep leaves it, or nothing when it is gone.
fn swept(store: &Store, id: Uuid) -> Option<KeptReason> {
    let report = store.gc(false).unwrap();
    let reason = report
        .kept
        .into_iter()
        .find(|kept| kept.id == id)
        .map(|kept| kept.reason);
    assert_eq!(reason.is_some(), path_of(store, id).exists());
    reason
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    if role == "on a file system that is read-only" {
        return on_a_read_only_file_system(Path::new(&argument));
    }
    let (store, id) = opened(&argument);
    match role.as_str() {
        "keep" => {
            store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
            say("kept");
        }
        "hold" => {
            let held = SharedSceneBuffer::open(&store, &by_id(id)).unwrap();
            say("open");
            hear();
            drop(held);
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn what_is_kept_survives_a_sweep_after_its_old_time_and_what_is_not_goes() {
    let (_parent, store) = temp_store();
    let (kept, hour, others) = (one_of_each(&store), one_of_each(&store), one_of_each(&store));
    for id in kept {
        assert_eq!(store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap(), id);
    }
    for id in hour {
        store.set_ttl(&by_id(id), HOUR).unwrap();
    }
    store.gc(false).unwrap();
    for id in kept {
        assert_eq!(swept(&store, id), Some(KeptReason::UntilDeleted));
        assert_eq!(store.describe(&by_id(id)).unwrap().expires, None);
        assert_eq!(ttl_of(&store, id), UNTIL_DELETED);
    }
    for id in hour {
        let left = match swept(&store, id) {
            Some(KeptReason::Unexpired { left }) => left,
            other => panic!("{other:?}"),
        };
        assert!(left <= HOUR && left > HOUR / 2, "from when it was kept: {left:?}");
        assert!(store.describe(&by_id(id)).unwrap().expires.is_some());
        assert_eq!(ttl_of(&store, id), HOUR);
    }
    for id in others {
        assert_eq!(swept(&store, id), None);
    }
    assert_eq!(
        SharedSceneBuffer::open(&store, &by_id(kept[0]))
            .unwrap()
            .read()
            .unwrap(),
        b"vertices"
    );
}

#[test]
fn a_time_that_is_taken_back_counts_no_more() {
    let (_parent, store) = temp_store();
    let ids = one_of_each(&store);
    for id in ids {
        store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
        store.set_ttl(&by_id(id), HOUR).unwrap();
        store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
    }
    for (done, id) in ids.into_iter().enumerate() {
        assert_eq!(swept(&store, id), Some(KeptReason::UntilDeleted));
        // As it was made.
        store.set_ttl(&by_id(id), Duration::from_nanos(1)).unwrap();
        assert_eq!(links(&store).len(), ids.len() - 1 - done);
        assert_eq!(swept(&store, id), None);
    }
    let forever = scene(&store, &BufferOptions::default().ttl(UNTIL_DELETED));
    store.set_ttl(&by_id(forever), Duration::from_nanos(1)).unwrap();
    assert_eq!(swept(&store, forever), None);
    assert_eq!(links(&store), [""; 0]);
}

#[test]
fn another_process_keeps_what_it_did_not_make() {
    let (_parent, store) = temp_store();
    let (id, held) = (scene(&store, &brief()), scene(&store, &brief()));
    let mut holder = Peer::start("hold", &argument(&store, held));
    holder.expect("open");
    for id in [id, held] {
        let mut peer = Peer::start("keep", &argument(&store, id));
        peer.expect("kept");
        peer.end();
    }
    assert_eq!(swept(&store, held), Some(KeptReason::Held));
    holder.end();
    for id in [id, held] {
        assert_eq!(swept(&store, id), Some(KeptReason::UntilDeleted));
    }
}

#[test]
fn a_handle_keeps_what_it_has_open_also_in_a_forked_child() {
    let (_parent, store) = temp_store();
    let opened = SharedSceneBuffer::write(&store, b"vertices", &brief()).unwrap();
    let buffer = SharedBuffer::create(&store, 10, &brief()).unwrap();
    opened.set_ttl(HOUR).unwrap();
    let child = in_fork(|| i32::from(buffer.set_ttl(HOUR).is_err()));
    assert_eq!(child.code(), Some(0));
    assert_eq!(ttl_of(&store, opened.id()), HOUR);
    let ids = [opened.id(), buffer.id()];
    drop((opened, buffer));
    for id in ids {
        assert!(matches!(swept(&store, id), Some(KeptReason::Unexpired { .. })));
    }
}

#[test]
fn a_scene_that_is_being_filled_is_kept_when_it_is_sealed() {
    let (_parent, store) = temp_store();
    let empty = SharedSceneBuffer::create_empty(&store, &layout(), &brief()).unwrap();
    let writer = SceneWriter::fill(&store, &by_id(empty.id())).unwrap();
    store.set_ttl(&by_id(empty.id()), UNTIL_DELETED).unwrap();
    let id = writer.finish().unwrap().id();
    drop(empty);
    assert_eq!(swept(&store, id), Some(KeptReason::UntilDeleted));
}

#[test]
fn the_longest_time_is_kept_and_a_longer_one_refused() {
    let (_parent, store) = temp_store();
    let (id, longest) = (scene(&store, &brief()), Duration::from_nanos(u64::MAX));
    store.set_ttl(&by_id(id), longest).unwrap();
    assert!(matches!(swept(&store, id), Some(KeptReason::Unexpired { .. })));
    let refused = store.set_ttl(&by_id(id), longest + Duration::from_nanos(1));
    assert!(
        matches!(refused, Err(Error::InvalidArgument { argument: "ttl", .. })),
        "{refused:?}"
    );
    assert_eq!(ttl_of(&store, id).as_secs(), longest.as_secs());
}

#[test]
fn pools_and_slots_say_what_they_have_instead() {
    let (_parent, store) = temp_store();
    let pool = BufferPool::create(&store, 1, 10, &BufferOptions::default()).unwrap();
    let slot = pool.acquire().unwrap();
    let refused = [
        (store.set_ttl(&by_id(pool.id()), HOUR), "`persistent`"),
        (store.set_ttl(&by_id(slot.id()), HOUR), "with its pool"),
        (slot.set_ttl(HOUR).map(|()| slot.id()), "with its pool"),
    ];
    for (refused, said) in refused {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::WrongRole { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(links(&store), [""; 0]);
}

#[test]
fn what_is_gone_is_not_kept() {
    let (_parent, store) = temp_store();
    let missing = store.set_ttl(&by_id(Uuid::new_v4()), HOUR);
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    let missing = store.set_ttl(&Reference::Name("nobody".to_owned()), HOUR);
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    let deleted = SharedSceneBuffer::write(&store, b"vertices", &brief()).unwrap();
    deleted.unlink().unwrap();
    let gone = deleted.set_ttl(HOUR);
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    assert_eq!(links(&store), [""; 0]);
}

#[test]
fn whatever_ends_a_buffer_ends_what_was_said_about_its_time() {
    let (_parent, store) = temp_store();
    let kept = |options: &BufferOptions| {
        let scene = SharedSceneBuffer::write(&store, b"vertices", options).unwrap();
        scene.set_ttl(HOUR).unwrap();
        assert_eq!(links(&store), [format!("{}.ttl", scene.id())]);
        scene
    };
    let is_clean = |what: &str| assert_eq!(links(&store), [""; 0], "{what}");
    store.delete(&by_id(kept(&brief()).id())).unwrap();
    is_clean("deleting");
    kept(&brief()).unlink().unwrap();
    is_clean("unlinking");
    kept(&brief()).set_unlink_on_close(true);
    is_clean("letting go of what goes then");
    let id = kept(&brief()).id();
    store.set_ttl(&by_id(id), Duration::from_nanos(2)).unwrap();
    assert_eq!(swept(&store, id), None);
    is_clean("collecting");
    let damaged = kept(&brief()).id();
    fs::set_permissions(
        path_of(&store, damaged),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    fs::write(path_of(&store, damaged), "junk").unwrap();
    store.delete(&by_id(damaged)).unwrap();
    is_clean("deleting what is damaged");
}

#[test]
fn what_takes_a_name_over_has_its_own_time() {
    let (_parent, store) = temp_store();
    let hero = || Reference::Name("hero".to_owned());
    let old = scene(&store, &brief().name("hero"));
    store.set_ttl(&hero(), UNTIL_DELETED).unwrap();
    let new = scene(&store, &brief().name("hero").replace(true));
    assert_eq!(links(&store), [""; 0]);
    assert!(!path_of(&store, old).exists());
    assert!(ttl_of(&store, new) > UNTIL_DELETED);
    // The name means the new one from then on.
    assert_eq!(store.set_ttl(&hero(), HOUR).unwrap(), new);
    assert!(matches!(swept(&store, new), Some(KeptReason::Unexpired { .. })));
}

#[test]
fn a_link_that_says_no_time_says_nothing_and_is_swept() {
    let (_parent, store) = temp_store();
    let id = scene(&store, &BufferOptions::default().ttl(HOUR));
    let link = link_of(&store, id);
    let (nines, other) = ("9".repeat(300), path_of(&store, id));
    for text in [
        "18446744073709551616",
        nines.as_str(),
        "-1",
        "+1",
        " 1",
        "1 ",
        "1e3",
        "0x0",
        "0.0",
        "for ever",
        "٣",
        "\u{202e}0",
        other.to_str().unwrap(),
        "/dev/zero",
    ] {
        symlink(text, &link).unwrap();
        assert_eq!(ttl_of(&store, id), HOUR, "{text}");
        assert!(
            matches!(swept(&store, id), Some(KeptReason::Unexpired { .. })),
            "{text}"
        );
        assert_eq!(links(&store), [""; 0], "{text}");
        symlink(text, &link).unwrap();
        store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
        assert_eq!(swept(&store, id), Some(KeptReason::UntilDeleted), "{text}");
        store.set_ttl(&by_id(id), HOUR).unwrap();
        assert_eq!(links(&store), [""; 0], "{text}");
    }
    // Numbers all of them, as the format has them.
    for (text, seconds) in [("0", 0), ("00", 0), ("1000000000", 1), ("007000000000", 7)] {
        symlink(text, &link).unwrap();
        assert_eq!(ttl_of(&store, id), Duration::from_secs(seconds));
        fs::remove_file(&link).unwrap();
    }
}

#[test]
fn what_is_no_link_says_nothing_and_stays_unless_it_is_in_the_way() {
    let (_parent, store) = temp_store();
    let id = scene(&store, &BufferOptions::default().ttl(HOUR));
    let link = link_of(&store, id);
    fs::write(&link, "0").unwrap();
    assert_eq!(ttl_of(&store, id), HOUR);
    assert!(matches!(swept(&store, id), Some(KeptReason::Unexpired { .. })));
    assert!(link.is_file());
    store.set_ttl(&by_id(id), HOUR).unwrap();
    assert!(link.is_file(), "nothing had to be changed");
    store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
    assert!(link.is_symlink());
    fs::remove_file(&link).unwrap();

    for in_the_way in [link, store.path().join(format!("{id}.ttl.new"))] {
        fs::create_dir(&in_the_way).unwrap();
        assert_eq!(ttl_of(&store, id), HOUR);
        let refused = store.set_ttl(&by_id(id), UNTIL_DELETED);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        assert!(matches!(swept(&store, id), Some(KeptReason::Unexpired { .. })));
        assert_eq!(links(&store).len(), 1, "the directory");
        fs::remove_dir(&in_the_way).unwrap();
    }
    store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
    store.delete(&by_id(id)).unwrap();
    assert_eq!(links(&store), [""; 0]);
}

#[test]
fn links_of_killed_processes_and_of_files_that_vanished_are_swept() {
    let (_parent, store) = temp_store();
    let id = scene(&store, &BufferOptions::default().ttl(HOUR));
    // Killed before it was renamed.
    let unrenamed = store.path().join(format!("{id}.ttl.new"));
    symlink("0", &unrenamed).unwrap();
    assert_eq!(ttl_of(&store, id), HOUR);
    store.gc(false).unwrap();
    assert_eq!(links(&store), [""; 0]);
    symlink("7", &unrenamed).unwrap();
    store.set_ttl(&by_id(id), UNTIL_DELETED).unwrap();
    assert_eq!((ttl_of(&store, id), links(&store).len()), (UNTIL_DELETED, 1));
    // Gone by a shell's rm, or by a process that was killed after it had deleted the file.
    fs::remove_file(path_of(&store, id)).unwrap();
    symlink("0", link_of(&store, Uuid::nil())).unwrap();
    // Not spelled as ids are here, so it is nothing of ours.
    let foreign = "AAAAAAAA-0000-4000-8000-000000000000.ttl";
    symlink("0", store.path().join(foreign)).unwrap();
    store.gc(true).unwrap();
    assert_eq!(links(&store).len(), 3, "nothing is changed by looking");
    store.gc(false).unwrap();
    assert_eq!(links(&store), [foreign]);
}

#[test]
fn watchers_are_told() {
    let (_parent, store) = temp_store();
    let held = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default()).unwrap();
    let idle = scene(&store, &BufferOptions::default());
    let watch = store.watch().unwrap();
    let mut index = StoreIndex::new(&store, 1).unwrap();
    for id in [held.id(), idle] {
        // Changed, changed again, and as it was made.
        for ttl in [UNTIL_DELETED, HOUR, Duration::from_secs(900)] {
            store.set_ttl(&by_id(id), ttl).unwrap();
            let events = watch.events().unwrap();
            assert_eq!(events, [StoreEvent::Changed(id)], "{ttl:?}");
            let changes = index.refresh().unwrap();
            assert_eq!(changes, [StoreChange::Descriptor(id)], "{ttl:?}");
        }
        store.set_ttl(&by_id(id), HOUR).unwrap();
        watch.events().unwrap();
        store.delete(&by_id(id)).unwrap();
        assert_eq!(watch.events().unwrap().last(), Some(&StoreEvent::Removed(id)));
        assert_eq!(index.refresh().unwrap().last(), Some(&StoreChange::Listing(id)));
    }
}

#[test]
fn no_sweep_takes_what_is_about_to_be_kept() {
    let (_parent, store) = temp_store();
    let id = scene(&store, &brief());
    let lock = File::open(store.path().join(".lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        let keeper = scope.spawn(|| store.set_ttl(&by_id(id), UNTIL_DELETED));
        // It waits for the store's lock, and holds the scene meanwhile.
        until("it is held", || {
            let report = store.gc(true).unwrap();
            report
                .kept
                .iter()
                .any(|kept| kept.reason == KeptReason::Held)
                .then_some(())
        });
        store.gc(false).unwrap();
        flock(&lock, FlockOperation::Unlock).unwrap();
        keeper.join().unwrap().unwrap();
    });
    assert_eq!(swept(&store, id), Some(KeptReason::UntilDeleted));
}

#[test]
fn what_was_said_to_be_kept_is_never_collected() {
    let (_parent, store) = temp_store();
    let (mut kept, mut late) = (0, 0);
    for _ in 0..300 {
        let id = scene(&store, &brief());
        let said = std::thread::scope(|scope| {
            let collector = scope.spawn(|| store.gc(false).unwrap());
            let said = store.set_ttl(&by_id(id), UNTIL_DELETED);
            collector.join().unwrap();
            said
        });
        match said {
            Ok(_) => {
                kept += 1;
                assert!(path_of(&store, id).exists(), "it was said to be kept, and is gone");
                assert_eq!(ttl_of(&store, id), UNTIL_DELETED);
                store.delete(&by_id(id)).unwrap();
            }
            Err(Error::NotFound { .. }) => late += 1,
            Err(error) => panic!("{error}"),
        }
        store.gc(false).unwrap();
        assert_eq!(links(&store), [""; 0]);
    }
    crate::common::print(&format!("{kept} kept, {late} too late"));
}

#[test]
fn where_nothing_can_be_changed_it_is_an_error_and_looking_works() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let mut peer = unshared(
        &MOUNTS,
        "on a file system that is read-only",
        &parent.path().display().to_string(),
    );
    assert_eq!(peer.next().as_deref(), Some("done"));
    peer.end();
}

fn on_a_read_only_file_system(path: &Path) {
    mount_tmpfs(path, "size=64m,mode=700");
    let path = path.join("store");
    let store = Store::open(&StoreOptions::at(&path)).unwrap();
    let (kept, other) = (scene(&store, &brief()), scene(&store, &brief()));
    store.set_ttl(&by_id(kept), UNTIL_DELETED).unwrap();
    // It has the record of the store open for writing, by which the file system is in use.
    drop(store);
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(path.parent().unwrap())
        .status()
        .unwrap();
    assert!(remounted.success());
    let store = Store::open(&StoreOptions::at(&path).existing()).unwrap();
    for (id, ttl) in [(kept, UNTIL_DELETED), (other, Duration::from_nanos(1))] {
        let refused = store.set_ttl(&by_id(id), HOUR);
        let Err(error @ Error::Io { .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(error.to_string().contains("Read-only file system"), "{error}");
        assert_eq!(ttl_of(&store, id), ttl);
    }
    say("done");
}
