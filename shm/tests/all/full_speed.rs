//! Writers that never pause, of 16 bytes to 32 MiB, beside readers that copy, view, and look at ranges: whatever a reader
//! gets is of one write.
//!
//! `DCC_MCP_SHM_TEST_READS=100000 cargo test -p dcc-mcp-shm --test full_speed -- --nocapture` is the long variant.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use crate::common::{LONG, Peer, by_id, child_role, hear, live_for, number, say, temp_store};
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, Reference, SharedBuffer, Store, StoreOptions};

const LONGEST: usize = 32 << 20;
const SHORTEST: usize = 16;
const WRITERS: usize = 2;
const READERS: usize = 2;
const SLOTS: usize = 4;
/// Different writes of one writer, made beforehand so that nothing holds it up.
const WRITES: u64 = 24;
/// Longest range that is looked at.
const RANGE: usize = 1 << 20;

fn reads() -> u64 {
    number("DCC_MCP_SHM_TEST_READS", 2000)
}

fn name(text: &str) -> Reference {
    Reference::Name(text.to_owned())
}

fn scramble(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (mixed >> 32)
}

/// How long a write is, in bytes: each power of two is as frequent as the next.
fn len_of(write: u64) -> usize {
    match write % WRITES {
        0 => SHORTEST,
        1 => LONGEST,
        _ => {
            let mixed = scramble(write);
            let least = SHORTEST << (mixed % 21);
            least + (usize::try_from(mixed >> 32).unwrap() % least) / 8 * 8
        }
    }
}

/// The data of a write: each word says of which it is, and where.
fn data_of(write: u64) -> Vec<u8> {
    (0..len_of(write) as u64 / 8)
        .flat_map(|place| (write ^ scramble(place)).to_le_bytes())
        .collect()
}

/// The write that data of some place is of, if it is of one alone.
fn write_of(data: &[u8], offset: usize) -> Option<u64> {
    let places = (offset as u64 / 8)..;
    let mut writes = data
        .chunks_exact(8)
        .zip(places)
        .map(|(word, place)| u64::from_le_bytes(word.try_into().unwrap()) ^ scramble(place));
    let first = writes.next()?;
    writes.all(|write| write == first).then_some(first)
}

fn is_whole(data: &[u8]) -> bool {
    write_of(data, 0).is_some_and(|write| len_of(write) == data.len())
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    live_for(120 + reads() / 20);
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    match role.as_str() {
        "write" => write(&store),
        "read" => read(&store),
        other => panic!("no role {other}"),
    }
}

fn write(store: &Store) {
    let buffer = SharedBuffer::open(store, &name("rewritten")).unwrap();
    let mailbox = SharedBuffer::open(store, &name("mailbox")).unwrap();
    let pool = BufferPool::open(store, &name("pool")).unwrap();
    let first = u64::from(std::process::id()) * WRITES;
    let all: Vec<_> = (first..first + WRITES).map(data_of).collect();
    say("writing");
    let mut slot = None;
    for (turn, data) in all.iter().cycle().enumerate() {
        buffer.write(data).unwrap();
        if turn % 4 == 0 {
            drop(slot.take());
            let next = pool.acquire_timeout(LONG).unwrap();
            next.write(&all[turn / 4 % all.len()]).unwrap();
            mailbox.write(next.descriptor().unwrap().to_json().as_bytes()).unwrap();
            slot = Some(next);
        }
    }
}

/// What a reader counted: [wrong, right] for each way.
#[derive(Default)]
struct Tally {
    copies: [u64; 2],
    views: [u64; 2],
    slots: [u64; 2],
    ranges: [u64; 2],
    /// Ranges that were said to be of several writes.
    refused: u64,
    /// Without asking whether it is one write.
    bare: [u64; 2],
}

impl Tally {
    fn checked(&self) -> u64 {
        let ways = [self.copies, self.views, self.slots, self.ranges];
        ways.as_flattened().iter().sum()
    }
}

