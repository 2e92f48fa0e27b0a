//! Little memory is an error, or slower, and never the end of the process: with every amount of address space from none to
//! plenty, and any number of mappings, large data is moved and compressed right or not at all.
#![allow(unsafe_code, reason = "limits of this process have no safe form")]

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;

use crate::common::{
    Peer, by_id, bytes_in, child_command, child_role, in_fork, live_for, noise, number, say, temp_store,
};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, Error, Layout, Result, SceneWriter, SharedBuffer, SharedSceneBuffer, Source, Store,
    StoreOptions,
};

const PAGE: usize = 4096;
const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;
/// Enough for several threads and for several turns of the compression.
const LEN: usize = 16 * MIB + 100;
const INTS: u32 = 4 << 20;
/// How much more than it has a process may map: nothing, and more by each step, until threads and all that they work with
/// have room; and the same on top of one copy of the data and of two.
const STEP: u64 = 64 * KIB;
const MOST: u64 = 6 << 20;

/// How often each thing worked, and how often it was refused.
type Counts = BTreeMap<&'static str, [u32; 2]>;

/// The addresses that this process has mapped, in bytes.
fn mapped() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096
}

fn limit_addresses(limit: u64) {
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: a valid limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

/// What is moved, and what is filled with it: had before there is little memory.
struct Work {
    store: Store,
    options: BufferOptions,
    compressible: Vec<u8>,
    noise: Vec<u8>,
    target: Vec<u8>,
    scenes: [SharedSceneBuffer; 2],
    buffer: SharedBuffer,
}

impl Work {
    fn new(store: Store) -> Self {
        let options = BufferOptions::default();
        let compressible: Vec<u8> = (0..INTS).flat_map(|i| (i / 3).to_le_bytes()).collect();
        let noise = noise(1, LEN);
        let buffer = SharedBuffer::create(&store, LEN as u64, &options).unwrap();
        buffer.write(&noise).unwrap();
        let arrays = [("a", ints(compressible.len()), Source::from(&compressible))];
        Self {
            scenes: [
                SharedSceneBuffer::write(&store, &noise, &options).unwrap(),
                SharedSceneBuffer::write_arrays(&store, arrays, &options.clone().compress(true)).unwrap(),
            ],
            target: vec![0; LEN],
            compressible,
            noise,
            buffer,
            options,
            store,
        }
    }

    /// Does one of the things that take memory in proportion to the data, or threads. Gives nothing when there are no more.
    fn try_one(&mut self, what: usize) -> Option<(&'static str, Result<()>)> {
        let Self { store, options, .. } = self;
        let compressed = options.clone().compress(true);
        let [plain_scene, compressed_scene] = &self.scenes;
        let right = |bytes: Vec<u8>, expected: &[u8]| assert!(bytes == expected, "wrong bytes");
        Some(match what {
            0 => ("read", self.buffer.read().map(|bytes| right(bytes, &self.noise))),
            1 => ("write", self.buffer.write(&self.noise).map(drop)),
            2 => {
                let copied = self.buffer.view().and_then(|view| view.to_vec());
                ("copy of a view", copied.map(|bytes| right(bytes, &self.noise)))
            }
            3 => (
                "read a scene",
                plain_scene.read().map(|bytes| right(bytes, &self.noise)),
            ),
            4 => {
                let read = store
                    .reader(&by_id(compressed_scene.id()))
                    .and_then(|reader| reader.read_at(0, &mut self.target[..self.compressible.len()]));
                if read.is_ok() {
                    assert!(
                        self.target[..self.compressible.len()] == self.compressible,
                        "wrong bytes"
                    );
                }
                self.target.fill(0);
                ("decompress into memory that is there", read)
            }
            5 => {
                let read = compressed_scene.read();
                ("decompress", read.map(|bytes| right(bytes, &self.compressible)))
            }
            6 => {
                let made = SharedSceneBuffer::write(store, &self.noise, options);
                ("write a scene", made.and_then(|scene| checked(&scene, &self.noise)))
            }
            7 => {
                let arrays = [("a", ints(self.compressible.len()), Source::from(&self.compressible))];
                let made = SharedSceneBuffer::write_arrays(store, arrays, &compressed);
                ("compress", made.and_then(|scene| checked(&scene, &self.compressible)))
            }
            8 => {
                let layout = Layout::new([("a", ints(self.compressible.len()))]).unwrap();
                let filled = SceneWriter::new(store, layout, compressed).and_then(|writer| {
                    writer.memory().copy_in(0, &self.compressible)?;
                    writer.finish()
                });
                (
                    "fill and compress",
                    filled.and_then(|scene| checked(&scene, &self.compressible)),
                )
            }
            9 => {
                let made = SharedBuffer::create(store, LEN as u64, options);
                ("make a buffer", made.and_then(|buffer| buffer.unlink()))
            }
            _ => return None,
        })
    }
}

fn ints(len: usize) -> ArraySpec {
    ArraySpec::new("<u4".parse().unwrap(), [len as u64 / 4])
}

/// Whether a scene that was made with little memory is right, looked at piece by piece.
fn checked(scene: &SharedSceneBuffer, expected: &[u8]) -> Result<()> {
    scene.unlink()?;
    for (at, piece) in (0..).step_by(MIB).zip(expected.chunks(MIB)) {
        let read = scene.read_range(at, MIB as u64)?;
        assert!(read == piece, "wrong bytes at {at}");
    }
    Ok(())
}

/// Mappings of single pages, which are all that this process may have but some that are left.
struct Mappings {
    start: *mut libc::c_void,
    taken: usize,
}

impl Mappings {
    fn new() -> Self {
        let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        let len = 2 * PAGE * most.trim().parse::<usize>().unwrap();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new range, with access to nothing.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        Self { start, taken: 0 }
    }

    /// Makes a page differ from its neighbours in what may be done, so that it is two mappings more, or undoes that.
    fn set(&self, page: usize, protection: i32) -> bool {
        let page = self.start.wrapping_byte_add((2 * page + 1) * PAGE);
        // SAFETY: a page of the range above, which nothing lies in.
        unsafe { libc::mprotect(page, PAGE, protection) == 0 }
    }

    fn take_all(&mut self) {
        while self.set(self.taken, libc::PROT_READ) {
            self.taken += 1;
        }
    }

    /// Takes what is left, also the last ones, which the kernel gives to a call that maps something new.
    fn take_last(&mut self) -> Vec<*mut libc::c_void> {
        self.take_all();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let map = |protection| {
            // SAFETY: a new page.
            let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, protection, flags, -1, 0) };
            (page != libc::MAP_FAILED).then_some(page)
        };
        // Neighbours that differ are no single mapping.
        let protections = [libc::PROT_READ, libc::PROT_NONE].into_iter().cycle();
        protections.map_while(map).collect()
    }

    fn give_back(&mut self, pages: usize) {
        for _ in 0..pages {
            self.taken -= 1;
            assert!(self.set(self.taken, libc::PROT_NONE));
        }
    }
}

