//! A store that is emptied, made read-only, replaced by a link or filled with rubbish while it is in use: what cannot be
//! done is an error, what is read is right, and afterwards all works again.
//!
//! Its users have no privileges, so that modes bind them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use crate::common::{Image, Peer, Unprivileged, child_role, frame, hear, noise, number_of, path_of, say};
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, Reference, SharedBuffer, SharedSceneBuffer, Store, StoreOptions};
use uuid::Uuid;

/// Longest frame in bytes.
const SIZE: usize = 8 << 10;
/// Rounds of each user during each abuse.
const ROUNDS: u64 = 100;
/// Files that a store is filled with.
const RUBBISH: usize = 10_000;

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    assert!(!rustix::process::geteuid().is_root(), "run without privileges");
    let path = Path::new(&path);
    match role.as_str() {
        "use" => use_it(path),
        "fill" => fill(path),
        "look" => {
            let store = Store::open(&StoreOptions::at(path)).unwrap();
            store.gc(false).unwrap();
            let (listing, report) = (store.list().unwrap(), store.gc(true).unwrap());
            say(&format!(
                "{} good, {} damaged, {} kept, {} to be removed",
                listing.buffers.len() + listing.pools.len(),
                listing.damaged.len(),
                report.kept.len(),
                report.removed.len()
            ));
        }
        other => panic!("no role {other}"),
    }
}

/// Does everything, again and again, for as many rounds as it is told. Errors are counted; anything else ends it.
fn use_it(path: &Path) {
    let mut store = Store::open(&StoreOptions::at(path)).unwrap();
    let mut number = u64::from(std::process::id()) << 32;
    let mut tally = BTreeMap::new();
    let mut count = |result: Result<(), Error>| {
        let outcome = match result {
            Ok(()) => "worked".to_owned(),
            // Names of variants without their facts.
            Err(error) => format!("{error:?}").split([' ', '{']).next().unwrap().to_owned(),
        };
        *tally.entry(outcome).or_insert(0u64) += 1;
    };
    say("using");
    while let Ok(rounds) = hear().parse::<u64>() {
        for _ in 0..rounds {
            number += 1;
            let bytes = frame(number, SIZE);
            count(rewrite(&store, &bytes));
            count(share(&store, &bytes));
            count(stream(&store, &bytes));
            count(store.list().map(drop));
            count(store.gc(false).map(drop));
            count(Store::open(&StoreOptions::at(path)).map(|opened| store = opened));
        }
        say("done");
    }
    say(&format!("{tally:?}"));
}

fn options(kind: &str) -> BufferOptions {
    BufferOptions::default()
        .name(format!("{kind} of {}", std::process::id()))
        .replace(true)
}

fn rewrite(store: &Store, bytes: &[u8]) -> Result<(), Error> {
    let buffer = SharedBuffer::create(store, SIZE as u64, &options("buffer"))?;
    buffer.write(bytes)?;
    assert_eq!(buffer.read()?, bytes, "whatever happens to its directory");
    assert_eq!(buffer.view()?.to_vec()?, bytes);
    let opened = SharedBuffer::open(store, &buffer.id().into())?;
    assert_eq!(opened.read()?, bytes);
    buffer.unlink()
}

fn share(store: &Store, bytes: &[u8]) -> Result<(), Error> {
    let scene = SharedSceneBuffer::write(store, bytes, &options("scene").ttl(Duration::from_nanos(1)))?;
    assert_eq!(scene.read()?, bytes);
    let view = scene.view()?;
    let name = Reference::Name(format!("scene of {}", std::process::id()));
    let found = SharedSceneBuffer::open(store, &name)?;
    assert_eq!(number_of(&found.read()?), number_of(bytes), "the newest of its name");
    assert_eq!(&view[..], bytes);
    Ok(())
}

fn stream(store: &Store, bytes: &[u8]) -> Result<(), Error> {
    let pool = BufferPool::create(store, 2, SIZE as u64, &BufferOptions::default())?;
    let slot = pool.acquire()?;
    slot.write(bytes)?;
    assert_eq!(
        SharedBuffer::from_descriptor(&slot.descriptor()?.to_json())?.read()?,
        bytes
    );
    Ok(())
}

/// Fills the directory, as its owner, with what has the names of a store's files and what has not.
fn fill(path: &Path) {
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    let good = SharedBuffer::create(&store, 64, &BufferOptions::default().name("model")).unwrap();
    let image = Image::of(&good.path());
    for i in 0..RUBBISH {
        let (id, seed) = (Uuid::new_v4(), i as u64);
        let file = path_of(&store, id);
        let made = match i % 8 {
            0 => fs::write(&file, noise(seed, 5000)),
            1 => fs::write(&file, ""),
            2 => symlink("/etc/passwd", &file),
            3 => fs::create_dir(&file),
            4 if i % 16 < 8 => symlink("nowhere", store.path().join(format!("{i}.names.old"))),
            4 => fs::write(store.path().join(format!("{i}.blend")), noise(seed, 100)),
            5 => fs::write(store.path().join(format!("{}.shm", id.simple())), &image.0),
            6 => symlink("nowhere", store.path().join(format!("{id}.name"))),
            _ => {
                // A good header with a bit that is wrong, and another id.
                let mut image = image.clone();
                image.put(40 + i % 90, &[0xff, 0x55]);
                fs::write(&file, &image.0)
            }
        };
        made.unwrap();
    }
    good.unlink().unwrap();
    say("filled");
}

