//! Collectors that never pause beside processes that create, open and drop: what somebody has open stays, whole, and in the
//! end nothing is left.
//!
//! `DCC_MCP_SHM_TEST_SECONDS=600 cargo test -p dcc-mcp-shm --test collectors -- --nocapture` is the long variant.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{Peer, by_id, child_role, frame, live_for, number, number_of, path_of, say, temp_store, until};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, Layout, Reference, SceneWriter, SharedBuffer, SharedSceneBuffer,
    Store, StoreOptions,
};
use uuid::Uuid;

const CREATORS: usize = 8;
const COLLECTORS: usize = 2;
/// Longest frame in bytes.
const SIZE: usize = 32 << 10;
/// Most that one process has open.
const OPEN: usize = 12;

fn seconds() -> u64 {
    number("DCC_MCP_SHM_TEST_SECONDS", 3)
}

fn name(text: &str) -> Reference {
    Reference::Name(text.to_owned())
}

/// Kept by its holders alone.
fn brief() -> BufferOptions {
    BufferOptions::default().ttl(Duration::from_nanos(1))
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    live_for(120 + seconds());
    let store = Store::open(&StoreOptions::at(Path::new(&path))).unwrap();
    let stop = SharedBuffer::open(&store, &name("stop")).unwrap();
    say("ready");
    let running = || stop.sequence().unwrap() == 0;
    if role == "collect" {
        let (mut sweeps, mut taken) = (0u64, 0);
        while running() {
            taken += store.gc(false).unwrap().removed.len();
            sweeps += 1;
        }
        say(&format!("{sweeps} {taken}"));
        return;
    }
    let mut creator = Creator::new(&store, role.parse().unwrap());
    while running() {
        creator.turn();
    }
    drop(creator.held);
    say(&format!("{} {} {}", creator.made, creator.opened, creator.late));
}

/// Something that is held open, and what is in it.
struct Held {
    id: Uuid,
    number: u64,
    data: Open,
}

enum Open {
    Buffer(SharedBuffer),
    Scene(SharedSceneBuffer),
}

impl Held {
    /// It is where it was, and as it was.
    fn check(&self, store: &Store) {
        assert!(path_of(store, self.id).exists(), "{} is held and gone", self.id);
        let data = match &self.data {
            Open::Buffer(buffer) => buffer.read(),
            Open::Scene(scene) => scene.read(),
        };
        assert_eq!(number_of(&data.unwrap()), self.number, "{}", self.id);
    }
}

struct Creator<'a> {
    store: &'a Store,
    mailboxes: Vec<SharedBuffer>,
    place: usize,
    random: u64,
    held: VecDeque<Held>,
    made: u64,
    /// Of what others made.
    opened: u64,
    /// Gone before it could be opened.
    late: u64,
}