/// Tries everything, and counts what worked and what was refused.
fn sweep(work: &mut Work, counts: &mut Counts, left: u64, limit: &mut dyn FnMut(Option<u64>)) {
    let used = bytes_in(&work.store);
    for what in 0.. {
        limit(Some(left));
        let tried = work.try_one(what);
        limit(None);
        let Some((name, result)) = tried else { break };
        let refused = match result {
            Ok(()) => false,
            Err(Error::OutOfMemory { .. } | Error::StoreFull { .. }) => true,
            Err(Error::Io { source, .. }) if source.raw_os_error() == Some(libc::ENOMEM) => true,
            Err(error) => panic!("{name} with {left} left: {error}"),
        };
        counts.entry(name).or_default()[usize::from(refused)] += 1;
    }
    // What is made is deleted, and given up where it fails.
    let now = bytes_in(&work.store);
    assert_eq!(now, used, "with {left} left, something was left behind");
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, argument) = child_role();
    live_for(300);
    if role == "right to write" {
        return keep_what_cannot_be_ended(&Store::open(&StoreOptions::at(argument)).unwrap());
    }
    let mut work = Work::new(Store::open(&StoreOptions::at(argument)).unwrap());
    let mut counts = Counts::new();
    // Every so many of the amounts.
    let every = number("DCC_MCP_SHM_TEST_AMOUNTS", 3);
    if role == "mappings" {
        let mut mappings = Mappings::new();
        for left in (0..24).step_by(usize::try_from(every).unwrap()) {
            sweep(&mut work, &mut counts, left, &mut |left| match left {
                Some(left) => {
                    mappings.take_all();
                    mappings.give_back(usize::try_from(left).unwrap());
                }
                None => mappings.give_back(100),
            });
        }
    } else {
        let amounts = |from: u64, step: u64| (from..from + MOST).step_by(usize::try_from(step).unwrap());
        let copies = [1, 2].into_iter();
        let with_copies = copies.flat_map(|copies| amounts(copies * LEN as u64, 4 * STEP * every));
        for left in amounts(0, STEP * every).chain(with_copies) {
            sweep(&mut work, &mut counts, left, &mut |left| {
                limit_addresses(left.map_or(libc::RLIM_INFINITY, |left| mapped() + left));
            });
        }
    }
    say(&format!("{counts:?}"));
    // To write to a buffer takes none, so there are other things that are refused, and all that are not.
    assert_eq!(counts["write"][1], 0, "{counts:?}");
    assert!(counts["fill and compress"][1] > 0, "{counts:?}");
    assert!(counts.values().all(|[worked, _]| *worked > 0), "{counts:?}");
}

