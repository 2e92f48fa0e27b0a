//! Waiting for a write: woken and not polling, by whatever ends it, and never stuck.
#![allow(unsafe_code, reason = "a bare futex on mapped memory, to compare with")]

use std::fs::OpenOptions;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::{
    LONG, Peer, argument, by_id, child_role, hear, median, now, opened, path_of, pause, percentile, say, temp_store,
};
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, SharedBuffer, Store};
use memmap2::MmapRaw;
use rustix::thread::futex;
use uuid::Uuid;

/// How often a wake is timed.
const TIMES: usize = 300;

fn buffer(store: &Store) -> SharedBuffer {
    SharedBuffer::create(store, 4096, &BufferOptions::default()).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    let (store, id) = opened(&argument);
    let open = || SharedBuffer::open(&store, &by_id(id)).unwrap();
    match role.as_str() {
        "time wakes" => {
            let buffer = open();
            let mut seen = buffer.sequence().unwrap();
            for _ in 0..TIMES {
                say("waiting");
                seen = buffer.wait(seen, LONG).unwrap().unwrap();
                let woken = now();
                let written = u64::from_le_bytes(buffer.read().unwrap()[..8].try_into().unwrap());
                say(&(woken - written).to_string());
            }
        }
        "time bare wakes" => {
            let file = Bare::of(&store, id);
            for seen in 0..u32::try_from(TIMES).unwrap() {
                say("waiting");
                while file.word().load(Ordering::Acquire) == seen {
                    let _ = futex::wait(file.word(), futex::Flags::empty(), seen, None);
                }
                let woken = now();
                say(&(woken - file.written().load(Ordering::Relaxed)).to_string());
            }
        }
        "wait" => {
            let buffer = open();
            let seen = buffer.sequence().unwrap();
            say("waiting");
            let came = buffer.wait(seen, LONG);
            say(&match came {
                Ok(came) => format!("{came:?}"),
                Err(Error::NotFound { .. }) => "not found".to_owned(),
                Err(error) => error.to_string(),
            });
            hear();
        }
        "write" => {
            let buffer = open();
            say("writing");
            for round in 0u64.. {
                buffer.write(&round.to_le_bytes()).unwrap();
            }
        }
        "begin a write" => {
            let edit = open().edit(10).unwrap();
            say("begun");
            hear();
            edit.finish().unwrap();
        }
        other => panic!("no role {other}"),
    }
}

/// A file's first bytes as a bare futex, and when it was changed.
struct Bare(MmapRaw);

impl Bare {
    fn of(store: &Store, id: Uuid) -> Self {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path_of(store, id).with_extension("bare"))
            .unwrap();
        Self(MmapRaw::map_raw(&file).unwrap())
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: mapped, aligned, and used as atomic only.
        unsafe { AtomicU32::from_ptr(self.0.as_mut_ptr().cast()) }
    }

    fn written(&self) -> &AtomicU64 {
        let word = self.0.as_mut_ptr().wrapping_add(8);
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(word.cast()) }
    }

    fn write(&self) {
        self.written().store(now(), Ordering::Relaxed);
        self.word().fetch_add(1, Ordering::Release);
        futex::wake(self.word(), futex::Flags::empty(), u32::MAX >> 1).unwrap();
    }
}

#[test]
fn every_write_ends_a_wait_and_the_wake_is_measured_beside_a_bare_futex() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    std::fs::write(path_of(&store, buffer.id()).with_extension("bare"), [0; 4096]).unwrap();
    let bare = Bare::of(&store, buffer.id());
    let mut waiter = Peer::start("time wakes", &argument(&store, buffer.id()));
    let mut beside = Peer::start("time bare wakes", &argument(&store, buffer.id()));
    let took = |peer: &mut Peer, write: &dyn Fn()| {
        peer.expect("waiting");
        pause();
        write();
        Duration::from_nanos(peer.hears().parse().unwrap())
    };
    let write = || assert_eq!(buffer.write(&now().to_le_bytes()).unwrap(), 8);
    let (mut ours, mut theirs, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        ours.push(took(&mut waiter, &write));
        theirs.push(took(&mut beside, &|| bare.write()));
    }
    for _ in 0..TIMES {
        pause();
        let started = Instant::now();
        write();
        writes.push(started.elapsed());
    }
    let ratio = median(&ours).as_secs_f64() / median(&theirs).as_secs_f64();
    crate::common::print(&format!(
        "from the start of a write to the end of a wait: p50 {:?}, p99 {:?}; the write alone: p50 {:?}; bare futex: p50 {:?}, p99 \
         {:?}; {ratio:.2} times the bare one at p50",
        median(&ours),
        percentile(&ours, 99),
        median(&writes),
        median(&theirs),
        percentile(&theirs, 99)
    ));
    // How fast is for a quiet machine to say. Who is not woken sleeps 10 ms in the median, on every one.
    assert!(median(&ours) < median(&theirs) + Duration::from_millis(6), "{ours:?}");
    assert!(ours.iter().all(|took| *took < LONG / 2), "{ours:?}");
}