impl<'a> Creator<'a> {
    fn new(store: &'a Store, place: usize) -> Self {
        let mailbox = |place| SharedBuffer::open(store, &name(&format!("box {place}"))).unwrap();
        Self {
            store,
            mailboxes: (0..CREATORS).map(mailbox).collect(),
            place,
            random: u64::from(std::process::id()),
            held: VecDeque::new(),
            made: 0,
            opened: 0,
            late: 0,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap() % end
    }

    fn turn(&mut self) {
        match self.below(8) {
            0..=2 => self.make(),
            3..=4 => self.open(),
            5 => self.work_in_vain(),
            _ => {}
        }
        if self.held.len() > OPEN || self.below(4) == 0 {
            let at = self.below(self.held.len().max(1));
            drop(self.held.remove(at));
        }
        let at = self.below(OPEN);
        if let Some(held) = self.held.get(at) {
            held.check(self.store);
        }
    }

    fn make(&mut self) {
        let number = u64::from(std::process::id()) << 32 | self.made;
        let bytes = frame(number, SIZE);
        let (id, data) = if self.below(2) == 0 {
            let buffer = SharedBuffer::create(self.store, SIZE as u64, &brief()).unwrap();
            buffer.write(&bytes).unwrap();
            (buffer.id(), Open::Buffer(buffer))
        } else {
            let compress = self.below(4) == 0;
            let scene = SharedSceneBuffer::write(self.store, &bytes, &brief().compress(compress)).unwrap();
            (scene.id(), Open::Scene(scene))
        };
        let kind = if matches!(data, Open::Buffer(_)) {
            "buffer"
        } else {
            "scene"
        };
        let letter = format!("{kind} {id} {number}");
        self.mailboxes[self.place].write(letter.as_bytes()).unwrap();
        self.held.push_back(Held { id, number, data });
        self.made += 1;
    }

    /// Opens what another made last, if it is there still.
    fn open(&mut self) {
        let other = self.below(CREATORS);
        let letter = String::from_utf8(self.mailboxes[other].read().unwrap()).unwrap();
        let mut words = letter.split(' ');
        let (Some(kind), Some(id), Some(number)) = (words.next(), words.next(), words.next()) else {
            return;
        };
        let (id, number) = (id.parse().unwrap(), number.parse().unwrap());
        let opened = if kind == "buffer" {
            SharedBuffer::open(self.store, &by_id(id)).map(Open::Buffer)
        } else {
            SharedSceneBuffer::open(self.store, &by_id(id)).map(Open::Scene)
        };
        match opened {
            Ok(data) => {
                let held = Held { id, number, data };
                held.check(self.store);
                self.held.push_back(held);
                self.opened += 1;
            }
            Err(Error::NotFound { .. }) => self.late += 1,
            Err(error) => panic!("{error}"),
        }
    }

    /// A pool that goes at once, and a scene that is given up half filled.
    fn work_in_vain(&mut self) {
        let pool = BufferPool::create(self.store, 2, 4096, &brief()).unwrap();
        let slot = pool.acquire().unwrap();
        slot.write(b"slot").unwrap();
        assert_eq!(slot.read().unwrap(), b"slot");
        let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [SIZE as u64]))]).unwrap();
        let writer = SceneWriter::new(self.store, layout, brief()).unwrap();
        writer.memory().copy_in(0, &[7; 1000]).unwrap();
    }
}

#[test]
fn what_somebody_has_open_is_never_collected_and_in_the_end_nothing_is_left() {
    let (_parent, store) = temp_store();
    let buffer = |name: &str| SharedBuffer::create(&store, 256, &brief().name(name)).unwrap();
    let stop = buffer("stop");
    let boxes: Vec<_> = (0..CREATORS).map(|place| buffer(&format!("box {place}"))).collect();
    let start = |role: &str| {
        let mut peer = Peer::start(role, store.path().to_str().unwrap());
        peer.expect("ready");
        peer
    };
    let mut collectors: Vec<_> = (0..COLLECTORS).map(|_| start("collect")).collect();
    let mut creators: Vec<_> = (0..CREATORS).map(|place| start(&place.to_string())).collect();
    let (started, mut most) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(seconds()) {
        most = most.max(store.used_bytes().unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    stop.write(b"stop").unwrap();
    let sum = |peers: &mut [Peer]| {
        let mut sums = [0u64; 3];
        for peer in peers {
            let said = peer.next().expect("whoever ends early failed");
            for (sum, count) in sums.iter_mut().zip(said.split(' ')) {
                *sum += count.parse::<u64>().unwrap();
            }
        }
        sums
    };
    let [made, opened, late] = sum(&mut creators);
    let [sweeps, taken, _] = sum(&mut collectors);
    for peer in creators.into_iter().chain(collectors) {
        peer.end();
    }
    drop((stop, boxes));
    // What its holder died with, or closed while somebody else looked, has its time from the first look on.
    until("the store is empty", || {
        store.gc(false).unwrap();
        (store.used_bytes().unwrap() == 0).then_some(())
    });
    crate::common::print(&format!(
        "in {:.1?} {CREATORS} processes made {made}, opened {opened} of others, and came too late for {late}; {COLLECTORS} \
         collectors took {taken} in {sweeps} sweeps; at most {most} bytes, in the end {}",
        started.elapsed(),
        store.used_bytes().unwrap()
    ));
    assert!(made > 100 && opened > 10 && taken > 10, "{made} {opened} {taken}");
    assert!(store.ids().unwrap().is_empty());
}