fn run(role: &str) {
    let (_parent, store) = temp_store();
    let mut command = child_command(role, &store.path().display().to_string());
    // What was freed, and stacks of threads that have ended, are given back to the system at once, and nothing is mapped
    // ahead: else there is memory enough.
    command.env(
        "GLIBC_TUNABLES",
        "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072:\
         glibc.pthread.stack_cache_size=0",
    );
    let mut peer = Peer::of(&mut command);
    let said = peer.next();
    assert!(said.is_some(), "ended with {}", peer.status());
    crate::common::print(&said.unwrap());
    peer.end();
}

fn unmap(pages: Vec<*mut libc::c_void>) {
    for page in pages {
        // SAFETY: a page of [`Mappings::take_last`], which nothing lies in.
        assert_eq!(unsafe { libc::munmap(page, PAGE) }, 0);
    }
}

/// Whether a write to a buffer is under way, as its lock says.
fn is_written_to(buffer: &SharedBuffer) -> bool {
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(buffer.path())
        .unwrap();
    let mut lock = libc::flock {
        l_type: i16::try_from(libc::F_RDLCK).unwrap(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap(),
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: an open file, and a valid structure for this command.
    let asked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) };
    assert_eq!(asked, 0);
    i32::from(lock.l_type) != libc::F_UNLCK
}

/// Where no mapping is left, the memory of an edit cannot be replaced when the edit ends.
fn keep_what_cannot_be_ended(store: &Store) {
    let mut mappings = Mappings::new();
    for finish in [false, true] {
        let buffer = SharedBuffer::create(store, 100, &BufferOptions::default()).unwrap();
        buffer.write(&[1; 100]).unwrap();
        let edit = buffer.edit(100).unwrap();
        let memory = edit.memory().clone();
        let last = mappings.take_last();
        let ended = if finish {
            edit.finish()
        } else {
            drop(edit);
            Ok(())
        };
        unmap(last);
        mappings.give_back(100);
        assert_eq!(ended.is_err(), finish, "{ended:?}");
        assert!(memory.is_open() && is_written_to(&buffer), "others may write beside it");
        memory.copy_in(0, &[2; 10]).unwrap();
        drop(memory);
        assert!(!is_written_to(&buffer));
        assert!(matches!(buffer.read(), Err(Error::Interrupted { .. })));
        buffer.write(&[3; 100]).unwrap();
        assert_eq!(buffer.read().unwrap(), [3; 100]);
    }
    let buffer = SharedBuffer::create(store, 100, &BufferOptions::default()).unwrap();
    let edit = buffer.edit(100).unwrap();
    edit.memory().copy_in(0, &[1; 100]).unwrap();
    let last = mappings.take_last();
    let child = in_fork(|| {
        // It has nothing there, and so this ends it.
        let _ = edit.memory().copy_in(0, &[2; 100]);
        0
    });
    child.code();
    unmap(last);
    mappings.give_back(100);
    edit.finish().unwrap();
    assert_eq!(buffer.read().unwrap(), [1; 100], "a forked child wrote to it");
    say("kept");
}

#[test]
fn a_write_that_cannot_be_ended_keeps_others_out_until_its_memory_is_gone() {
    run("right to write");
}

#[test]
fn with_any_amount_of_address_space_large_data_is_right_or_refused() {
    run("addresses");
}

#[test]
fn with_any_number_of_mappings_left_large_data_is_right_or_refused() {
    run("mappings");
}
