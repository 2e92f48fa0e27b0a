//! Who has what: the records of slots, and the processes that have a file open. Both are for people; locks decide.

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::id as own_pid;
use std::sync::Barrier;

use crate::common::{Peer, argument, by_id, child_role, hear, opened, path_of, say, temp_store};
use dcc_mcp_shm::{
    BufferOptions, BufferPool, Error, Reference, SharedBuffer, SharedSceneBuffer, SlotHolder, SlotStatus, Store,
};
use uuid::Uuid;

/// Where the record lies, as the format says: since, pid, program, generation.
const AT_HOLDER: u64 = 96;

fn program() -> String {
    fs::read_to_string("/proc/self/comm").unwrap().trim_end().to_owned()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (store, id) = opened(&argument);
    let reference = by_id(id);
    match role.as_str() {
        "take one" => {
            let pool = BufferPool::open(&store, &reference).unwrap();
            let slot = pool.acquire().unwrap();
            say(&slot.id().to_string());
            hear();
            drop(slot);
            say("given back");
            hear();
        }
        "take one in a fork" => {
            let pool = BufferPool::open(&store, &reference).unwrap();
            let mine = pool.acquire().unwrap();
            let child = crate::common::in_fork(|| {
                let Ok(slot) = pool.acquire() else { return 1 };
                say(&format!("{} {}", own_pid(), slot.id()));
                hear();
                0
            });
            assert_eq!(child.code(), Some(0));
            drop(mine);
        }
        "open" => {
            let buffer = SharedBuffer::open(&store, &reference).unwrap();
            say("open");
            hear();
            drop(buffer);
            say("closed");
            hear();
        }
        other => panic!("no role {other}"),
    }
}

fn slot_of(store: &Store, pool: Uuid, slot: Uuid) -> SlotStatus {
    let status = store.pool(&by_id(pool)).unwrap();
    status.slots.into_iter().find(|found| found.id == slot).unwrap()
}

fn holder_of(store: &Store, pool: Uuid, slot: Uuid) -> Option<SlotHolder> {
    slot_of(store, pool, slot).holder
}

fn pool(store: &Store, slots: usize) -> BufferPool {
    BufferPool::create(store, slots, 4096, &BufferOptions::default()).unwrap()
}

#[test]
fn a_slot_says_which_process_has_it_and_since_when() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 2);
    let mut peer = Peer::start("take one", &argument(&store, pool.id()));
    let theirs: Uuid = peer.hears().parse().unwrap();
    let mine = pool.acquire().unwrap();
    let holder = holder_of(&store, pool.id(), theirs).unwrap();
    assert_eq!(
        (i64::from(holder.pid), &holder.program),
        (i64::from(peer.pid()), &program())
    );
    let own = holder_of(&store, pool.id(), mine.id()).unwrap();
    assert_eq!(own.pid, own_pid());
    let created = store.pool(&by_id(pool.id())).unwrap().created_at;
    assert!(
        created <= holder.since && holder.since <= own.since,
        "{created} {holder:?} {own:?}"
    );
    drop(mine);
    peer.tell("give back");
    peer.expect("given back");
    for slot in store.pool(&by_id(pool.id())).unwrap().slots {
        assert_eq!((slot.in_use, slot.holder), (false, None));
    }
}

#[test]
fn a_killed_holder_is_named_no_more_and_the_next_one_is() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let mut peer = Peer::start("take one", &argument(&store, pool.id()));
    let slot: Uuid = peer.hears().parse().unwrap();
    assert!(holder_of(&store, pool.id(), slot).is_some());
    peer.kill();
    assert_eq!(holder_of(&store, pool.id(), slot), None);
    let _mine = pool.acquire().unwrap();
    assert_eq!(holder_of(&store, pool.id(), slot).unwrap().pid, own_pid());
}

