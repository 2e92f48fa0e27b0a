//! Waiting for what others share: everything that matches comes once, as soon as it can be read, and nothing hangs.
#![allow(unsafe_code, reason = "a child is stopped by a signal")]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::common::{
    LONG, Peer, by_id, child_role, hear, median, now, pause, percentile, processor_time, say, temp_store,
};
use dcc_mcp_shm::{
    ArraySpec, BufferFilter, BufferOptions, BufferPool, Descriptor, Error, Layout, NameFilter, Result, SceneDataKind,
    SceneWriter, SharedBuffer, SharedSceneBuffer, Store, StoreEvent, StoreOptions,
};

/// Scenes of one producer in the race.
const SCENES: u64 = 300;
/// How often a wake is timed.
const TIMES: usize = 200;

fn any() -> BufferFilter {
    BufferFilter::default()
}

fn named(name: &str) -> BufferFilter {
    BufferFilter {
        name: Some(NameFilter::Is(name.to_owned())),
        ..any()
    }
}

fn layout() -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [4]))]).unwrap()
}

fn scene(store: &Store, options: &BufferOptions) -> SharedSceneBuffer {
    SharedSceneBuffer::write(store, b"data", options).unwrap()
}

fn names(came: &[Descriptor]) -> Vec<&str> {
    came.iter()
        .map(|buffer| buffer.name.as_deref().unwrap_or_default())
        .collect()
}

