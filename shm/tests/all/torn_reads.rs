//! A reader gets one complete write, never parts of two, and never an older one after a newer, while a writer in
//! another process does not pause.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{Peer, by_id, child_role, hear, live_for, number, opened, percentile, say, temp_store, until};
use dcc_mcp_shm::{BufferOptions, Error, SharedBuffer, Store};

const SIZE: usize = 8 << 20;
/// Many times what it takes: this is for what hangs.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A write that says in each of its words which it is; the length says it too.
fn pattern(sequence: u64, into: &mut Vec<u8>) {
    let len = SIZE - usize::try_from(sequence % 1000).unwrap() * 8;
    into.resize(len, 0);
    for word in into.chunks_exact_mut(8) {
        word.copy_from_slice(&sequence.to_le_bytes());
    }
}

/// The sequence number of a complete write.
#[track_caller]
fn sequence_of(data: &[u8]) -> u64 {
    let first = u64::from_le_bytes(data[..8].try_into().unwrap());
    let mixed = data.chunks_exact(8).position(|word| *word != first.to_le_bytes());
    assert_eq!(mixed, None, "parts of two writes");
    assert_eq!(
        data.len(),
        SIZE - usize::try_from(first % 1000).unwrap() * 8,
        "the length of another write"
    );
    first
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    live_for(PATIENCE.as_secs() + 60);
    let (store, id) = opened(&argument);
    let buffer = SharedBuffer::open(&store, &by_id(id)).unwrap();
    let mut data = Vec::new();
    match role.as_str() {
        "write" => {
            say("writing");
            for sequence in 2.. {
                pattern(sequence, &mut data);
                buffer.write(&data).unwrap();
            }
        }
        "write for ever" => {
            pattern(7, &mut data);
            say("writing");
            loop {
                buffer.write(&data).unwrap();
            }
        }
        "edit" => {
            let edit = buffer.edit(SIZE as u64).unwrap();
            edit.memory().copy_in(0, &[9; 1000]).unwrap();
            say("half");
            hear();
        }
        other => panic!("no role {other}"),
    }
}

fn start() -> (tempfile::TempDir, Store, SharedBuffer, String) {
    let (parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, SIZE as u64, &BufferOptions::default()).unwrap();
    let mut data = Vec::new();
    pattern(1, &mut data);
    buffer.write(&data).unwrap();
    let argument = format!("{} {}", store.path().display(), buffer.id());
    (parent, store, buffer, argument)
}

#[test]
fn reads_are_whole_and_in_order_beside_a_writer_that_never_pauses() {
    let (_parent, _store, buffer, argument) = start();
    let mut peer = Peer::start("write", &argument);
    peer.expect("writing");
    let started = Instant::now();
    let (mut reads, mut different, mut last) = (0u64, 0u64, 0);
    let wanted = number("DCC_MCP_SHM_TEST_READS", 2500);
    let mut data = Vec::new();
    let mut times = Vec::new();
    loop {
        let before = Instant::now();
        // Every eighth by a view, which holds the writer off.
        data = if reads % 8 == 7 {
            buffer.view().unwrap().to_vec().unwrap()
        } else {
            drop(data);
            buffer.read().unwrap()
        };
        times.push(before.elapsed());
        let sequence = sequence_of(&data);
        assert!(sequence >= last, "{sequence} after {last}");
        different += u64::from(sequence != last);
        (reads, last) = (reads + 1, sequence);
        if reads >= wanted && different >= wanted / 10 {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{reads} reads of {different} writes");
    }
    // The machine may stand still for longer, but not in one read of a hundred.
    let longest = percentile(&times, 99);
    assert!(longest < Duration::from_secs(2), "a reader waited {longest:?}");
    drop(peer);
    match buffer.read() {
        Ok(data) => assert!(sequence_of(&data) >= last),
        Err(error) => assert!(matches!(error, Error::Interrupted { .. }), "{error}"),
    }
}

#[test]
fn the_same_data_read_past_the_sequence_word_is_mixed() {
    // That this test sees mixtures where nothing prevents them shows that the one above would.
    let (_parent, _store, buffer, argument) = start();
    let offset = buffer.descriptor().unwrap().data_offset;
    let file = std::fs::File::open(buffer.path()).unwrap();
    let mut peer = Peer::start("write", &argument);
    peer.expect("writing");
    let mut data = vec![0; SIZE - 8000];
    crate::common::until("a mixture", || {
        file.read_exact_at(&mut data, offset).unwrap();
        data.chunks_exact(8).any(|word| word != &data[..8]).then_some(())
    });
}

#[test]
fn a_writer_killed_in_the_middle_is_noticed_and_the_next_write_heals() {
    let (_parent, store, buffer, argument) = start();
    let mut peer = Peer::start("edit", &argument);
    peer.expect("half");
    peer.kill();
    for result in [
        buffer.read().map(drop),
        buffer.view().map(drop),
        SharedBuffer::open(&store, &by_id(buffer.id()))
            .unwrap()
            .read()
            .map(drop),
    ] {
        assert!(matches!(result, Err(Error::Interrupted { .. })), "{result:?}");
    }
    let mut data = Vec::new();
    pattern(5, &mut data);
    buffer.write(&data).unwrap();
    assert_eq!(sequence_of(&buffer.read().unwrap()), 5);
    assert_eq!(sequence_of(&buffer.view().unwrap().to_vec().unwrap()), 5);
}

#[test]
fn a_writer_killed_anywhere_leaves_a_whole_write_or_says_so() {
    let (_parent, _store, buffer, argument) = start();
    let mut data = Vec::new();
    let (mut interrupted, mut rounds) = (0, 0);
    let started = Instant::now();
    while rounds < 20 || interrupted == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(40),
            "never in the middle in {rounds} rounds"
        );
        let mut peer = Peer::start("write for ever", &argument);
        peer.expect("writing");
        // Some writes later: at another place each time.
        let before = buffer.sequence().unwrap();
        while buffer.sequence().unwrap() < before + 5 + rounds {
            std::hint::spin_loop();
        }
        peer.kill();
        match buffer.read() {
            Ok(data) => assert_eq!(sequence_of(&data), 7),
            Err(Error::Interrupted { .. }) => interrupted += 1,
            Err(error) => panic!("{error}"),
        }
        pattern(1, &mut data);
        buffer.write(&data).unwrap();
        assert_eq!(sequence_of(&buffer.read().unwrap()), 1);
        rounds += 1;
    }
}

