//! The order of publications, whatever clocks and files say: nothing is skipped, nobody stands before what comes later, and each
//! name is once in each listing.
#![allow(unsafe_code, reason = "a child is stopped and continued by signals")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::time::Duration;

use crate::common::{Image, LONG, Peer, at, by_id, child_role, hear, path_of, say, temp_store, until};
use dcc_mcp_shm::{
    ArraySpec, BufferFilter, BufferOptions, BufferPool, Error, Horizon, Layout, Reference, SceneWriter, SharedBuffer,
    SharedSceneBuffer, Store, StoreIndex, StoreOptions,
};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

const RECORD: &str = ".store";
/// Where the words of the record lie, as the format says.
const LAST: u64 = 16;
const CONFIRMED: u64 = 24;
/// What a header says while its maker takes a number.
const PENDING: u64 = u64::MAX;
/// Listings beside a process that replaces what has a name.
const LISTINGS: usize = 3000;
const YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;

fn scene(store: &Store) -> Uuid {
    let scene = SharedSceneBuffer::write(store, b"data", &BufferOptions::default());
    scene.unwrap().id()
}

fn named(name: &str) -> BufferOptions {
    BufferOptions::default().name(name).replace(true)
}

fn layout() -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [4]))]).unwrap()
}

fn record(store: &Store) -> PathBuf {
    store.path().join(RECORD)
}

/// Writes a word into the record of a store, as something else may that has gone wrong.
fn put(store: &Store, at: u64, word: u64) {
    let file = fs::OpenOptions::new().write(true).open(record(store)).unwrap();
    file.write_all_at(&word.to_le_bytes(), at).unwrap();
}

/// Another process's view of the same store: it has nothing mapped yet.
fn again(store: &Store) -> Store {
    Store::open(&StoreOptions::at(store.path())).unwrap()
}

/// Changes a word of a file's header in place, which its checksum does not cover.
fn forge(store: &Store, id: Uuid, at: usize, word: u64) {
    let path = path_of(store, id);
    let mode = fs::metadata(&path).unwrap().permissions();
    let writable = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(&path, writable).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&word.to_le_bytes(), at as u64).unwrap();
    fs::set_permissions(&path, mode).unwrap();
}

/// A file of nobody's that claims a number.
fn claim(store: &Store, number: u64) -> Uuid {
    let (of, id) = (scene(store), Uuid::new_v4());
    let mut image = Image::of(&path_of(store, of));
    store.delete(&by_id(of)).unwrap();
    image
        .put(at::ID, id.as_bytes())
        .put(at::PUBLISHED, &number.to_le_bytes());
    image.sign().place(store, id, 0o400);
    id
}

fn listed(store: &Store) -> Vec<Uuid> {
    store.list().unwrap().buffers.iter().map(|buffer| buffer.id).collect()
}

fn indexed(index: &StoreIndex) -> Vec<Uuid> {
    index.buffers().map(|(position, _)| position.id()).collect()
}

/// The ids of what can be read and is new to a horizon, newest first.
fn new_to(horizon: &Horizon, index: &StoreIndex) -> Vec<Uuid> {
    let is_new = |number, id| number > horizon.last || horizon.pending.contains(&id);
    let new = index
        .readable()
        .filter(|(position, _)| is_new(position.number(), position.id()));
    new.map(|(position, _)| position.id()).collect()
}

fn fresh(store: &Store) -> StoreIndex {
    StoreIndex::new(store, 1).unwrap()
}

fn signal(peer: &Peer, signal: i32) {
    // SAFETY: the child is this test's own, and has not been waited for.
    assert_eq!(unsafe { libc::kill(peer.pid(), signal) }, 0);
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    say("ready");
    match role.as_str() {
        "publish a name" => {
            hear();
            let scene = SharedSceneBuffer::write(&store, b"late", &named("late")).unwrap();
            say(&scene.id().to_string());
        }
        "replace" => {
            let mut number = 0_u32;
            while !std::path::Path::new(&store.path().join("enough")).exists() {
                number += 1;
                if number.is_multiple_of(3) {
                    BufferPool::create(&store, 1, 8, &named("frames")).unwrap();
                    SharedBuffer::create(&store, 8, &named("hero")).unwrap();
                } else {
                    SharedSceneBuffer::write(&store, b"data", &named("hero")).unwrap();
                }
            }
            say(&number.to_string());
        }
        "publish" => {
            let ids: Vec<_> = (0..300).map(|_| scene(&store).to_string()).collect();
            say(&ids.join(" "));
        }
        "list" => {
            let mut listings = 0_u32;
            while !std::path::Path::new(&store.path().join("enough")).exists() {
                store.list().unwrap();
                listings += 1;
            }
            say(&listings.to_string());
        }
        other => panic!("no role {other}"),
    }
}