#[test]
fn a_forked_child_signs_with_its_own_id() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 2);
    let mut peer = Peer::start("take one in a fork", &argument(&store, pool.id()));
    let said = peer.hears();
    let (pid, slot) = said.split_once(' ').unwrap();
    let holder = holder_of(&store, pool.id(), slot.parse().unwrap()).unwrap();
    // Its name is that of the thread that forked it.
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(
        (holder.pid.to_string().as_str(), holder.program.as_str()),
        (pid, comm.trim_end())
    );
    assert_ne!(pid, peer.pid().to_string());
    peer.tell("end");
    peer.end();
}

#[test]
fn who_only_reads_a_slot_is_not_said_to_hold_it() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let slot = pool.acquire().unwrap();
    let _reader = SharedBuffer::open(&store, &by_id(slot.id())).unwrap();
    let id = slot.id();
    drop(slot);
    let found = slot_of(&store, pool.id(), id);
    assert_eq!((found.in_use, found.holder), (true, None));
}

#[test]
fn hostile_records_are_harmless() {
    let (_parent, store) = temp_store();
    let pool = pool(&store, 1);
    let slot = pool.acquire().unwrap();
    let id = slot.id();
    slot.write(b"data").unwrap();
    let file = fs::OpenOptions::new().write(true).open(path_of(&store, id)).unwrap();
    let forge = |since: u64, pid: u32, program: &[u8; 16], generation: u32| {
        let record = [
            &since.to_le_bytes()[..],
            &pid.to_le_bytes(),
            program,
            &generation.to_le_bytes(),
        ]
        .concat();
        file.write_all_at(&record, AT_HOLDER).unwrap();
        holder_of(&store, pool.id(), id)
    };
    assert_eq!(forge(0, 7, b"1234567890123456", 1).unwrap().program, "1234567890123456");
    assert_eq!(forge(0, 7, b"\x00234567890123456", 1).unwrap().program, "");
    assert_eq!(
        forge(0, 7, b"\x1b[31mred\n\0more!!", 1).unwrap().program,
        "\\u{1b}[31mred\\u{a}"
    );
    assert_eq!(forge(0, 7, &[0xFF; 16], 1).unwrap().program, "\u{FFFD}".repeat(16));
    let extreme = forge(u64::MAX, u32::MAX, &[0; 16], 1).unwrap();
    assert_eq!(
        (extreme.pid, extreme.since.as_str()),
        (u32::MAX, "2554-07-21T23:34:33.709551Z")
    );
    assert_eq!(forge(0, 0, b"nobody\0\0\0\0\0\0\0\0\0\0", 1), None);
    assert_eq!(
        forge(0, 7, b"of before\0\0\0\0\0\0\0", 0),
        None,
        "a record of an earlier generation"
    );
    assert_eq!(slot.read().unwrap(), b"data");
    drop(slot);
    let _again = pool.acquire().unwrap();
    assert_eq!(holder_of(&store, pool.id(), id).unwrap().pid, own_pid());
}

#[test]
fn the_processes_that_have_a_file_open_are_found_and_go_with_their_locks() {
    let (_parent, store) = temp_store();
    let mine = SharedBuffer::create(&store, 100, &BufferOptions::default()).unwrap();
    let theirs = SharedSceneBuffer::write(&store, b"scene", &BufferOptions::default()).unwrap();
    let (mine_id, theirs_id) = (mine.id(), theirs.id());
    drop(theirs);
    let sorted = |mut pids: Vec<u32>| {
        pids.sort_unstable();
        Some(pids)
    };
    let of = |id| store.holders().of(id).map(<[u32]>::to_vec);
    // From inside a container nobody and somebody hidden look the same.
    let nobody = of(theirs_id);
    assert!(nobody.as_ref().is_none_or(Vec::is_empty), "{nobody:?}");

    let mut peer = Peer::start("open", &argument(&store, mine_id));
    peer.expect("open");
    let pid = u32::try_from(peer.pid()).unwrap();
    let again = SharedBuffer::open(&store, &by_id(mine_id)).unwrap();
    let at_once = store.holders();
    assert_eq!(of(mine_id), sorted(vec![pid, own_pid()]));
    peer.tell("close");
    peer.expect("closed");
    assert_eq!(of(mine_id), Some(vec![own_pid()]));
    assert_eq!(
        at_once.of(mine_id).map(<[u32]>::to_vec),
        sorted(vec![pid, own_pid()]),
        "as it was"
    );
    drop((mine, again));
    assert_eq!(of(mine_id), nobody);

    let mut victim = Peer::start("open", &argument(&store, mine_id));
    victim.expect("open");
    assert_eq!(of(mine_id), Some(vec![u32::try_from(victim.pid()).unwrap()]));
    victim.kill();
    assert_eq!(of(mine_id), nobody);
    assert_eq!(of(Uuid::nil()), None, "there is no such file");
}