#[test]
fn waiting_takes_next_to_no_time_of_the_processor() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    let seen = buffer.sequence().unwrap();
    let wait = || assert_eq!(buffer.wait(seen, Duration::from_secs(1)).unwrap(), None);
    let mut sleeps = 0;
    let used = crate::common::processor_time(|| sleeps = crate::common::sleeps(wait));
    crate::common::print(&format!(
        "a second of waiting: {used:?} of the processor, {sleeps} sleeps"
    ));
    assert!(
        used < crate::common::LITTLE_WORK && sleeps < crate::common::FEW_SLEEPS,
        "{used:?} and {sleeps} sleeps"
    );
}

#[test]
fn what_was_written_already_is_not_waited_for_and_the_newest_of_several_comes() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    let seen = buffer.sequence().unwrap();
    assert_eq!(buffer.wait(seen, Duration::ZERO).unwrap(), None);
    for _ in 0..3 {
        buffer.write(b"frame").unwrap();
    }
    assert_eq!(buffer.wait(seen, LONG).unwrap(), Some(seen + 6));
    // A number from elsewhere does not hang.
    assert_eq!(buffer.wait(u64::MAX, LONG).unwrap(), Some(seen + 6));
    buffer.clear().unwrap();
    assert_eq!(buffer.wait(seen + 6, LONG).unwrap(), Some(seen + 8));
}

#[test]
fn a_delete_and_a_replacement_wake() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::default().name("frame").replace(true);
    for replace in [false, true] {
        crate::common::assert_woken(15, || {
            let buffer = SharedBuffer::create(&store, 64, &options).unwrap();
            let mut waiter = Peer::start("wait", &argument(&store, buffer.id()));
            waiter.expect("waiting");
            pause();
            let deleted = Instant::now();
            if replace {
                SharedBuffer::create(&store, 64, &options).unwrap();
            } else {
                buffer.unlink().unwrap();
            }
            waiter.expect("not found");
            deleted.elapsed()
        });
    }
}

#[test]
fn what_is_emptied_from_outside_is_noticed() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    let mut waiter = Peer::start("wait", &argument(&store, buffer.id()));
    waiter.expect("waiting");
    std::fs::remove_file(path_of(&store, buffer.id())).unwrap();
    waiter.expect("not found");
    // What came before is not lost.
    let seen = buffer.sequence().unwrap();
    buffer.write(b"still").unwrap();
    assert_eq!(buffer.wait(seen, LONG).unwrap(), Some(seen + 2));
    let gone = buffer.wait(seen + 2, LONG);
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
}

#[test]
fn a_write_that_is_never_finished_wakes_nobody_and_the_next_one_does() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    let seen = buffer.sequence().unwrap();
    let mut writer = Peer::start("begin a write", &argument(&store, buffer.id()));
    writer.expect("begun");
    assert_eq!(buffer.wait(seen, Duration::from_millis(50)).unwrap(), None);
    writer.kill();
    assert_eq!(buffer.wait(seen, Duration::from_millis(50)).unwrap(), None);
    let mut waiter = Peer::start("wait", &argument(&store, buffer.id()));
    waiter.expect("waiting");
    buffer.write(b"whole").unwrap();
    waiter.expect(&format!("{:?}", Some(seen + 2)));
}

#[test]
fn a_wait_sees_every_writer_make_progress_and_never_a_half_write() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    let mut writer = Peer::start("write", &argument(&store, buffer.id()));
    writer.expect("writing");
    let (mut seen, started) = (buffer.sequence().unwrap(), Instant::now());
    let mut times = 0;
    while started.elapsed() < Duration::from_secs(1) {
        let came = buffer.wait(seen, LONG).unwrap().unwrap();
        assert!(came.is_multiple_of(2) && came > seen, "{seen} {came}");
        (seen, times) = (came, times + 1);
    }
    assert!(times > 100, "{times}");
    writer.kill();
    let mut still = buffer.sequence().unwrap();
    still += still % 2;
    assert_eq!(
        buffer
            .wait(still, Duration::from_millis(30))
            .unwrap()
            .filter(|&came| came % 2 == 1),
        None
    );
}

#[test]
fn who_has_a_slot_open_waits_for_the_next_write_of_its_holder() {
    let (_parent, store) = temp_store();
    let pool = BufferPool::create(&store, 1, 64, &BufferOptions::default()).unwrap();
    let slot = pool.acquire().unwrap();
    let seen = slot.sequence().unwrap();
    slot.write(b"mine").unwrap();
    assert_eq!(slot.wait(seen, LONG).unwrap(), Some(seen + 2));
    let reader = SharedBuffer::from_descriptor(&slot.descriptor().unwrap().to_json()).unwrap();
    // Its holder cannot write while somebody has it open.
    assert_eq!(reader.wait(seen + 2, Duration::from_millis(10)).unwrap(), None);
}

#[test]
fn a_wait_can_be_given_up() {
    let (_parent, store) = temp_store();
    let buffer = buffer(&store);
    let mut asked = 0;
    let came = buffer.wait_while(buffer.sequence().unwrap(), LONG, || {
        asked += 1;
        asked < 3
    });
    assert_eq!((came.unwrap(), asked), (None, 3));
}