fn read(store: &Store) {
    let buffer = SharedBuffer::open(store, &name("rewritten")).unwrap();
    let mailbox = SharedBuffer::open(store, &name("mailbox")).unwrap();
    let (file, payload) = (
        File::open(buffer.path()).unwrap(),
        buffer.descriptor().unwrap().data_offset,
    );
    let mut tally = Tally::default();
    let count = |whole: bool, tally: &mut [u64; 2]| tally[usize::from(whole)] += 1;
    say("ready");
    hear();
    let mut turn = 0;
    while tally.checked() < reads() / READERS as u64 {
        turn += 1;
        match turn % 4 {
            0 => count(is_whole(&buffer.read().unwrap()), &mut tally.copies),
            1 => count(is_whole(&buffer.view().unwrap().to_vec().unwrap()), &mut tally.views),
            2 => {
                let letter = String::from_utf8(mailbox.read().unwrap()).unwrap();
                match SharedBuffer::from_descriptor(&letter).and_then(|slot| slot.view()) {
                    Ok(view) => count(is_whole(&view.to_vec().unwrap()), &mut tally.slots),
                    Err(Error::Stale { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            _ => match ranges(store, &buffer, turn) {
                Ok(whole) => count(whole, &mut tally.ranges),
                Err(Error::Changed { .. } | Error::Busy { .. }) => tally.refused += 1,
                Err(error) => panic!("{error}"),
            },
        }
        if turn % 16 == 0 {
            let mut data = vec![0; usize::try_from(buffer.data_len().unwrap()).unwrap()];
            file.read_exact_at(&mut data, payload).unwrap();
            count(is_whole(&data), &mut tally.bare);
        }
    }
    let Tally {
        copies,
        views,
        slots,
        ranges,
        refused,
        bare,
    } = tally;
    let numbers = [copies, views, slots, ranges, bare, [refused, 0]];
    say(&numbers
        .as_flattened()
        .iter()
        .map(u64::to_string)
        .collect::<Vec<_>>()
        .join(" "));
}

/// Whether two ranges, and the length, are of one write, as they must be if nothing was said to have changed.
fn ranges(store: &Store, buffer: &SharedBuffer, turn: u64) -> Result<bool, Error> {
    let reader = store.reader(&by_id(buffer.id()))?;
    let len = usize::try_from(reader.len()).unwrap();
    let range = |seed: u64| {
        let offset = usize::try_from(scramble(seed)).unwrap() % len / 8 * 8;
        let mut data = vec![0; RANGE.min(len - offset)];
        reader.read_at(offset as u64, &mut data)?;
        Ok::<_, Error>(write_of(&data, offset))
    };
    let (first, second) = (range(turn)?, range(turn + 1)?);
    reader.check_unchanged()?;
    Ok(first.is_some_and(|write| first == second && len_of(write) == len))
}

#[test]
fn of_all_reads_beside_writers_at_full_speed_none_is_wrong() {
    let (_parent, store) = temp_store();
    let options = |name: &str| BufferOptions::default().name(name);
    let buffer = SharedBuffer::create(&store, LONGEST as u64, &options("rewritten")).unwrap();
    buffer.write(&data_of(0)).unwrap();
    let pool = BufferPool::create(&store, SLOTS, LONGEST as u64, &options("pool")).unwrap();
    let mailbox = SharedBuffer::create(&store, 4096, &options("mailbox")).unwrap();
    let first = pool.acquire().unwrap();
    first.write(&data_of(1)).unwrap();
    mailbox.write(first.descriptor().unwrap().to_json().as_bytes()).unwrap();
    drop(first);
    let start = |role| Peer::start(role, store.path().to_str().unwrap());
    let mut readers = [(); READERS].map(|()| start("read"));
    for reader in &mut readers {
        reader.expect("ready");
    }
    let mut writers = [(); WRITERS].map(|()| start("write"));
    for writer in &mut writers {
        writer.expect("writing");
    }
    let (started, before) = (Instant::now(), buffer.sequence().unwrap());
    for reader in &mut readers {
        reader.tell("go");
    }
    let mut sums = [0; 12];
    for reader in &mut readers {
        let counted = reader.hears();
        for (sum, count) in sums.iter_mut().zip(counted.split(' ')) {
            *sum += count.parse::<u64>().unwrap();
        }
    }
    let written = (buffer.sequence().unwrap() - before) / 2;
    drop(writers);
    let [copies, views, slots, ranges, bare, refused] = [0, 2, 4, 6, 8, 10].map(|at| [sums[at], sums[at + 1]]);
    let [wrong, right] = [0, 1].map(|at| [copies, views, slots, ranges].iter().map(|way| way[at]).sum::<u64>());
    crate::common::print(&format!(
        "{wrong} wrong in {} reads beside {written} writes in {:.1?}: {} copies, {} views, {} views of slots, {} pairs of \
         ranges (and {} said to have changed); past the sequence word {} of {} were mixed",
        wrong + right,
        started.elapsed(),
        copies[1],
        views[1],
        slots[1],
        ranges[1],
        refused[0],
        bare[0],
        bare[0] + bare[1],
    ));
    assert_eq!(wrong, 0, "wrong and right: {copies:?} {views:?} {slots:?} {ranges:?}");
    assert!([copies, views, slots, ranges].iter().all(|way| way[1] > 0), "{sums:?}");
    assert!(bare[0] > 0, "where nothing prevents mixtures, none was seen");
}