fn outcome(came: &Result<Vec<Descriptor>>) -> String {
    match came {
        Ok(came) => names(came).join(" "),
        Err(Error::NotFound { .. }) => "not found".to_owned(),
        Err(Error::UnsafeStore { .. }) => "unsafe".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    match role.as_str() {
        "wait" => {
            let seen = store.list().unwrap().buffers;
            say("waiting");
            say(&outcome(&store.wait(&any(), Some(&seen), LONG)));
        }
        "time wakes" => {
            let mut seen = store.list().unwrap().buffers;
            for _ in 0..TIMES {
                say("waiting");
                let came = store.wait(&any(), Some(&seen), LONG).unwrap();
                let woken = now();
                let published: u64 = came[0].name.as_ref().unwrap().parse().unwrap();
                say(&(woken - published).to_string());
                seen.extend(came);
            }
        }
        // A producer of the race: each scene under a name, some of which take over that of another.
        "produce" => {
            say("ready");
            hear();
            for number in 0..SCENES {
                let name = format!("{} {number}", std::process::id());
                let options = BufferOptions::default().name(name);
                if number % 3 == 0 {
                    let empty = SharedSceneBuffer::create_empty(&store, &layout(), &options).unwrap();
                    SceneWriter::fill(&store, &by_id(empty.id())).unwrap().finish().unwrap();
                } else {
                    scene(&store, &options);
                }
            }
            say("done");
        }
        "consume" => {
            let mut seen = Vec::new();
            say("ready");
            while seen.len() < usize::try_from(2 * SCENES).unwrap() {
                let came = store.wait(&any(), Some(&seen), LONG).unwrap();
                assert!(!came.is_empty(), "{} came", seen.len());
                seen.extend(came);
            }
            let different: HashSet<_> = seen.iter().map(|buffer| buffer.id).collect();
            say(&format!("{} {}", seen.len(), different.len()));
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn only_what_matches_ends_a_wait() {
    let (_parent, store) = temp_store();
    let seen = store.list().unwrap().buffers;
    scene(
        &store,
        &BufferOptions::default()
            .kind(SceneDataKind::Geometry)
            .source_dcc("Blender 5.0.1")
            .name("hero")
            .group("shot 1"),
    );
    let filters = |kind, source_dcc: &str, name: &str, group: &str| BufferFilter {
        kind: Some(kind),
        source_dcc: Some(source_dcc.to_owned()),
        name: Some(NameFilter::Is(name.to_owned())),
        group: Some(group.to_owned()),
    };
    let wait = |wanted| store.wait(&wanted, Some(&seen), Duration::ZERO).unwrap().len();
    assert_eq!(wait(any()), 1);
    assert_eq!(wait(filters(SceneDataKind::Geometry, "blender", "hero", "shot 1")), 1);
    for (kind, program, name, group) in [
        (SceneDataKind::Screenshot, "Blender", "hero", "shot 1"),
        (SceneDataKind::Geometry, "Maya", "hero", "shot 1"),
        (SceneDataKind::Geometry, "Blender", "her", "shot 1"),
        (SceneDataKind::Geometry, "Blender", "hero", "Shot 1"),
    ] {
        assert_eq!(wait(filters(kind, program, name, group)), 0, "{name} of {program}");
    }
    BufferPool::create(&store, 2, 64, &BufferOptions::default().name("pool")).unwrap();
    assert_eq!(wait(named("pool")), 0, "pools and slots are no buffers");
}

#[test]
fn what_is_there_already_ends_a_wait_only_if_it_was_not_seen() {
    let (_parent, store) = temp_store();
    let first = SharedBuffer::create(&store, 8, &BufferOptions::default().name("first")).unwrap();
    let second = scene(&store, &BufferOptions::default().name("second"));
    assert_eq!(
        names(&store.wait(&any(), Some(&[]), LONG).unwrap()),
        ["first", "second"]
    );
    let seen = [first.descriptor().unwrap()];
    assert_eq!(names(&store.wait(&any(), Some(&seen), LONG).unwrap()), ["second"]);
    let seen = store.list().unwrap().buffers;
    let nothing = Duration::from_millis(30);
    assert!(store.wait(&any(), Some(&seen), nothing).unwrap().is_empty());
    assert!(store.wait(&any(), None, nothing).unwrap().is_empty());
    // A name that goes over to another buffer is that of something new.
    let again = scene(&store, &BufferOptions::default().name("second").replace(true));
    let came = store.wait(&named("second"), Some(&seen), LONG).unwrap();
    assert_eq!((came.len(), came[0].id), (1, again.id()));
    assert_ne!(again.id(), second.id());
}

#[test]
fn a_scene_comes_when_it_is_sealed_and_not_before() {
    let (_parent, store) = temp_store();
    let empty = SharedSceneBuffer::create_empty(&store, &layout(), &BufferOptions::default()).unwrap();
    let seen = store.list().unwrap().buffers;
    let brief = Duration::from_millis(30);
    let wait = |after, timeout| store.wait(&any(), after, timeout).unwrap().len();
    assert_eq!(
        (seen.len(), wait(Some(&seen), brief), wait(Some(&[]), brief)),
        (1, 0, 0)
    );
    let writer = SceneWriter::fill(&store, &by_id(empty.id())).unwrap();
    assert_eq!(wait(Some(&seen), brief), 0, "filling");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(Some(&seen), LONG));
        pause();
        writer.finish().unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
    });
    assert_eq!(wait(Some(&seen), LONG), 1, "again, as it was not seen");
}

#[test]
fn between_listing_and_waiting_nothing_is_lost_and_nothing_comes_twice() {
    let (_parent, store) = temp_store();
    let start = |role| {
        let mut peer = Peer::start(role, store.path().to_str().unwrap());
        peer.expect("ready");
        peer
    };
    let mut producers = [start("produce"), start("produce")];
    let mut consumers = [start("consume"), start("consume")];
    for producer in &mut producers {
        producer.tell("go");
    }
    for producer in &mut producers {
        producer.expect("done");
    }
    for consumer in &mut consumers {
        consumer.expect(&format!("{0} {0}", 2 * SCENES));
    }
}

#[test]
fn a_buffer_is_told_of_again_when_it_gets_its_name() {
    let (_parent, store) = temp_store();
    let buffer = scene(&store, &BufferOptions::default().name("hero"));
    let link = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "name"))
        .unwrap();
    // As between the two steps of a publication.
    let aside = store.path().join("aside");
    fs::rename(&link, &aside).unwrap();
    let nameless = store.list().unwrap().buffers;
    assert_eq!(names(&nameless), [""]);
    let watch = store.watch().unwrap();
    for after in [&[][..], &nameless] {
        let waited = std::thread::scope(|scope| {
            let (store, aside, link) = (&store, &aside, &link);
            let mut asked = 0;
            store.wait_while(&named("hero"), Some(after), LONG, || {
                asked += 1;
                if asked == 3 {
                    scope.spawn(move || fs::rename(aside, link).unwrap());
                }
                true
            })
        });
        assert_eq!(waited.unwrap()[0].id, buffer.id());
        assert_eq!(watch.events().unwrap(), [StoreEvent::Changed(buffer.id())]);
        fs::rename(&link, &aside).unwrap();
    }
    assert!(
        store
            .wait(&any(), Some(&nameless), Duration::from_millis(30))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn every_publication_ends_a_wait_soon() {
    let (_parent, store) = temp_store();
    let mut waiter = Peer::start("time wakes", store.path().to_str().unwrap());
    let took: Vec<_> = (0..TIMES)
        .map(|_| {
            waiter.expect("waiting");
            pause();
            scene(&store, &BufferOptions::default().name(now().to_string()));
            Duration::from_nanos(waiter.hears().parse().unwrap())
        })
        .collect();
    crate::common::print(&format!(
        "from the start of a named publication to its descriptor in another process: p50 {:?}, p99 {:?}",
        median(&took),
        percentile(&took, 99)
    ));
    assert!(took.iter().all(|took| *took < LONG / 2), "{took:?}");
}

#[test]
fn waiting_takes_next_to_no_time_of_the_processor() {
    let (_parent, store) = temp_store();
    scene(&store, &BufferOptions::default());
    let wait = || assert!(store.wait(&any(), None, Duration::from_secs(1)).unwrap().is_empty());
    let mut sleeps = 0;
    let used = processor_time(|| sleeps = crate::common::sleeps(wait));
    crate::common::print(&format!(
        "a second of waiting: {used:?} of the processor, {sleeps} sleeps"
    ));
    assert!(
        used < crate::common::LITTLE_WORK && sleeps < crate::common::FEW_SLEEPS,
        "{used:?} and {sleeps} sleeps"
    );
}

/// What ends the wait of another process, and how.
type Case = (&'static str, fn(&Store), &'static str);

#[test]
fn a_store_that_goes_or_is_opened_to_others_ends_a_wait() {
    let cases: [Case; 4] = [
        (
            "removed",
            |store| fs::remove_dir_all(store.path()).unwrap(),
            "not found",
        ),
        (
            "moved away",
            |store| fs::rename(store.path(), store.path().with_file_name("elsewhere")).unwrap(),
            "not found",
        ),
        (
            "another in its place",
            |store| {
                fs::rename(store.path(), store.path().with_file_name("elsewhere")).unwrap();
                Store::open(&StoreOptions::at(store.path())).unwrap();
            },
            "not found",
        ),
        (
            "open to others",
            |store| fs::set_permissions(store.path(), fs::Permissions::from_mode(0o755)).unwrap(),
            "unsafe",
        ),
    ];
    for (what, does, expected) in cases {
        let (_parent, store) = temp_store();
        let mut waiters = [0; 2].map(|_| Peer::start("wait", store.path().to_str().unwrap()));
        for waiter in &mut waiters {
            waiter.expect("waiting");
        }
        let started = Instant::now();
        does(&store);
        for waiter in &mut waiters {
            assert_eq!(waiter.hears(), expected, "{what}");
        }
        assert!(started.elapsed() < LONG / 2, "{what}: {:?}", started.elapsed());
    }
}

#[test]
fn a_store_that_is_emptied_is_a_store_still() {
    let (_parent, store) = temp_store();
    scene(&store, &BufferOptions::default());
    let mut waiter = Peer::start("wait", store.path().to_str().unwrap());
    waiter.expect("waiting");
    for entry in fs::read_dir(store.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    scene(&store, &BufferOptions::default().name("new"));
    waiter.expect("new");
}

#[test]
fn who_was_told_less_than_happened_finds_it_all_the_same() {
    let (_parent, store) = temp_store();
    let mut waiter = Peer::start("wait", store.path().to_str().unwrap());
    waiter.expect("waiting");
    // Asleep, and not waking while more happens than the kernel keeps.
    pause();
    // SAFETY: our own child.
    unsafe { libc::kill(waiter.pid(), libc::SIGSTOP) };
    crate::common::more_events_than_are_kept(&store);
    scene(&store, &BufferOptions::default().name("hero"));
    // SAFETY: as above.
    unsafe { libc::kill(waiter.pid(), libc::SIGCONT) };
    waiter.expect("hero");
}

#[test]
fn what_is_damaged_or_foreign_ends_no_wait() {
    let (_parent, store) = temp_store();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| store.wait(&any(), Some(&[]), LONG).unwrap());
        for _ in 0..50 {
            fs::write(
                crate::common::path_of(&store, uuid::Uuid::new_v4()),
                crate::common::noise(7, 5000),
            )
            .unwrap();
            fs::write(store.path().join("foreign.shm"), "").unwrap();
            fs::create_dir_all(crate::common::path_of(&store, uuid::Uuid::new_v4())).unwrap();
        }
        scene(&store, &BufferOptions::default().name("hero"));
        assert_eq!(names(&waiter.join().unwrap()), ["hero"]);
    });
}

#[test]
fn a_wait_can_be_given_up() {
    let (_parent, store) = temp_store();
    let mut asked = 0;
    let came = store.wait_while(&any(), None, LONG, || {
        asked += 1;
        asked < 3
    });
    assert_eq!((came.unwrap().len(), asked), (0, 3));
}