#[test]
fn what_was_published_last_comes_first_whatever_clocks_say() {
    let (_parent, store) = temp_store();
    let mut index = fresh(&store);
    let mut ids = Vec::new();
    // A clock that is set back by a year from one to the next.
    for years in (40..60).rev() {
        let id = scene(&store);
        forge(&store, id, at::FINISHED, years * YEAR);
        ids.insert(0, id);
        index.refresh().unwrap();
        assert_eq!((listed(&store), indexed(&index)), (ids.clone(), ids.clone()));
    }
    let buffer = SharedBuffer::create(&store, 8, &BufferOptions::default()).unwrap();
    ids.insert(0, buffer.id());
    assert_eq!((listed(&store), indexed(&fresh(&store))), (ids.clone(), ids));
    let pool = BufferPool::create(&store, 2, 8, &BufferOptions::default()).unwrap();
    let last = scene(&store);
    assert_eq!(store.list().unwrap().order[..3], [last, pool.id(), buffer.id()]);
}

#[test]
fn what_older_programs_made_comes_last_and_by_its_time() {
    let (_parent, store) = temp_store();
    let ids = [scene(&store), scene(&store), scene(&store)];
    forge(&store, ids[1], at::PUBLISHED, 0);
    forge(&store, ids[2], at::PUBLISHED, 0);
    forge(&store, ids[1], at::FINISHED, 80 * YEAR);
    let order = [ids[0], ids[1], ids[2]];
    assert_eq!((listed(&store), indexed(&fresh(&store))), (order.into(), order.into()));
    // A store without a record, of which all files are so.
    forge(&store, ids[0], at::PUBLISHED, 0);
    forge(&store, ids[0], at::FINISHED, YEAR);
    fs::remove_file(record(&store)).unwrap();
    let order = [ids[1], ids[2], ids[0]];
    let looking = again(&store);
    assert_eq!(
        (listed(&looking), indexed(&fresh(&looking))),
        (order.into(), order.into())
    );
    assert!(!record(&store).exists(), "who only looks makes nothing");
    let new = scene(&store);
    assert_eq!(store.summary(new).unwrap().number, 1);
    assert_eq!(listed(&looking)[0], new);
}

#[test]
fn a_file_that_claims_a_number_ahead_is_damaged_until_it_is_reached() {
    let (_parent, store) = temp_store();
    let mut index = fresh(&store);
    let first = scene(&store);
    let greatest = claim(&store, 1 << 62);
    let impossible = claim(&store, (1 << 62) + 1);
    let number = store.summary(scene(&store)).unwrap().number;
    let ahead = claim(&store, number + 3);
    let before = index.horizon().unwrap();
    index.refresh().unwrap();
    let seen = index.horizon().unwrap();
    let damaged: BTreeSet<_> = [greatest, impossible, ahead].into();
    let of_list = |store: &Store| {
        store
            .list()
            .unwrap()
            .damaged
            .iter()
            .map(|file| file.id)
            .collect::<BTreeSet<_>>()
    };
    let of_index = |index: &StoreIndex| index.damaged().map(|(id, _)| id).collect::<BTreeSet<_>>();
    assert_eq!(
        (of_list(&store), of_index(&index), of_index(&fresh(&store))),
        (damaged.clone(), damaged.clone(), damaged)
    );
    let problem = index.damaged().find(|(id, _)| *id == ahead).unwrap().1.to_owned();
    assert!(problem.contains("later than anything"), "{problem}");
    assert_eq!(listed(&store).last(), Some(&first));
    assert_eq!(
        new_to(&before, &index).len(),
        2,
        "the files of nobody's are not among them"
    );
    // What can be read is found by its id all the same, and what cannot is deleted by it.
    assert_eq!(
        SharedSceneBuffer::open(&store, &by_id(greatest))
            .unwrap()
            .read()
            .unwrap(),
        b"data"
    );
    // `claim` itself published one more.
    let (second, third) = (scene(&store), scene(&store));
    index.refresh().unwrap();
    assert_eq!(indexed(&index)[..2], listed(&store)[..2]);
    assert!(indexed(&index).contains(&ahead), "its number was reached");
    let new = new_to(&seen, &index);
    assert!([ahead, second, third].iter().all(|id| new.contains(id)), "{new:?}");
    for id in [greatest, impossible] {
        store.delete(&by_id(id)).unwrap();
    }
    index.refresh().unwrap();
    assert_eq!((of_list(&store), of_index(&index)), ([].into(), [].into()));
}

