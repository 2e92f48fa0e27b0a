//! What a container's seccomp profile or a file system refuses: another way where there is one that is as certain, else an
//! error that says what is refused.
#![allow(
    unsafe_code,
    reason = "what a child writes by numbers of descriptors has no safe form"
)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use crate::common::{Peer, argument, by_id, child_role, hear, in_fork, opened, say, temp_store};
use crate::refusal::{Call, refuse};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, BufferState, Error, Layout, SceneWriter, SharedBuffer, SharedSceneBuffer,
    SpaceLimit, Store, StoreOptions,
};
use uuid::Uuid;

pub(crate) const F_SETSIG: i32 = 10;
/// What profiles, old kernels and file systems say.
const ERRORS: [i32; 5] = [libc::EPERM, libc::ENOSYS, libc::EINVAL, libc::ENOTTY, libc::EOPNOTSUPP];

/// A call of the crate.
type Way<'a> = &'a (dyn Fn() -> Result<(), Error> + Sync);

fn layout(len: u64) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [len]))]).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (role, errno) = role.split_once(" -> ").unwrap();
    let errno = errno.parse().unwrap();
    let (store, id) = opened(&argument);
    match role {
        "write without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            write_scenes(&store);
        }
        "write without their signal" => {
            refuse(&[Call::fcntl(F_SETSIG)], errno);
            write_scenes(&store);
        }
        "fork while writing without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            seal_beside_a_child(&store);
        }
        "begin to fill without leases" => {
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            let filled = SceneWriter::fill(&store, &by_id(id)).map(drop);
            assert_no_leases(filled, errno);
        }
        "finish without leases" => {
            let writer = SceneWriter::fill(&store, &by_id(id)).unwrap();
            writer.memory().copy_in(0, b"data").unwrap();
            refuse(&[Call::fcntl(libc::F_SETLEASE)], errno);
            assert_no_leases(writer.finish().map(drop), errno);
        }
        "use no random numbers" => {
            refuse(&[Call::all(libc::SYS_getrandom)], errno);
            in_new_thread(|| random_numbers_are_missed(&store, id, errno));
        }
        "use the device of random numbers" => {
            // Who had numbers before is refused them too.
            SharedBuffer::create(&store, 1, &BufferOptions::default()).unwrap();
            refuse(&[Call::all(libc::SYS_getrandom)], errno);
            in_new_thread(|| write_scenes(&store));
        }
        "have no room" => have_no_room(&store, errno),
        other => panic!("no role {other}"),
    }
    say("done");
    hear();
}

/// Everything that is written before anybody can see it: small, large, filled in place, compressed.
fn write_scenes(store: &Store) {
    let options = BufferOptions::default();
    let large = vec![7; 5 << 20];
    let writer = SceneWriter::new(store, layout(5 << 20), options.clone()).unwrap();
    let kept = writer.memory().clone();
    kept.copy_in(0, &large).unwrap();
    let filled = writer.finish().unwrap();
    kept.copy_in(0, b"late").unwrap();
    let scenes = [
        (
            SharedSceneBuffer::write(store, b"small", &options).unwrap(),
            &b"small"[..],
        ),
        (SharedSceneBuffer::write(store, &large, &options).unwrap(), &large),
        (
            SharedSceneBuffer::write(store, &large, &options.compress(true)).unwrap(),
            &large,
        ),
        (filled, &large),
    ];
    for (scene, data) in scenes {
        assert!(scene.read().unwrap() == data);
        assert_eq!(scene.state().unwrap(), BufferState::Sealed);
        let mode = fs::metadata(scene.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o400);
    }
}

/// A child that was forked while the scene was filled has all that could write to it.
fn seal_beside_a_child(store: &Store) {
    let len = 5 << 20;
    let writer = SceneWriter::new(store, layout(len), BufferOptions::default()).unwrap();
    let memory = writer.memory().clone();
    memory.copy_in(0, &[1; 1000]).unwrap();
    let (mut sealed, mut tell) = std::io::pipe().unwrap();
    let (mut wrote, mut told) = std::io::pipe().unwrap();
    let child = in_fork(|| {
        sealed.read_exact(&mut [0]).unwrap();
        // Memory of its own by now, or none at all.
        let _ = memory.copy_in(0, &[2; 1000]);
        for fd in 3..100 {
            // SAFETY: whatever descriptor this is, it is this child's copy, and the bytes are there.
            unsafe { libc::pwrite(fd, [3u8; 1000].as_ptr().cast(), 1000, 4096) };
        }
        told.write_all(&[0]).unwrap();
        0
    });
    let scene = writer.finish().unwrap();
    tell.write_all(&[0]).unwrap();
    wrote.read_exact(&mut [0]).unwrap();
    assert_eq!(scene.state().unwrap(), BufferState::Sealed);
    assert!(
        scene.read().unwrap()[..1000] == [1; 1000],
        "the child wrote to a sealed scene"
    );
    assert_eq!(child.code(), Some(0));
}

#[track_caller]
fn assert_no_leases(result: Result<(), Error>, errno: i32) {
    let Err(Error::NoLeases { source, .. }) = &result else {
        panic!("{result:?}")
    };
    assert_eq!(source.raw_os_error(), Some(errno));
    let said = result.unwrap_err().to_string();
    assert!(
        said.contains("F_SETLEASE") && said.contains("write a new scene"),
        "{said}"
    );
}

