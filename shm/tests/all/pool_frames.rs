//! Frames through a pool: eight processes share four slots, write frames into them, pass them on, and check those of the
//! others, while some of them are killed. No frame is ever wrong, no slot is lost, and nobody starves.
//!
//! `DCC_MCP_SHM_TEST_FRAMES=100000 cargo test -p dcc-mcp-shm --test pool_frames -- --nocapture` is the long variant.

use std::time::{Duration, Instant};

use crate::common::{Peer, by_id, child_role, frame, hear, live_for, number, number_of, say, temp_store};
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, Reference, SharedBuffer, Store, StoreOptions};

const PROCESSES: usize = 8;
const SLOTS: usize = 4;
/// Longest frame in bytes.
const SIZE: usize = 16 << 10;
/// Longer than any wait for a slot may be.
const STARVED: Duration = Duration::from_secs(10);

fn frames() -> u64 {
    number("DCC_MCP_SHM_TEST_FRAMES", 10_000)
}

fn name(text: &str) -> Reference {
    Reference::Name(text.to_owned())
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (place, path) = child_role();
    live_for(60 + frames() / 200);
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    let place: usize = place.parse().unwrap();
    let pool = BufferPool::open(&store, &name("pool")).unwrap();
    let stop = SharedBuffer::open(&store, &name("stop")).unwrap();
    let boxes: Vec<_> = (0..PROCESSES)
        .map(|place| SharedBuffer::open(&store, &name(&format!("box {place}"))).unwrap())
        .collect();
    say("ready");
    hear();
    let mut tally = Tally::default();
    for round in 0u64.. {
        if stop.sequence().unwrap() > 0 {
            break;
        }
        let number = u64::from(std::process::id()) << 32 | round;
        tally.produce(&pool, &boxes[place], number);
        let other = usize::try_from(number.wrapping_mul(0x94d0_49bb_1331_11eb) >> 61).unwrap();
        tally.consume(&boxes[other]);
    }
    say(&format!(
        "{} {} {} {}",
        tally.produced,
        tally.consumed,
        tally.late,
        tally.longest.as_millis()
    ));
}

/// What one process did.
#[derive(Default)]
struct Tally {
    produced: u64,
    /// Frames of others that were checked.
    consumed: u64,
    /// Frames that were gone before they could be opened.
    late: u64,
    longest: Duration,
}

impl Tally {
    /// Writes a frame into a slot and says so in the mailbox.
    fn produce(&mut self, pool: &BufferPool, mailbox: &SharedBuffer, number: u64) {
        let asked = Instant::now();
        let slot = pool.acquire_timeout(STARVED).unwrap();
        self.longest = self.longest.max(asked.elapsed());
        assert_eq!(slot.data_len().unwrap(), 0, "emptied");
        slot.write(&frame(number, SIZE)).unwrap();
        let json = slot.descriptor().unwrap().to_json();
        mailbox.write(format!("{number} {json}").as_bytes()).unwrap();
        assert_eq!(
            slot.read().unwrap(),
            frame(number, SIZE),
            "somebody else has the same slot"
        );
        self.produced += 1;
    }

    /// Checks the frame that another mailbox speaks of, if it is still there.
    fn consume(&mut self, mailbox: &SharedBuffer) {
        let letter = match mailbox.read() {
            Ok(letter) => String::from_utf8(letter).unwrap(),
            // Its process was killed while it wrote.
            Err(Error::Interrupted { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        let Some((number, json)) = letter.split_once(' ') else {
            return;
        };
        match SharedBuffer::from_descriptor(json) {
            Ok(slot) => {
                assert_eq!(number_of(&slot.read().unwrap()).to_string(), number);
                self.consumed += 1;
            }
            Err(Error::Stale { .. }) => self.late += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lets the processes work until there were enough frames, and kills one now and then.
fn run(kill_every: Option<Duration>) {
    let (_parent, store) = temp_store();
    let options = |name: &str| BufferOptions::default().name(name);
    let pool = BufferPool::create(&store, SLOTS, SIZE as u64, &options("pool")).unwrap();
    let stop = SharedBuffer::create(&store, 8, &options("stop")).unwrap();
    let _boxes: Vec<_> = (0..PROCESSES)
        .map(|place| SharedBuffer::create(&store, 4096, &options(&format!("box {place}"))).unwrap())
        .collect();
    let start = |place: usize| {
        let mut peer = Peer::start(&place.to_string(), &store.path().display().to_string());
        peer.expect("ready");
        peer
    };
    let mut peers: Vec<_> = (0..PROCESSES).map(start).collect();
    for peer in &mut peers {
        peer.tell("go");
    }
    let began = || {
        store
            .pool(&by_id(pool.id()))
            .unwrap()
            .slots
            .iter()
            .map(|slot| slot.generation)
            .sum::<u64>()
    };
    let (started, frames, mut kills) = (Instant::now(), frames(), 0);
    let mut killed = Instant::now();
    // However fast the frames come, some processes are killed.
    while began() < frames || kill_every.is_some() && kills < 10 {
        std::thread::sleep(Duration::from_millis(5));
        assert!(
            started.elapsed() < Duration::from_secs(60 + frames / 200),
            "{} of {frames} frames",
            began()
        );
        if kill_every.is_some_and(|every| killed.elapsed() >= every) {
            let place = kills % PROCESSES;
            peers[place].kill();
            peers[place] = start(place);
            peers[place].tell("go");
            (kills, killed) = (kills + 1, Instant::now());
        }
    }
    let time = started.elapsed();
    stop.write(b"stop").unwrap();
    let tallies: Vec<Vec<u64>> = peers
        .iter_mut()
        .map(|peer| peer.hears().split(' ').map(|number| number.parse().unwrap()).collect())
        .collect();
    for peer in peers {
        peer.end();
    }
    let of = |field: usize| tallies.iter().map(|tally| tally[field]).collect::<Vec<_>>();
    let (produced, consumed, late, longest) = (of(0), of(1), of(2), of(3));
    let figures = format!(
        "{} frames in {time:.1?}, {kills} processes killed; those that lived to the end: {produced:?} written, {consumed:?} of \
         others checked, {late:?} gone before, longest wait for a slot {longest:?} ms",
        began()
    );
    crate::common::print(&figures);
    assert!(consumed.iter().sum::<u64>() > 100, "{figures}");
    if kill_every.is_none() {
        assert_eq!(
            produced.iter().sum::<u64>(),
            began(),
            "every acquired slot had its frame"
        );
        let fair = produced.iter().sum::<u64>() / PROCESSES as u64;
        assert!(produced.iter().all(|&frames| frames > fair / 4), "{figures}");
    }
    assert_eq!(pool.available().unwrap(), SLOTS, "no slot is lost");
    let all: Vec<_> = (0..SLOTS).map(|_| pool.acquire().unwrap()).collect();
    assert!(matches!(pool.acquire(), Err(Error::Exhausted { .. })));
    drop(all);
}

#[test]
fn eight_processes_on_four_slots_never_see_a_wrong_frame() {
    run(None);
}

#[test]
fn nor_do_they_while_one_after_the_other_is_killed() {
    let long = frames() >= 100_000;
    run(Some(Duration::from_millis(if long { 1000 } else { 50 })));
}