#[test]
fn a_record_that_was_damaged_or_removed_is_made_anew_behind_all_files() {
    type Damage = (&'static str, fn(&Store));
    let damages: [Damage; 9] = [
        ("removed", |store| fs::remove_file(record(store)).unwrap()),
        ("another file", |store| {
            fs::write(store.path().join("new"), [7; 4096])
                .and_then(|()| fs::rename(store.path().join("new"), record(store)))
                .unwrap();
        }),
        ("short", |store| {
            fs::write(store.path().join("new"), "")
                .and_then(|()| fs::rename(store.path().join("new"), record(store)))
                .unwrap();
        }),
        ("a link", |store| {
            fs::remove_file(record(store)).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", record(store)).unwrap();
        }),
        ("set to 0", |store| put(store, LAST, 0)),
        ("set back", |store| put(store, LAST, 1)),
        ("the greatest", |store| put(store, LAST, 1 << 62)),
        ("all ones", |store| put(store, LAST, u64::MAX)),
        ("both set to 0", |store| {
            put(store, LAST, 0);
            put(store, CONFIRMED, 0);
        }),
    ];
    for (what, damage) in damages {
        let (_parent, store) = temp_store();
        let mut ids: Vec<_> = (0..5).map(|_| scene(&store)).collect();
        let mut index = fresh(&store);
        let horizon = index.horizon().unwrap();
        damage(&store);
        // A process that only looks is not worse off.
        assert_eq!(listed(&again(&store)).len(), 5, "{what}");
        assert_eq!(indexed(&fresh(&again(&store))).len(), 5, "{what}");
        // One that has the record open, and one that has not.
        for store in [&store, &again(&store), &store] {
            ids.push(scene(store));
        }
        let numbers: Vec<_> = ids.iter().map(|&id| store.summary(id).unwrap().number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{what}: {numbers:?}");
        ids.reverse();
        index.refresh().unwrap();
        for found in [
            listed(&store),
            listed(&again(&store)),
            indexed(&index),
            indexed(&fresh(&store)),
        ] {
            assert_eq!(found, ids, "{what}");
        }
        let now = index.horizon().unwrap();
        assert!(horizon.era != now.era || new_to(&horizon, &index) == ids[..3], "{what}");
        assert_eq!(fs::metadata(record(&store)).unwrap().mode() & 0o777, 0o600);
        assert_eq!(store.list().unwrap().damaged, [], "{what}");
    }
}

/// What is published by a count that another program has raised is not called damaged after the next count.
#[test]
fn a_count_whose_numbers_would_not_be_believed_is_damaged() {
    for last in [1_u64 << 60, (1 << 61) + (1 << 33), (1 << 62) - 1] {
        let (_parent, store) = temp_store();
        let mut ids = vec![scene(&store)];
        put(&store, LAST, last);
        put(&store, CONFIRMED, last);
        ids.push(scene(&store));
        fs::remove_file(record(&store)).unwrap();
        ids.extend((0..3).map(|_| scene(&store)));
        ids.reverse();
        assert_eq!(listed(&store), ids, "{last:x}");
    }
}

#[test]
fn a_record_of_a_newer_version_is_refused_by_name() {
    let (_parent, store) = temp_store();
    scene(&store);
    let mut bytes = fs::read(record(&store)).unwrap();
    bytes[8..12].copy_from_slice(&3_u32.to_le_bytes());
    fs::write(store.path().join("new"), &bytes).unwrap();
    fs::rename(store.path().join("new"), record(&store)).unwrap();
    let opened = Store::open(&StoreOptions::at(store.path())).map(drop);
    // One that was open before meets the new record when it counts.
    let published = SharedSceneBuffer::write(&store, b"data", &BufferOptions::default()).map(drop);
    for result in [opened, published, store.list().map(drop)] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::UnsupportedVersion { found: 3, known: 2, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(store.path().to_str().unwrap()), "{error}");
    }
    assert_eq!(fs::read(record(&store)).unwrap(), bytes, "it is left as it is");
}

#[test]
fn a_record_that_was_never_renamed_is_swept() {
    let (_parent, store) = temp_store();
    scene(&store);
    let left = store.path().join(format!("{RECORD}.{}", Uuid::new_v4()));
    let foreign = store.path().join(format!("{RECORD}.mine"));
    for path in [&left, &foreign] {
        fs::write(path, "").unwrap();
    }
    store.gc(false).unwrap();
    assert!(!left.exists() && foreign.exists() && record(&store).exists());
}

#[test]
fn processes_that_begin_a_store_at_once_count_as_one() {
    for _ in 0..5 {
        let (_parent, store) = temp_store();
        let publishers = [0; 4].map(|_| Peer::start("publish", store.path().to_str().unwrap()));
        let mut numbers = BTreeSet::new();
        for mut publisher in publishers {
            publisher.expect("ready");
            let ids = publisher.hears();
            let of = |id: &str| store.summary(id.parse().unwrap()).unwrap().number;
            let of_one: Vec<_> = ids.split(' ').map(of).collect();
            assert!(of_one.is_sorted_by(|a, b| a < b), "{of_one:?}");
            numbers.extend(of_one);
        }
        assert_eq!(numbers.len(), 4 * 300);
        assert_eq!(store.list().unwrap().damaged, []);
    }
}

#[test]
fn a_publisher_that_is_stopped_with_its_number_is_not_missed() {
    let (_parent, store) = temp_store();
    let mut publisher = Peer::start("publish a name", store.path().to_str().unwrap());
    publisher.expect("ready");
    // Something has a name, so that there is a lock.
    SharedSceneBuffer::write(&store, b"data", &named("early")).unwrap();
    let lock = fs::File::open(store.path().join(".lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    publisher.tell("go");
    let number = until("its draft has a number", || {
        let drafts = fs::read_dir(store.path()).unwrap();
        let draft = drafts
            .map(|file| file.unwrap().path())
            .find(|path| path.extension().is_some_and(|end| end == "draft"))?;
        let number = fs::read(draft)
            .ok()?
            .get(at::PUBLISHED..at::END_PUBLISHED)?
            .try_into()
            .ok()?;
        Some(u64::from_le_bytes(number)).filter(|number| ![0, PENDING].contains(number))
    });
    signal(&publisher, libc::SIGSTOP);
    let later: Vec<_> = [scene(&store), scene(&store)].into_iter().rev().collect();
    let mut index = fresh(&store);
    let horizon = index.horizon().unwrap();
    assert!(
        horizon.last > number && horizon.pending.len() == 1,
        "{horizon:?} and {number}"
    );
    let seen = store.list().unwrap().buffers;
    signal(&publisher, libc::SIGCONT);
    flock(&lock, FlockOperation::Unlock).unwrap();
    let late: Uuid = publisher.hears().parse().unwrap();
    index.refresh().unwrap();
    assert_eq!(store.summary(late).unwrap().number, number);
    assert_eq!(new_to(&horizon, &index), [late]);
    assert_eq!(listed(&store)[..3], [later[0], later[1], late], "where its number is");
    let came = store.wait(&BufferFilter::default(), Some(&seen), LONG).unwrap();
    assert_eq!(came.iter().map(|buffer| buffer.id).collect::<Vec<_>>(), [late]);
    let now = index.horizon().unwrap();
    assert!(now.pending.is_empty() && new_to(&now, &index).is_empty(), "{now:?}");
}

#[test]
fn drafts_that_may_have_a_number_are_not_missed_wherever_their_makers_are() {
    let (_parent, store) = temp_store();
    let made = scene(&store);
    let mut index = fresh(&store);
    for what in ["no number", "pending", "a number"] {
        // Another process has taken a number.
        let number = store.summary(scene(&store)).unwrap().number + 1;
        put(&store, LAST, number);
        put(&store, CONFIRMED, number);
        let (word, is_pending) = match what {
            "no number" => (0, false),
            "pending" => (PENDING, true),
            _ => (number, true),
        };
        let id = Uuid::new_v4();
        let mut image = Image::of(&path_of(&store, made));
        image
            .put(at::ID, id.as_bytes())
            .put(at::PUBLISHED, &word.to_le_bytes())
            .sign();
        let draft = store.path().join(format!("{id}.shm.draft"));
        fs::write(&draft, &image.0).unwrap();
        scene(&store);
        index.refresh().unwrap();
        let horizon = index.horizon().unwrap();
        assert_eq!(horizon.pending.contains(&id), is_pending, "{what}");
        if !is_pending {
            continue;
        }
        // Its maker goes on, with a number that was taken before.
        fs::remove_file(&draft).unwrap();
        image.put(at::PUBLISHED, &number.to_le_bytes()).place(&store, id, 0o400);
        // Before and after the index knows of it.
        let newer = fresh(&store);
        assert_eq!(new_to(&horizon, &newer), [id], "{what}");
        index.refresh().unwrap();
        assert_eq!(new_to(&horizon, &index), [id], "{what}");
        let now = index.horizon().unwrap();
        assert!(!now.pending.contains(&id) && new_to(&now, &index).is_empty(), "{what}");
    }
}

#[test]
fn drafts_that_were_given_up_are_not_to_come_any_more() {
    let (_parent, store) = temp_store();
    let made = scene(&store);
    let drafts: Vec<_> = (0..100)
        .map(|_| {
            let id = Uuid::new_v4();
            let mut image = Image::of(&path_of(&store, made));
            image
                .put(at::ID, id.as_bytes())
                .put(at::PUBLISHED, &PENDING.to_le_bytes());
            let draft = store.path().join(format!("{id}.shm.draft"));
            fs::write(&draft, &image.sign().0).unwrap();
            draft
        })
        .collect();
    let mut index = fresh(&store);
    assert_eq!(index.horizon().unwrap().pending.len(), 100);
    for draft in drafts {
        fs::remove_file(draft).unwrap();
    }
    assert!(index.horizon().unwrap().pending.is_empty(), "at the same number");
    for _ in 0..3 {
        scene(&store);
        index.refresh().unwrap();
        assert!(index.horizon().unwrap().pending.is_empty());
    }
}

#[test]
fn a_scene_that_is_being_sealed_is_not_missed() {
    let (_parent, store) = temp_store();
    let mut index = fresh(&store);
    let empty = SharedSceneBuffer::create_empty(&store, &layout(), &BufferOptions::default()).unwrap();
    let made = store.summary(empty.id()).unwrap().number;
    index.refresh().unwrap();
    assert!(
        index.horizon().unwrap().pending.is_empty(),
        "it will take another number"
    );
    // Its filler is about to take a number, of which nobody is told.
    forge(&store, empty.id(), at::PUBLISHED, PENDING);
    scene(&store);
    index.refresh().unwrap();
    let horizon = index.horizon().unwrap();
    assert_eq!(horizon.pending, [empty.id()].into());
    forge(&store, empty.id(), at::PUBLISHED, made);
    let sealed = SceneWriter::fill(&store, &by_id(empty.id())).unwrap().finish().unwrap();
    assert!(store.summary(sealed.id()).unwrap().number > horizon.last);
    index.refresh().unwrap();
    assert_eq!(new_to(&horizon, &index), [sealed.id()]);
    assert_eq!(listed(&store)[0], sealed.id(), "it was finished last");
}

/// The ids of what has a name in a listing.
fn of_name(listing: impl Iterator<Item = (Uuid, Option<String>)>, name: &str) -> Vec<Uuid> {
    listing
        .filter(|(_, has)| has.as_deref() == Some(name))
        .map(|(id, _)| id)
        .collect()
}

fn begin_to_replace(store: &Store) -> Peer {
    SharedSceneBuffer::write(store, b"data", &named("hero")).unwrap();
    BufferPool::create(store, 1, 8, &named("frames").persistent(true)).unwrap();
    let mut replacing = Peer::start("replace", store.path().to_str().unwrap());
    replacing.expect("ready");
    replacing
}

fn end_of(mut peer: Peer, store: &Store) -> u32 {
    fs::write(store.path().join("enough"), "").unwrap();
    peer.hears().parse().unwrap()
}

#[test]
fn a_name_that_is_always_there_is_once_in_each_listing() {
    let (_parent, store) = temp_store();
    let replacing = begin_to_replace(&store);
    for _ in 0..LISTINGS {
        let listing = store.list().unwrap();
        let names = || {
            let buffers = listing.buffers.iter().map(|buffer| (buffer.id, buffer.name.clone()));
            buffers.chain(listing.pools.iter().map(|pool| (pool.id, pool.name.clone())))
        };
        assert_eq!(of_name(names(), "hero").len(), 1, "{:?}", names().collect::<Vec<_>>());
    }
    let times = end_of(replacing, &store);
    assert!(times > 100, "{times} times");
}

#[test]
fn a_name_that_is_always_there_is_once_in_an_index() {
    let (_parent, store) = temp_store();
    let replacing = begin_to_replace(&store);
    let mut index = fresh(&store);
    for round in 0..LISTINGS {
        // Also one that has just read everything.
        let new = (round % 10 == 0).then(|| fresh(&store));
        index.refresh().unwrap();
        for index in [Some(&index), new.as_ref()].into_iter().flatten() {
            let names = || {
                index
                    .buffers()
                    .map(|(position, buffer)| (position.id(), buffer.name.clone()))
            };
            assert_eq!(of_name(names(), "hero").len(), 1, "{:?}", names().collect::<Vec<_>>());
        }
    }
    let times = end_of(replacing, &store);
    assert!(times > 100, "{times} times");
}

#[test]
fn names_are_listed_beside_a_stopped_holder_of_the_lock() {
    let (_parent, store) = temp_store();
    let hero = SharedSceneBuffer::write(&store, b"data", &named("hero")).unwrap();
    let lock = fs::File::open(store.path().join(".lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    assert_eq!(store.list().unwrap().buffers[0].name.as_deref(), Some("hero"));
    assert_eq!(fresh(&store).readable().count(), 1);
    drop((lock, hero));
}

#[test]
fn many_that_list_do_not_keep_names_from_being_given() {
    let (_parent, store) = temp_store();
    let listers = [0; 6].map(|_| {
        let mut lister = Peer::start("list", store.path().to_str().unwrap());
        lister.expect("ready");
        lister
    });
    let mut took: Vec<_> = (0..300)
        .map(|_| {
            let started = std::time::Instant::now();
            SharedSceneBuffer::write(&store, b"data", &named("hero")).unwrap();
            started.elapsed()
        })
        .collect();
    took.sort();
    let listings: u32 = listers.into_iter().map(|lister| end_of(lister, &store)).sum();
    crate::common::print(&format!(
        "a name taken over beside 6 that list: p50 {:?}, longest {:?}, {listings} listings meanwhile",
        took[took.len() / 2],
        took[took.len() - 1]
    ));
    assert!(listings > 0 && store.list().unwrap().buffers.len() == 1);
}

#[test]
fn a_link_that_says_what_is_not_so_gives_no_name_and_hangs_nobody() {
    let (_parent, store) = temp_store();
    let hero = SharedSceneBuffer::write(&store, b"data", &named("hero")).unwrap().id();
    let other = scene(&store);
    let link = fs::read_dir(store.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "name"))
        .unwrap();
    for text in [other.to_string(), Uuid::new_v4().to_string(), "elsewhere".to_owned()] {
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&text, &link).unwrap();
        let names: Vec<_> = store
            .list()
            .unwrap()
            .buffers
            .into_iter()
            .map(|buffer| buffer.name)
            .collect();
        assert_eq!(names, [None, None], "{text}");
        assert!(
            fresh(&store).buffers().all(|(_, buffer)| buffer.name.is_none()),
            "{text}"
        );
    }
    drop(store.wait(&BufferFilter::default(), None, Duration::ZERO).unwrap());
    assert!(matches!(
        store.resolve(&Reference::Name("hero".into())),
        Err(Error::NotFound { .. })
    ));
    assert_eq!(store.summary(hero).unwrap().name, None);
}
