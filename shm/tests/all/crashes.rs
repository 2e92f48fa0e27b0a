//! A producer is killed again and again, in whatever it does, beside readers and a collector: nothing is torn, lost or
//! left behind.
//!
//! `DCC_MCP_SHM_TEST_KILLS=500 cargo test -p dcc-mcp-shm --test crashes -- --nocapture` is the long variant.
#![allow(unsafe_code, reason = "a word that processes share, beside the store")]

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::common::{
    Peer, by_id, child_role, frame, hear, live_for, number, number_of, say, temp_store, until, until_within,
};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, BufferState, Error, Layout, Reference, SceneWriter, SharedBuffer,
    SharedSceneBuffer, Store, StoreOptions,
};
use memmap2::MmapRaw;
use uuid::Uuid;

/// Longest frame in bytes.
const SIZE: usize = 64 << 10;
/// Bytes of a frame that is written into huge pages, and compressed by more than one thread.
const LARGE: usize = 5 << 20;
const SLOTS: usize = 3;

/// What the producer is doing.
const STATES: [&str; 11] = [
    "creating",
    "filling",
    "sealing",
    "filling an empty scene",
    "rewriting",
    "editing",
    "acquiring",
    "holding",
    "releasing",
    "writing much",
    "compressing",
];
const CREATING: u32 = 0;
const FILLING: u32 = 1;
const SEALING: u32 = 2;
const FILLING_EMPTY: u32 = 3;
const REWRITING: u32 = 4;
const EDITING: u32 = 5;
const ACQUIRING: u32 = 6;
const HOLDING: u32 = 7;
const RELEASING: u32 = 8;
const WRITING_MUCH: u32 = 9;
const COMPRESSING: u32 = 10;

/// A word beside the store in which the producer says what it does.
struct Doing(MmapRaw);

impl Doing {
    fn open(store: &Store) -> Self {
        let path = store.path().with_file_name("doing");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .unwrap();
        file.set_len(4096).unwrap();
        Self(MmapRaw::map_raw(&file).unwrap())
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: mapped and aligned for as long as it is borrowed, and used as an atomic only.
        unsafe { AtomicU32::from_ptr(self.0.as_mut_ptr().cast()) }
    }

    fn say(&self, state: u32) {
        self.word().store(state, Ordering::Relaxed);
    }
}

fn kills() -> u64 {
    number("DCC_MCP_SHM_TEST_KILLS", 33)
}

fn name(text: &str) -> Reference {
    Reference::Name(text.to_owned())
}

/// Kept by its holders alone.
fn brief() -> BufferOptions {
    BufferOptions::default().ttl(Duration::from_nanos(1))
}

fn layout(bytes: &[u8]) -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [bytes.len() as u64]))]).unwrap()
}

/// A large frame that can be compressed.
fn large_frame(number: u64) -> Vec<u8> {
    let words = (0..LARGE as u64 / 8).flat_map(|i| number.wrapping_add(i / 1000).to_le_bytes());
    let content: Vec<u8> = number.to_le_bytes().into_iter().chain(words).collect();
    [&crc32fast::hash(&content).to_le_bytes()[..], &content].concat()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    live_for(600 + 5 * kills());
    let store = Store::open(&StoreOptions::at(Path::new(&path))).unwrap();
    match role.as_str() {
        "produce" => produce(&store),
        "read" => read(&store),
        "collect" => {
            let stop = SharedBuffer::open(&store, &name("stop")).unwrap();
            say("ready");
            while stop.sequence().unwrap() == 0 {
                store.gc(false).unwrap();
            }
            say("stopped");
        }
        "stand by" => {
            let scene = SharedSceneBuffer::write(&store, &frame(1, SIZE), &brief().name("its scene")).unwrap();
            let buffer = SharedBuffer::create(&store, SIZE as u64, &brief().name("its buffer")).unwrap();
            buffer.write(&frame(2, SIZE)).unwrap();
            let pool = BufferPool::open(&store, &name("pool")).unwrap();
            let slot = pool.acquire().unwrap();
            slot.write(&frame(3, SIZE)).unwrap();
            say("ready");
            hear();
            let (scene, buffer, slot) = (scene.read().unwrap(), buffer.read().unwrap(), slot.read().unwrap());
            assert_eq!((number_of(&scene), number_of(&buffer), number_of(&slot)), (1, 2, 3));
            say("untouched");
        }
        other => panic!("no role {other}"),
    }
}

