//! Deleting all that match: what is taken, what is left, and what is said before.

use std::fs;

use dcc_mcp_shm::{
    BufferFilter, BufferOptions, BufferPool, Deletable, Error, FileRole, NameFilter, SceneDataKind, SharedSceneBuffer,
    Store,
};
use uuid::Uuid;

use crate::common::temp_store;

fn scene(store: &Store, options: &BufferOptions) -> Uuid {
    SharedSceneBuffer::write(store, b"vertices", options).unwrap().id()
}

fn of(group: &str) -> BufferFilter {
    BufferFilter {
        group: Some(group.to_owned()),
        ..BufferFilter::default()
    }
}

fn ids(found: &[Deletable]) -> Vec<Uuid> {
    found.iter().map(|found| found.id).collect()
}

#[test]
fn a_group_is_its_buffers_and_pools_and_a_kind_is_data_alone() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::new(SceneDataKind::Geometry).group("shot");
    let first = scene(&store, &options);
    scene(&store, &BufferOptions::default().group("Shot"));
    let pool = BufferPool::create(&store, 2, 4096, &options.clone().persistent(true)).unwrap();
    let last = scene(&store, &options.clone().name("hero"));
    let found = store.would_delete_all(&of("shot")).unwrap();
    assert_eq!(ids(&found), [last, pool.id(), first], "newest first");
    assert_eq!(found[1].bytes, 5 * 4096);
    assert_eq!(found[1].role, Some(FileRole::Pool));
    for found in &found {
        assert_eq!(store.would_delete(&found.id.into()).unwrap(), *found);
    }
    let kind = BufferFilter {
        kind: Some(SceneDataKind::Geometry),
        ..BufferFilter::default()
    };
    assert_eq!(ids(&store.would_delete_all(&kind).unwrap()), [last, first]);
    // Slots go with their pool, and one that somebody else has deleted meanwhile is no failure.
    let slot = pool.acquire().unwrap().id();
    assert!(matches!(store.would_delete(&slot.into()), Err(Error::WrongRole { .. })));
    store.delete(&first.into()).unwrap();
    let done = store.delete_all(found, || true);
    assert!(done.failed.is_empty());
    assert_eq!(
        done.deleted.iter().map(|one| one.id).collect::<Vec<_>>(),
        [last, pool.id()]
    );
    assert!(store.would_delete_all(&of("shot")).unwrap().is_empty());
    assert_eq!(store.would_delete_all(&of("Shot")).unwrap().len(), 1);
}

#[test]
fn names_are_meant_by_their_form() {
    let (_parent, store) = temp_store();
    for name in [
        "beauty.0101",
        "beauty.0102",
        "Beauty.0103",
        "beauty",
        "a*b",
        "a\u{200b}b",
    ] {
        scene(&store, &BufferOptions::default().name(name));
    }
    scene(&store, &BufferOptions::default());
    let pool = BufferOptions::default().name("beauty.pool").persistent(true);
    BufferPool::create(&store, 1, 16, &pool).unwrap();
    for (pattern, expected) in [
        ("beauty.*", &["beauty.pool", "beauty.0102", "beauty.0101"][..]),
        ("beauty.010?", &["beauty.0102", "beauty.0101"]),
        ("beauty", &["beauty"]),
        ("a\\u{200b}?", &["a\u{200b}b"]),
        ("?eauty.*3", &["Beauty.0103"]),
        ("nothing*", &[]),
    ] {
        let filter = BufferFilter {
            name: Some(NameFilter::Like(pattern.to_owned())),
            ..BufferFilter::default()
        };
        let found = store.would_delete_all(&filter).unwrap();
        let names: Vec<_> = found.iter().filter_map(|found| found.name.as_deref()).collect();
        assert_eq!(names, expected, "{pattern}");
    }
}

#[test]
fn what_is_not_gone_on_with_stays_and_what_is_damaged_is_said_so() {
    let (_parent, store) = temp_store();
    for _ in 0..3 {
        scene(&store, &BufferOptions::default().group("shot"));
    }
    let found = store.would_delete_all(&of("shot")).unwrap();
    let mut asked = 0;
    let done = store.delete_all(found, || {
        asked += 1;
        asked < 3
    });
    assert_eq!((done.deleted.len(), done.failed.len()), (2, 0));
    let left = store.would_delete_all(&of("shot")).unwrap();
    assert_eq!(left.len(), 1);
    fs::write(store.path().join(format!("{}.shm", left[0].id)), b"junk").unwrap();
    let damaged = store.would_delete(&left[0].id.into()).unwrap();
    assert_eq!((damaged.role, damaged.bytes), (None, 4));
    assert!(matches!(
        store.would_delete(&Uuid::new_v4().into()),
        Err(Error::NotFound { .. })
    ));
}
