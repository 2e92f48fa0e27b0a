//! A process that may not make long files (`ulimit -f`) is told so, and never ended by SIGXFSZ.
#![allow(unsafe_code, reason = "limits and signals of this process have no safe form")]

use crate::common::{Peer, by_id, child_role, noise, say, temp_store};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, Layout, Result, SceneWriter, SharedBuffer, SharedSceneBuffer,
    SpaceLimit, Store, StoreOptions,
};

/// What a header takes.
const HEADER: u64 = 4096;
const LENS: [u64; 2] = [20_000, 3 << 20];

fn limit_files(limit: u64) {
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: a valid limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
}

fn layout(len: u64) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [len]))]).unwrap()
}

/// Makes files of `len` bytes beside their headers in each way, and gives them up.
fn every_way(store: &Store, len: u64) -> Vec<(&'static str, Result<()>)> {
    let bytes = noise(len, usize::try_from(len).unwrap());
    let options = BufferOptions::default();
    let arrays = [("a", ArraySpec::new("u1".parse().unwrap(), [len]), (&bytes).into())];
    let named = options.clone().name("x").replace(true);
    let compressed = options.clone().compress(true);
    vec![
        (
            "buffer",
            SharedBuffer::create(store, len, &options).and_then(|made| made.unlink()),
        ),
        (
            "named",
            SharedBuffer::create(store, len, &named).and_then(|made| made.unlink()),
        ),
        (
            "scene",
            SharedSceneBuffer::write(store, &bytes, &options).and_then(|made| made.unlink()),
        ),
        (
            "arrays",
            SharedSceneBuffer::write_arrays(store, arrays, &options).and_then(|made| made.unlink()),
        ),
        (
            "noise",
            SharedSceneBuffer::write(store, &bytes, &compressed).and_then(|made| made.unlink()),
        ),
        (
            "writer",
            SceneWriter::new(store, layout(len), options.clone())
                .and_then(SceneWriter::finish)
                .and_then(|made| made.unlink()),
        ),
        (
            "empty",
            SharedSceneBuffer::create_empty(store, &layout(len), &options).and_then(|made| made.unlink()),
        ),
        ("pool", BufferPool::create(store, 4, len, &options).map(drop)),
    ]
}

/// Whether it worked, or was refused for this limit.
#[track_caller]
fn worked(what: &str, limit: u64, result: Result<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(
            error @ Error::StoreFull {
                requested,
                available,
                limit: SpaceLimit::FileSize,
                ..
            },
        ) => {
            assert!(available == limit && requested > limit, "{what}: {error}");
            assert!(
                error.to_string().contains("ulimit -f") && !error.is_transient(),
                "{error}"
            );
            false
        }
        Err(error) => panic!("{what} with a limit of {limit}: {error}"),
    }
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (_, path) = child_role();
    // SAFETY: the default disposition, which ends the process.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_DFL) };
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    let options = BufferOptions::default();
    let buffer = SharedBuffer::create(&store, 1 << 20, &options).unwrap();
    let pool = BufferPool::create(&store, 2, 1 << 20, &options).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout(LENS[0]), &options).unwrap();
    let used = store.used_bytes().unwrap();
    for limit in [0, 1, 1000, HEADER, 20_000, HEADER + LENS[0], 1 << 20, HEADER + LENS[1]] {
        limit_files(limit);
        assert!(store.room().unwrap().available <= limit);
        for len in LENS {
            for (way, result) in every_way(&store, len) {
                assert_eq!(
                    worked(way, limit, result),
                    HEADER + len <= limit,
                    "{way} of {len} with {limit}"
                );
                assert_eq!(
                    store.used_bytes().unwrap(),
                    used,
                    "{way} of {len} with {limit} left something"
                );
            }
        }
        // What is compressed is as long as it becomes.
        let halves = [noise(1, 100_000), vec![7; 3 << 20]].concat();
        let small = SharedSceneBuffer::write(&store, &halves, &options.clone().compress(true));
        let small = worked("compressed", limit, small.and_then(|made| made.unlink()));
        assert_eq!(small, limit >= 1 << 20, "{limit}");
        // A quota is a file too, of seven bytes here.
        let quota = worked("quota", limit, store.set_quota(Some(9_000_000 + limit % 7)));
        assert_eq!(quota, limit >= 7, "{limit}");
        store.set_quota(None).unwrap();
        // What is there can be used, however long it is.
        buffer.write(&noise(2, 1 << 20)).unwrap();
        let edit = buffer.edit(1 << 20).unwrap();
        edit.memory().copy_in(0, &noise(3, 1 << 20)).unwrap();
        edit.finish().unwrap();
        assert!(buffer.read().unwrap() == noise(3, 1 << 20));
        let slot = pool.acquire().unwrap();
        slot.write(&noise(4, 1 << 20)).unwrap();
        // A scene can be filled if its header can be written.
        let filling = SceneWriter::fill(&store, &by_id(empty.id())).map(drop);
        assert_eq!(worked("fill", limit, filling), limit >= HEADER, "{limit}");
    }
    limit_files(HEADER);
    let writer = SceneWriter::fill(&store, &by_id(empty.id())).unwrap();
    writer.memory().copy_in(0, b"filled").unwrap();
    assert_eq!(writer.finish().unwrap().view().unwrap()[..6], *b"filled");
    say("done");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_no_signal() {
    let (_parent, store) = temp_store();
    let mut peer = Peer::start("limited", &store.path().display().to_string());
    let said = peer.next();
    assert_eq!(said.as_deref(), Some("done"), "ended with {}", peer.status());
}