/// Users of a store, who are told how long to go on.
struct Users([Peer; 2]);

impl Users {
    fn of(user: &Unprivileged) -> Self {
        let path = user.store().display().to_string();
        let mut users = [(); 2].map(|()| user.start("use", &path));
        for peer in &mut users {
            peer.expect("using");
        }
        Self(users)
    }

    fn go(&mut self, rounds: u64) {
        for peer in &mut self.0 {
            peer.tell(&rounds.to_string());
        }
    }

    fn done(&mut self) {
        for peer in &mut self.0 {
            peer.expect("done");
        }
    }

    /// Ends them, and gives what they say of their calls.
    fn end(self) -> Vec<String> {
        self.0
            .into_iter()
            .map(|mut peer| {
                peer.tell("stop");
                let said = peer.hears();
                peer.end();
                said
            })
            .collect()
    }
}

/// Lets users work while something is done to their store again and again, and then without that.
fn abuse(what: &str, mut does: impl FnMut(&Path)) -> (Unprivileged, Vec<String>) {
    let user = Unprivileged::new();
    let mut users = Users::of(&user);
    users.go(ROUNDS);
    let finished = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            users.done();
            finished.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        while !finished.load(std::sync::atomic::Ordering::Relaxed) {
            does(&user.store());
        }
    });
    users.go(1);
    users.done();
    let said = users.end();
    crate::common::print(&format!("{what}: {}", said.join(" ")));
    (user, said)
}

/// A new user finds a store that works, and nothing of the others in it.
#[track_caller]
fn assert_works(user: &Unprivileged) {
    let mut users = Users::of(user);
    users.go(5);
    users.done();
    for said in users.end() {
        assert_eq!(said, format!("{{\"worked\": {}}}", 5 * 6));
    }
}

#[test]
fn one_that_is_emptied_all_the_time() {
    let (user, said) = abuse("emptied", |store| {
        for entry in fs::read_dir(store).into_iter().flatten() {
            // Gone already, or a directory of nobody's.
            let _ = fs::remove_file(entry.unwrap().path());
        }
    });
    assert!(said.iter().any(|said| said.contains("NotFound")), "{said:?}");
    assert_works(&user);
}

#[test]
fn one_that_is_removed_all_the_time() {
    let (user, _) = abuse("removed", |store| {
        let _ = fs::remove_dir_all(store);
    });
    assert_works(&user);
}

#[test]
fn one_that_becomes_read_only() {
    let (user, said) = abuse("read-only", |store| {
        for mode in [0o500, 0o700] {
            fs::set_permissions(store, fs::Permissions::from_mode(mode)).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    assert!(said.iter().all(|said| said.contains("Io")), "{said:?}");
    assert_works(&user);
}

#[test]
fn one_that_is_replaced_by_a_link() {
    let (user, said) = abuse("a link", |store| {
        let aside = store.with_file_name("aside");
        if fs::rename(store, &aside).is_ok() {
            // Before it and behind it, who opens the store may make a directory there.
            if symlink("aside", store).is_ok() {
                std::thread::sleep(Duration::from_millis(2));
                fs::remove_file(store).unwrap();
            }
            let _ = fs::remove_dir_all(store);
            let _ = fs::rename(&aside, store);
        }
        std::thread::sleep(Duration::from_millis(2));
    });
    assert!(said.iter().any(|said| said.contains("UnsafeStore")), "{said:?}");
    assert_works(&user);
}

#[test]
fn one_that_is_filled_with_rubbish() {
    let user = Unprivileged::new();
    let mut users = Users::of(&user);
    let mut filler = user.start("fill", &user.store().display().to_string());
    users.go(3);
    filler.expect("filled");
    filler.end();
    users.done();
    users.go(2);
    users.done();
    for said in users.end() {
        assert_eq!(said, format!("{{\"worked\": {}}}", 5 * 6));
    }
    let damaged = RUBBISH * 5 / 8;
    let mut looker = user.start("look", &user.store().display().to_string());
    looker.expect(&format!("0 good, {damaged} damaged, {damaged} kept, 0 to be removed"));
    let left = fs::read_dir(user.store())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left = left.filter(|name| !name.to_str().unwrap().starts_with('.')).count();
    assert_eq!(left, RUBBISH * 7 / 8, "all but the names of nothing");
}