#[test]
fn threads_that_share_a_handle_and_threads_that_do_not_read_whole_writes() {
    let (_parent, store, buffer, _) = start();
    let other = SharedBuffer::open(&store, &by_id(buffer.id())).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let running = || !stop.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        for (handle, start) in [(&buffer, 2), (&other, 3)] {
            scope.spawn(move || {
                let mut data = Vec::new();
                for sequence in (start..).step_by(2).take_while(|_| running()) {
                    pattern(sequence, &mut data);
                    handle.write(&data).unwrap();
                }
            });
        }
        let readers: Vec<_> = [&buffer, &other]
            .map(|handle| {
                scope.spawn(move || {
                    (0..100).for_each(|_| {
                        sequence_of(&handle.read().unwrap());
                        sequence_of(&handle.view().unwrap().to_vec().unwrap());
                    });
                })
            })
            .into_iter()
            .collect();
        let outcomes: Vec<_> = readers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(outcomes.iter().all(Result::is_ok));
    });
}

#[test]
fn readers_that_take_turns_do_not_keep_a_writer_out() {
    let (_parent, store, buffer, _) = start();
    let writer = SharedBuffer::open(&store, &by_id(buffer.id())).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let views = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        // At every moment one view at least is open: the next is taken before the last is given up.
        scope.spawn(|| {
            let mut view = buffer.view().ok();
            views.0.send(()).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let next = buffer.view().ok();
                drop(std::mem::replace(&mut view, next));
            }
        });
        views.1.recv().unwrap();
        let written = writer.write(b"x");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(written.is_ok(), "{written:?}");
    });
}

/// Whether somebody holds or shares the gate of a file.
fn gate_is_taken(path: &Path) -> bool {
    let inode = path.metadata().unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks
        .lines()
        .any(|lock| lock.contains("OFDLCK") && lock.contains(&format!(":{inode} 1 1")))
}

#[test]
fn who_waits_to_read_comes_before_the_next_writer() {
    let (_parent, store) = temp_store();
    let writer = SharedBuffer::create(&store, 64, &BufferOptions::default()).unwrap();
    let open = || SharedBuffer::open(&store, &by_id(writer.id())).unwrap();
    let (reader, other) = (open(), open());
    let edit = writer.edit(5).unwrap();
    edit.memory().copy_in(0, b"first").unwrap();
    std::thread::scope(|scope| {
        let viewed = scope.spawn(|| reader.view().unwrap());
        until("the reader waits", || gate_is_taken(&writer.path()).then_some(()));
        let written = scope.spawn(|| other.write(b"next").unwrap());
        edit.finish().unwrap();
        let view = viewed.join().unwrap();
        assert_eq!(view.to_vec().unwrap(), b"first");
        drop(view);
        written.join().unwrap();
    });
    assert_eq!(reader.read().unwrap(), b"next");
}