/// Does everything that can be interrupted, until it is killed.
fn produce(store: &Store) {
    let doing = Doing::open(store);
    let pool = BufferPool::open(store, &name("pool")).unwrap();
    let rewritten = SharedBuffer::open(store, &name("rewritten")).unwrap();
    let mailbox = SharedBuffer::open(store, &name("mailbox")).unwrap();
    let frames: Vec<_> = (0..8)
        .map(|i| frame(u64::from(std::process::id()) << 32 | i, SIZE))
        .collect();
    let large_frames = [0, 1].map(|i| large_frame(u64::from(std::process::id()) << 32 | i));
    say("ready");
    let mut frames = frames.iter().cycle();
    // Another one each time: parts of two are never the same.
    let mut next = || frames.next().unwrap();
    loop {
        for i in 0..8 {
            let frame = next();
            doing.say(CREATING);
            let options = brief().name(format!("scene {}", i % 2)).replace(true);
            let writer = SceneWriter::new(store, layout(frame), options).unwrap();
            doing.say(FILLING);
            writer.memory().copy_in(0, frame).unwrap();
            doing.say(SEALING);
            let _sealed = writer.finish().unwrap();
        }
        for _ in 0..4 {
            let frame = next();
            doing.say(CREATING);
            let empty = SharedSceneBuffer::create_empty(store, &layout(frame), &brief()).unwrap();
            doing.say(FILLING_EMPTY);
            let writer = SceneWriter::fill(store, &by_id(empty.id())).unwrap();
            writer.memory().copy_in(0, frame).unwrap();
            writer.finish().unwrap();
        }
        for (i, frame) in large_frames.iter().enumerate() {
            let options = brief().name(format!("scene {i}")).replace(true);
            doing.say(WRITING_MUCH);
            SharedSceneBuffer::write(store, frame, &options).unwrap();
            doing.say(COMPRESSING);
            let scene = SharedSceneBuffer::write(store, frame, &options.compress(true)).unwrap();
            assert!(scene.use_compression().unwrap());
        }
        for _ in 0..16 {
            doing.say(REWRITING);
            rewritten.write(next()).unwrap();
            let frame = next();
            doing.say(EDITING);
            let edit = rewritten.edit(frame.len() as u64).unwrap();
            edit.memory().copy_in(0, frame).unwrap();
            edit.finish().unwrap();
        }
        for _ in 0..64 {
            doing.say(ACQUIRING);
            // The parent takes all of them for a moment, and readers keep some.
            let slot = pool.acquire_timeout(Duration::from_secs(20)).unwrap();
            doing.say(HOLDING);
            slot.write(next()).unwrap();
            mailbox.write(slot.descriptor().unwrap().to_json().as_bytes()).unwrap();
            doing.say(RELEASING);
        }
    }
}

/// Reads whatever there is; anything but a whole frame and the errors that say why there is none ends it.
fn read(store: &Store) {
    let stop = SharedBuffer::open(store, &name("stop")).unwrap();
    let rewritten = SharedBuffer::open(store, &name("rewritten")).unwrap();
    let mailbox = SharedBuffer::open(store, &name("mailbox")).unwrap();
    say("ready");
    let (mut whole, mut without) = (0u64, 0u64);
    let mut check = |result: Result<Vec<u8>, Error>| match result {
        Ok(bytes) if bytes.is_empty() => without += 1,
        Ok(bytes) => {
            number_of(&bytes);
            whole += 1;
        }
        Err(Error::NotFound { .. } | Error::Stale { .. } | Error::Interrupted { .. } | Error::NotSealed { .. }) => {
            without += 1;
        }
        Err(error) => panic!("{error}"),
    };
    while stop.sequence().unwrap() == 0 {
        for i in 0..2 {
            let scene = SharedSceneBuffer::open(store, &name(&format!("scene {i}")));
            check(scene.and_then(|scene| scene.read()));
        }
        check(rewritten.read());
        check(rewritten.view().and_then(|view| view.to_vec()));
        if let Ok(json) = mailbox.read().map(|json| String::from_utf8(json).unwrap())
            && !json.is_empty()
        {
            check(SharedBuffer::from_descriptor(&json).and_then(|slot| slot.read()));
        }
    }
    say(&format!("{whole} {without}"));
}

fn files(store: &Store) -> BTreeSet<String> {
    let names = std::fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.contains(".shm"))
        .collect()
}

