//! Who has a lock for too long is named to who waits for it in vain, so that somebody can do something about it.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::common::namespace::{MOUNTS, mount_tmpfs, unshared};
use crate::common::{Peer, by_id, child_role, hear, say, temp_store, until};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, Error, Layout, LockHolder, Result, SceneWriter, SharedBuffer, SharedSceneBuffer, Store,
    StoreOptions,
};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, files) = child_role();
    if role == "look without /proc" {
        mount_tmpfs("/proc".as_ref(), "size=4k");
        let busy = Store::open(&StoreOptions::at(files).unswept()).unwrap().check_lock();
        return say(&busy.unwrap_err().to_string());
    }
    if let Some(id) = role.strip_prefix("write ") {
        let (store, id) = (
            Store::open(&StoreOptions::at(files)).unwrap(),
            by_id(id.parse().unwrap()),
        );
        let _edit = SharedBuffer::open(&store, &id).unwrap().edit(1).unwrap();
        say("writing");
        return drop(hear());
    }
    if let Some(id) = role.strip_prefix("fill ") {
        let store = Store::open(&StoreOptions::at(files)).unwrap();
        let _writer = SceneWriter::fill(&store, &by_id(id.parse().unwrap())).unwrap();
        say("filling");
        return drop(hear());
    }
    let files: Vec<_> = files.split(' ').map(|path| File::open(path).unwrap()).collect();
    for file in &files {
        flock(file.as_fd(), FlockOperation::LockExclusive).unwrap();
    }
    say("locked");
    hear();
}

/// A process that has files locked; stopped or not.
struct Holder(Peer);

impl Holder {
    fn of(files: &[String]) -> Self {
        let mut peer = Peer::start("lock", &files.join(" "));
        peer.expect("locked");
        Self(peer)
    }

    fn stop(&self) {
        kill_process(Pid::from_raw(self.0.pid()).unwrap(), Signal::STOP).unwrap();
        let stat = format!("/proc/{}/stat", self.0.pid());
        until("it is stopped", || {
            fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())
        });
    }

    #[track_caller]
    fn assert_named(&self, result: &Result<()>, stopped: bool) {
        let Err(Error::Busy {
            holder:
                Some(LockHolder {
                    pid,
                    program,
                    stopped: found,
                }),
            ..
        }) = result
        else {
            panic!("{result:?}")
        };
        assert_eq!((i32::try_from(*pid).unwrap(), *found), (self.0.pid(), stopped));
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(program.as_deref(), Some(comm.trim_end()));
        let said = result.as_ref().unwrap_err().to_string();
        let state = if stopped { ", stopped" } else { "" };
        assert!(
            said.contains(&format!("{} (process {pid}{state})", comm.trim_end())),
            "{said}"
        );
        assert_eq!(said.contains(&format!("kill -CONT {pid}")), stopped, "{said}");
    }
}

fn file(store: &Store, name: &str) -> String {
    store.path().join(name).display().to_string()
}

#[test]
fn a_stopped_process_that_has_a_lock_is_named() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::default();
    let buffer = SharedBuffer::create(&store, 10, &options).unwrap().id();
    let mut holder = Holder::of(&[file(&store, ".lock"), file(&store, &format!("{buffer}.shm"))]);
    holder.assert_named(&store.check_lock(), false);
    holder.stop();
    // Each waits for 5 s, as it must for one that is only slow.
    let ways: [&(dyn Fn() -> Result<()> + Sync); 4] = [
        &|| store.set_quota(Some(1 << 30)),
        &|| SharedSceneBuffer::write(&store, b"x", &options.clone().name("new")).map(drop),
        &|| SharedBuffer::open(&store, &by_id(buffer)).map(drop),
        &|| store.check_lock(),
    ];
    std::thread::scope(|scope| {
        for way in ways {
            let holder = &holder;
            scope.spawn(move || holder.assert_named(&way(), true));
        }
    });
    holder.0.kill();
    for way in ways {
        way().unwrap();
    }
}

#[test]
fn a_stopped_process_that_writes_or_fills_is_named() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::default();
    let buffer = SharedBuffer::create(&store, 10, &options).unwrap();
    let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [4]))]).unwrap();
    let scene = SharedSceneBuffer::create_empty(&store, &layout, &options).unwrap();
    let start = |role: String, said| {
        let mut peer = Peer::start(&role, &store.path().display().to_string());
        peer.expect(said);
        Holder(peer)
    };
    let writer = start(format!("write {}", buffer.id()), "writing");
    let filler = start(format!("fill {}", scene.id()), "filling");
    let fill = || SceneWriter::fill(&store, &by_id(scene.id())).map(drop);
    filler.assert_named(&fill(), false);
    writer.stop();
    filler.stop();
    filler.assert_named(&fill(), true);
    writer.assert_named(&buffer.read().map(drop), true);
}

/// Without `/proc` nobody can be named.
#[test]
fn where_the_system_does_not_say_who_it_is_somebody_else_has_it() {
    let (_parent, store) = temp_store();
    let _holder = Holder::of(&[file(&store, ".lock")]);
    let mut peer = unshared(&MOUNTS, "look without /proc", &store.path().display().to_string());
    peer.expect("the store's lock was held by somebody else for 500ms; try again when they let go");
    peer.end();
}

/// What it cannot do without the lock it leaves to the next sweep.
#[test]
fn a_sweep_waits_for_no_lock() {
    let (_parent, store) = temp_store();
    let brief = BufferOptions::default().ttl(Duration::from_nanos(1));
    for i in 0..4 {
        SharedSceneBuffer::write(&store, b"x", &brief.clone().name(i.to_string())).unwrap();
    }
    let holder = Holder::of(&[file(&store, ".lock")]);
    holder.stop();
    let started = Instant::now();
    let report = store.gc(false).unwrap();
    // It would wait for 5 s for each.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(report.removed.len(), 4);
    drop(holder);
    let links = || {
        fs::read_dir(store.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension() == Some("name".as_ref()))
    };
    assert_eq!(links().count(), 4);
    store.gc(false).unwrap();
    assert_eq!(links().count(), 0);
}
