//! A file system without free inodes is a full store, whatever is to be made there.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use crate::common::namespace::{MOUNTS, mount_tmpfs, unshared};
use crate::common::{by_id, child_role, say};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, Layout, Result, SceneWriter, SharedBuffer, SharedSceneBuffer,
    SpaceLimit, Store, StoreOptions,
};

const INODES: usize = 40;
const LATER: Duration = Duration::from_secs(60);
/// More than any of the ways below needs: a pool's slots, its control file and its name, the lock file, the quota.
const ENOUGH: usize = 8;

#[test]
fn every_way_to_make_something_says_that_there_are_no_inodes() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let mut peer = unshared(&MOUNTS, "run out", &parent.path().display().to_string());
    assert_eq!(peer.next().as_deref(), Some("done"));
    peer.end();
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (_, path) = child_role();
    let path = Path::new(&path);
    mount_tmpfs(path, &format!("size=64m,mode=700,nr_inodes={INODES}"));
    let (root, others) = (path.join("store"), path.join("others"));
    fs::create_dir(&others).unwrap();
    let store = Store::open(&StoreOptions::at(&root)).unwrap();
    let kept = SharedBuffer::create(&store, 10, &named("old")).unwrap();
    for lock in [true, false] {
        for free in 0..=ENOUGH {
            leave_free(path, &others, free);
            for (way, make) in ways() {
                if !lock {
                    fs::remove_file(root.join(".lock")).unwrap();
                }
                let expected = free + usize::from(!lock);
                check(way, make(&store), expected);
                // Whatever was left is taken again.
                if !root.join(".lock").exists() {
                    File::create(root.join(".lock")).unwrap();
                }
                assert_eq!(free_inodes(path), free, "{way} left something, or took it");
            }
            let other = path.join("other");
            check(
                "store",
                Store::open(&StoreOptions::at(&other).unswept()).map(drop),
                free,
            );
            let _ = fs::remove_dir_all(&other);
        }
    }
    what_makes_room_for_a_time_takes_not_what_it_is_for(&store, path, &others);
    leave_free(path, &others, 0);
    let largest = store.room().unwrap();
    assert_eq!((largest.available, largest.limit), (0, SpaceLimit::Inodes));
    // Nothing is made to delete something.
    store.delete(&by_id(kept.id())).unwrap();
    SharedBuffer::create(&store, 10, &BufferOptions::default()).unwrap();
    say("done");
}

/// Two that expired: to keep one, the other goes.
fn what_makes_room_for_a_time_takes_not_what_it_is_for(store: &Store, path: &Path, others: &Path) {
    leave_free(path, others, ENOUGH);
    let brief = BufferOptions::default().ttl(Duration::from_nanos(1));
    let [kept, other] = [(); 2].map(|()| SharedSceneBuffer::write(store, b"x", &brief).unwrap().id());
    leave_free(path, others, 0);
    store.set_ttl(&by_id(kept), Duration::ZERO).unwrap();
    assert!(store.describe(&by_id(kept)).unwrap().expires.is_none());
    assert!(matches!(store.describe(&by_id(other)), Err(Error::NotFound { .. })));
    // Nothing more expired.
    let full = store.set_ttl(&by_id(kept), LATER);
    assert!(
        matches!(
            full,
            Err(Error::StoreFull {
                limit: SpaceLimit::Inodes,
                ..
            })
        ),
        "{full:?}"
    );
    assert!(store.describe(&by_id(kept)).unwrap().expires.is_none());
    // What it was made with needs none.
    store.set_ttl(&by_id(kept), Duration::from_nanos(1)).unwrap();
    store.gc(false).unwrap();
    assert!(matches!(store.describe(&by_id(kept)), Err(Error::NotFound { .. })));
}

fn check(way: &str, result: Result<()>, free: usize) {
    match result {
        Ok(()) => assert!(free > 0, "{way} needs an inode, and there is none"),
        Err(
            error @ Error::StoreFull {
                limit: SpaceLimit::Inodes,
                ..
            },
        ) => {
            let said = error.to_string();
            assert!(free < ENOUGH, "{way} with {free}: {said}");
            assert!(said.contains("no free inode") && !said.contains("available"), "{said}");
        }
        Err(error) => panic!("{way} with {free} inodes: {error:?}"),
    }
}

fn free_inodes(path: &Path) -> usize {
    usize::try_from(rustix::fs::statvfs(path).unwrap().f_favail).unwrap()
}

/// Makes or removes files beside the store until so many more can be made.
fn leave_free(path: &Path, others: &Path, free: usize) {
    for number in 0.. {
        let file = others.join(number.to_string());
        match free_inodes(path) {
            left if left > free => drop(File::create(file).unwrap()),
            left if left < free => remove_any(others),
            _ => return,
        }
    }
}

fn remove_any(directory: &Path) {
    let mut files = fs::read_dir(directory).unwrap();
    fs::remove_file(files.next().unwrap().unwrap().path()).unwrap();
}

fn named(name: &str) -> BufferOptions {
    BufferOptions::default().name(name)
}

type Way = (&'static str, fn(&Store) -> Result<()>);

/// Every way to make something; it is given up at once.
fn ways() -> [Way; 9] {
    [
        ("buffer", |store| {
            SharedBuffer::create(store, 10, &BufferOptions::default())?.unlink()
        }),
        ("named buffer", |store| {
            SharedBuffer::create(store, 10, &named("new"))?.unlink()
        }),
        ("scene", |store| {
            SharedSceneBuffer::write(store, b"x", &BufferOptions::default())?.unlink()
        }),
        ("named scene", |store| {
            SharedSceneBuffer::write(store, b"x", &named("new"))?.unlink()
        }),
        ("compressed scene", |store| {
            SharedSceneBuffer::write(store, &[0; 5000], &BufferOptions::default().compress(true))?.unlink()
        }),
        ("writer", |store| {
            let layout = Layout::new([("a", ArraySpec::new("u1".parse()?, [4]))])?;
            SceneWriter::new(store, layout, named("new"))?.finish()?.unlink()
        }),
        ("pool", |store| {
            let pool = BufferPool::create(store, 2, 10, &named("new"))?;
            store.delete(&by_id(pool.id())).map(drop)
        }),
        ("ttl", |store| {
            let buffer = SharedBuffer::create(store, 10, &BufferOptions::default())?;
            let kept = store.set_ttl(&by_id(buffer.id()), Duration::ZERO);
            buffer.unlink()?;
            kept.map(drop)
        }),
        ("quota", |store| {
            store.set_quota(Some(1 << 30))?;
            store.set_quota(None)
        }),
    ]
}