/// What must hold after each kill.
struct Promises<'a> {
    store: &'a Store,
    pool: &'a BufferPool,
    rewritten: &'a SharedBuffer,
    /// All that living processes hold.
    held: BTreeSet<String>,
}

impl Promises<'_> {
    fn hold(&self, state: u32) {
        for descriptor in self.store.list().unwrap().buffers {
            if descriptor.state == BufferState::Sealed {
                self.is_whole(descriptor.id);
            }
        }
        match self.rewritten.read() {
            Ok(bytes) => drop(number_of(&bytes)),
            Err(Error::Interrupted { .. }) if matches!(state, REWRITING | EDITING) => {
                self.rewritten.write(&frame(4, SIZE)).unwrap();
                assert_eq!(number_of(&self.rewritten.read().unwrap()), 4);
            }
            Err(error) => panic!("{error} after {}", STATES[state as usize]),
        }
        // A reader may have one open for a moment.
        until("the slots of the dead are back", || {
            (self.pool.available().unwrap() == SLOTS - 1).then_some(())
        });
        until("what the dead left is swept", || {
            self.store.gc(false).unwrap();
            (files(self.store) == self.held).then_some(())
        });
    }

    fn is_whole(&self, id: Uuid) {
        match SharedSceneBuffer::open(self.store, &by_id(id)).and_then(|scene| scene.read()) {
            Ok(bytes) => drop(number_of(&bytes)),
            Err(Error::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_producer_killed_in_any_state_tears_loses_and_leaks_nothing() {
    let kills = usize::try_from(kills()).unwrap();
    let least = kills / 25;
    let (_parent, store) = temp_store();
    let lasting = |name: &str| BufferOptions::default().name(name);
    let pool = BufferPool::create(&store, SLOTS, SIZE as u64, &lasting("pool")).unwrap();
    let rewritten = SharedBuffer::create(&store, SIZE as u64, &lasting("rewritten")).unwrap();
    rewritten.write(&frame(0, SIZE)).unwrap();
    let _mailbox = SharedBuffer::create(&store, 4096, &lasting("mailbox")).unwrap();
    let stop = SharedBuffer::create(&store, 8, &lasting("stop")).unwrap();
    let doing = Doing::open(&store);
    let start = |role: &str| {
        let mut peer = Peer::start(role, &store.path().display().to_string());
        peer.expect("ready");
        peer
    };
    let mut bystander = start("stand by");
    let promises = Promises {
        store: &store,
        pool: &pool,
        rewritten: &rewritten,
        held: files(&store),
    };
    let mut readers = [start("read"), start("read")];
    let mut collector = start("collect");

    let mut random = 1u64;
    let mut counts = [0; STATES.len()];
    let started = Instant::now();
    while counts.iter().sum::<usize>() < kills || counts.iter().any(|&count| count < least) {
        // Many times what it takes: this is for what hangs.
        assert!(
            started.elapsed() < Duration::from_secs(600 + 5 * kills as u64),
            "{counts:?}"
        );
        let rarest = (0..STATES.len()).min_by_key(|&state| counts[state]).unwrap();
        doing.say(u32::MAX);
        let mut producer = start("produce");
        // A short state is met only by chance, the less so the busier the machine is.
        until_within(Duration::from_secs(300), "it does so", || {
            (doing.word().load(Ordering::Relaxed) == u32::try_from(rarest).unwrap()).then_some(())
        });
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (moment, pause) = (Instant::now(), Duration::from_micros(random >> 56));
        while moment.elapsed() < pause {
            std::hint::spin_loop();
        }
        producer.kill();
        let state = doing.word().load(Ordering::Relaxed);
        counts[state as usize] += 1;
        promises.hold(state);
    }
    stop.write(b"stop").unwrap();
    collector.expect("stopped");
    let read: Vec<_> = readers.iter_mut().map(Peer::hears).collect();
    bystander.tell("look");
    bystander.expect("untouched");
    let counted: Vec<_> = STATES
        .iter()
        .zip(counts)
        .map(|(state, count)| format!("{state} {count}"))
        .collect();
    crate::common::print(&format!(
        "killed {} times in {:.1?}: {}; the readers had whole frames and none: {read:?}",
        counts.iter().sum::<usize>(),
        started.elapsed(),
        counted.join(", ")
    ));
    for line in read {
        let whole: u64 = line.split_once(' ').unwrap().0.parse().unwrap();
        assert!(whole > 100, "{line}");
    }
}