#[test]
fn looking_for_holders_holds_and_renews_nothing() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 100, &BufferOptions::default()).unwrap();
    let id = buffer.id();
    drop(buffer);
    let before = fs::metadata(path_of(&store, id)).unwrap();
    let expires = store.describe(&by_id(id)).unwrap().expires;
    let holders = store.holders();
    holders.of(id);
    let after = fs::metadata(path_of(&store, id)).unwrap();
    assert_eq!(
        (before.modified().unwrap(), before.accessed().unwrap()),
        (after.modified().unwrap(), after.accessed().unwrap())
    );
    assert!(expires.is_some() && store.describe(&by_id(id)).unwrap().expires.is_some());
    assert_eq!(
        fs::read_dir(store.path()).unwrap().count(),
        3,
        "the buffer, and the lock and the record of the store"
    );
    store.delete(&by_id(id)).unwrap();
    assert_eq!(holders.of(id), None);
}

#[test]
fn a_pool_is_opened_or_made_by_its_name() {
    let (_parent, store) = temp_store();
    let named = |name: &str| BufferOptions::default().name(name);
    let open_or_create = |slots, size| BufferPool::open_or_create(&store, slots, size, &named("frames"));
    let first = open_or_create(2, 64).unwrap();
    assert_eq!(open_or_create(2, 64).unwrap().id(), first.id());
    for (slots, size, argument) in [(3, 64, "capacity"), (2, 65, "buffer_size")] {
        let other = open_or_create(slots, size).map(drop);
        assert!(
            matches!(&other, Err(Error::InvalidArgument { argument: found, .. }) if *found == argument),
            "{other:?}"
        );
    }
    let used = store.used_bytes().unwrap();
    let second = BufferPool::create(&store, 2, 64, &named("frames")).map(drop);
    assert!(
        matches!(&second, Err(Error::NameTaken { holder, .. }) if *holder == first.id()),
        "{second:?}"
    );
    assert_eq!(store.used_bytes().unwrap(), used, "nothing is left of it");
    for options in [BufferOptions::default(), named("frames").replace(true)] {
        let made = BufferPool::open_or_create(&store, 2, 64, &options).map(drop);
        assert!(
            matches!(made, Err(Error::InvalidArgument { argument: "name", .. })),
            "{made:?}"
        );
    }
    let _buffer = SharedBuffer::create(&store, 8, &named("buffer")).unwrap();
    let made = BufferPool::open_or_create(&store, 2, 64, &named("buffer")).map(drop);
    assert!(matches!(made, Err(Error::WrongRole { .. })), "{made:?}");
}

#[test]
fn of_many_that_make_a_pool_of_one_name_at_once_all_get_the_same() {
    let (_parent, store) = temp_store();
    for round in 0..20 {
        let options = BufferOptions::default().name(format!("pool {round}"));
        let start = Barrier::new(4);
        let pools: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                start.wait();
                BufferPool::open_or_create(&store, 2, 64, &options).unwrap()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(pools.iter().all(|pool| pool.id() == pools[0].id()));
        let named = BufferPool::open(&store, &Reference::Name(format!("pool {round}"))).unwrap();
        assert_eq!(named.id(), pools[0].id());
    }
    assert_eq!(store.used_bytes().unwrap(), 0, "no slots of pools that lost are left");
}