/// What maps of the standard library have of random numbers is kept for each thread, and asked for at its first one.
fn in_new_thread(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap();
}

/// Nothing can be made without an id, nor read without the maps of the standard library.
fn random_numbers_are_missed(store: &Store, id: Uuid, errno: i32) {
    let options = BufferOptions::default();
    let reference = by_id(id);
    let system_says = std::io::Error::from_raw_os_error(errno).to_string();
    let ways: [(&str, Way<'_>); 7] = [
        ("buffer", &|| SharedBuffer::create(store, 1, &options).map(drop)),
        ("scene", &|| SharedSceneBuffer::write(store, b"x", &options).map(drop)),
        ("layout", &|| {
            Layout::new([("a", ArraySpec::new("u1".parse()?, [1]))]).map(drop)
        }),
        ("pool", &|| BufferPool::create(store, 1, 1, &options).map(drop)),
        ("quota", &|| store.set_quota(Some(1 << 30))),
        ("open", &|| SharedSceneBuffer::open(store, &reference).map(drop)),
        ("describe", &|| store.describe(&reference).map(drop)),
    ];
    for (way, make) in ways {
        in_new_thread(|| {
            let Err(Error::Io { source, .. }) = make() else {
                panic!("{way}")
            };
            let said = source.to_string();
            assert!(
                said.contains("getrandom") && said.contains(&system_says),
                "{way}: {said}"
            );
        });
    }
}

/// Each step of making something, as the first one that fails: what a process is refused once, it is refused from then on.
fn have_no_room(store: &Store, errno: i32) {
    let options = BufferOptions::default();
    let named = options.clone().name("new");
    let ways: [(Call, Way<'_>); 6] = [
        (Call::all(libc::SYS_symlinkat), &|| {
            SharedSceneBuffer::write(store, b"x", &named).map(drop)
        }),
        (Call::all(libc::SYS_pwrite64), &|| {
            SharedSceneBuffer::write(store, b"x", &options).map(drop)
        }),
        (Call::all(libc::SYS_fallocate), &|| {
            SceneWriter::new(store, layout(4 << 20), options.clone()).map(drop)
        }),
        (Call::create(), &|| SharedBuffer::create(store, 1, &options).map(drop)),
        (Call::create(), &|| store.set_quota(Some(1 << 30))),
        (Call::all(libc::SYS_mkdirat), &|| {
            Store::open(&StoreOptions::at(store.path().with_file_name("other"))).map(drop)
        }),
    ];
    for (call, make) in ways {
        refuse(std::slice::from_ref(&call), errno);
        let result = make();
        let Err(Error::StoreFull {
            requested,
            available,
            limit,
            ..
        }) = &result
        else {
            panic!("{call:?}: {result:?}")
        };
        assert!(*requested > 0 && available <= requested, "{call:?}: {result:?}");
        assert_eq!(*limit == SpaceLimit::UserQuota, errno == libc::EDQUOT, "{call:?}");
        let useless = format!("{requested} bytes were asked for and {requested} are available");
        let said = result.unwrap_err().to_string();
        assert!(!said.contains(&useless), "{call:?}: {said}");
    }
    assert_eq!(store.used_bytes().unwrap(), 0, "nothing is left of what failed");
}

fn run(role: &str, errno: i32, argument: &str) {
    let mut peer = Peer::start(&format!("{role} -> {errno}"), argument);
    assert_eq!(peer.next().as_deref(), Some("done"), "{role} with {errno}");
    peer.end();
}

#[test]
fn without_leases_a_scene_that_nobody_has_seen_is_sealed_all_the_same() {
    let (_parent, store) = temp_store();
    for errno in ERRORS {
        for role in [
            "write without leases",
            "write without their signal",
            "fork while writing without leases",
        ] {
            run(role, errno, &argument(&store, Uuid::nil()));
        }
    }
}

#[test]
fn without_leases_a_scene_that_others_have_seen_is_refused_and_stays_empty() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::create_empty(&store, &layout(4), &BufferOptions::default()).unwrap();
    for errno in ERRORS {
        for role in ["begin to fill without leases", "finish without leases"] {
            run(role, errno, &argument(&store, scene.id()));
            assert_eq!(scene.state().unwrap(), BufferState::Empty, "{role}");
            let mode = fs::metadata(scene.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{role}: it can be filled by others");
        }
    }
    let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
    writer.memory().copy_in(0, b"data").unwrap();
    assert_eq!(writer.finish().unwrap().read().unwrap(), b"data");
}

#[test]
fn without_getrandom_the_device_gives_random_numbers() {
    let (_parent, store) = temp_store();
    for errno in [libc::EPERM, libc::ENOSYS] {
        run(
            "use the device of random numbers",
            errno,
            &argument(&store, Uuid::nil()),
        );
    }
}

#[test]
fn without_random_numbers_there_is_an_error_and_no_panic() {
    let (_parent, store) = temp_store();
    let id = SharedSceneBuffer::write(&store, b"x", &BufferOptions::default())
        .unwrap()
        .id();
    run("use no random numbers", libc::EACCES, &argument(&store, id));
}

#[test]
fn whatever_has_no_room_is_a_full_store() {
    for errno in [libc::ENOSPC, libc::EDQUOT] {
        let (_parent, store) = temp_store();
        run("have no room", errno, &argument(&store, Uuid::nil()));
    }
}
