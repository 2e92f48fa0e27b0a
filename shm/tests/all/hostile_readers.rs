//! Memory of deleted scenes is used again while readers have it by every way there is that holds no lock: none of them ever sees a
//! byte change.
//!
//! `DCC_MCP_SHM_TEST_REUSES=100000 cargo test -p dcc-mcp-shm --test all hostile_readers -- --nocapture` is the long variant.
#![allow(
    unsafe_code,
    reason = "mappings without a lock, and what a child writes of itself, have no safe form"
)]

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{mem, ptr, thread};

use crate::common::{Forked, Peer, RESERVE, by_id, child_role, hear, in_fork, live_for, number, print, say};
use dcc_mcp_shm::{BufferOptions, Error, SceneView, SharedSceneBuffer, Store, StoreOptions};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tempfile::TempDir;
use uuid::Uuid;

/// Bytes of a scene's data. All of its words are the same number, and no two scenes have the same.
const SIZE: usize = 64 << 10;
const HEADER: usize = 4096;
/// How many readers keep what they have.
const KEEPING: usize = 12;
/// How often what nobody has any more is collected.
const COLLECT_EVERY: u64 = 64;

fn reuses() -> u64 {
    number("DCC_MCP_SHM_TEST_REUSES", 2_000)
}

#[test]
fn no_reader_ever_sees_a_byte_change_however_it_has_what_was_deleted() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let path = parent.path().join("store");
    let argument = path.to_str().unwrap();
    drop(Store::open(&StoreOptions::at(&path).reserve(RESERVE)).unwrap());
    let mut racers: Vec<Peer> = ["map", "open"]
        .into_iter()
        .map(|role| Peer::start(role, argument))
        .collect();
    for racer in &mut racers {
        racer.expect("ready");
    }
    let mut publisher = Peer::start("publish", argument);
    let figures = publisher.hears();
    publisher.end();
    for mut racer in racers {
        racer.tell("stop");
        let seen = racer.hears();
        print(&format!("beside it: {seen}"));
        racer.end();
    }
    print(&figures);
}

#[test]
#[ignore = "run by another test as its child process"]
fn child() {
    let (role, path) = child_role();
    live_for(7200);
    match role.as_str() {
        "publish" => Publisher::new(Path::new(&path)).run(),
        "map" => race(|| map_whatever_is_there(Path::new(&path))),
        "open" => {
            let store = Store::open(&StoreOptions::at(&path).existing()).unwrap();
            race(|| open_whatever_is_there(&store));
        }
        other => panic!("no role {other}"),
    }
}

/// A reader that has something without a lock.
enum Reader {
    Mapping(Mapping),
    /// Of this process's own handle, which was told to delete the scene.
    View(Arc<SceneView>),
    Child(Forked, UnixStream),
    /// A hard link that nobody has open.
    Link(PathBuf),
    /// A descriptor that was sent and not yet received.
    InFlight(UnixStream, UnixStream),
}

struct Publisher {
    store: Store,
    links: TempDir,
    readers: VecDeque<(u64, &'static str, Reader)>,
    /// Numbers of the files that were deleted.
    deleted: HashSet<u64>,
    made: u64,
    reused: u64,
}

impl Publisher {
    fn new(path: &Path) -> Self {
        Self {
            store: Store::open(&StoreOptions::at(path).reserve(RESERVE)).unwrap(),
            links: tempfile::Builder::new().tempdir_in(path.parent().unwrap()).unwrap(),
            readers: VecDeque::new(),
            deleted: HashSet::new(),
            made: 0,
            reused: 0,
        }
    }

    fn run(mut self) {
        let mut round = 0;
        while self.reused < reuses() {
            let (scene, mark) = self.publish();
            if let Some((way, reader)) = self.reader(round, scene, mark) {
                self.readers.push_back((mark, way, reader));
            }
            // Those that nobody reads are used again.
            for _ in 0..2 {
                let (scene, _) = self.publish();
                self.delete(scene);
            }
            while self.readers.len() > KEEPING {
                let (mark, way, reader) = self.readers.pop_front().unwrap();
                reader.check(mark, way);
            }
            round += 1;
            if round % COLLECT_EVERY == 0 {
                self.store.gc(false).unwrap();
            }
            assert!(
                round < 20 * reuses() + 1000,
                "hardly anything is used again: {} of {}",
                self.reused,
                self.made
            );
        }
        for (mark, way, reader) in mem::take(&mut self.readers) {
            reader.check(mark, way);
        }
        say(&format!(
            "{} of {} scenes were made of used memory, beside readers of ten kinds",
            self.reused, self.made
        ));
    }

    fn publish(&mut self) -> (SharedSceneBuffer, u64) {
        self.made += 1;
        let mark = self.made;
        let data = mark.to_le_bytes().repeat(SIZE / 8);
        let scene = SharedSceneBuffer::write(&self.store, &data, &BufferOptions::default()).unwrap();
        let file = fs::metadata(scene.path()).unwrap();
        self.reused += u64::from(self.deleted.contains(&file.ino()));
        (scene, mark)
    }

    fn delete(&mut self, scene: SharedSceneBuffer) -> Uuid {
        let id = scene.id();
        self.deleted.insert(fs::metadata(scene.path()).unwrap().ino());
        drop(scene);
        self.store.delete(&id.into()).unwrap();
        id
    }

    /// Deletes a scene that a reader has, or will have, in one of the ways.
    fn reader(&mut self, round: u64, scene: SharedSceneBuffer, mark: u64) -> Option<(&'static str, Reader)> {
        let path = scene.path();
        Some(match round % 10 {
            0 => (
                "a mapping",
                self.then_delete(scene, Reader::Mapping(Mapping::of(&path).unwrap())),
            ),
            1 => {
                let mut mapping = Mapping::of(&path).unwrap();
                mapping.cut_to(mapping.len / 2 / HEADER * HEADER);
                ("half of a mapping", self.then_delete(scene, Reader::Mapping(mapping)))
            }
            2 => {
                let mapping = Mapping::of(&path).unwrap();
                let reader = in_child(|| mapping.check(mark, "a mapping in a forked child"));
                drop(mapping);
                ("a forked child", self.then_delete(scene, reader))
            }
            3 => {
                let view = scene.view().unwrap();
                let reader = in_child(|| check(view.as_ptr(), SIZE, mark, "a view in a forked child"));
                drop(view);
                ("a forked child's view", self.then_delete(scene, reader))
            }
            4 => {
                let link = self.links.path().join(scene.id().to_string());
                fs::hard_link(&path, &link).unwrap();
                ("a hard link", self.then_delete(scene, Reader::Link(link)))
            }
            5 => {
                let opened = descriptor_of(&path).expect("the handle has it open");
                let mapping = Mapping::of(&opened).unwrap();
                ("/proc/self/fd", self.then_delete(scene, Reader::Mapping(mapping)))
            }
            6 => {
                let (ours, theirs) = UnixStream::pair().unwrap();
                send(&ours, &File::open(&path).unwrap());
                ("a socket", self.then_delete(scene, Reader::InFlight(ours, theirs)))
            }
            7 => {
                let view = scene.view().unwrap();
                self.deleted.insert(fs::metadata(&path).unwrap().ino());
                scene.unlink().unwrap();
                ("this process's own view", Reader::View(view))
            }
            // The last two come when the kernel was asked already: it has to be asked again.
            8 => (
                "a mapping of what is kept",
                Reader::Mapping(Mapping::of(&self.kept(scene)).ok()?),
            ),
            _ => {
                let kept = self.kept(scene);
                let link = self.links.path().join(kept.file_name().unwrap());
                fs::hard_link(&kept, &link).ok()?;
                ("a hard link to what is kept", Reader::Link(link))
            }
        })
    }

    fn then_delete(&mut self, scene: SharedSceneBuffer, reader: Reader) -> Reader {
        self.delete(scene);
        reader
    }

    /// Deletes a scene, and gives the path that its memory has if it was kept.
    fn kept(&mut self, scene: SharedSceneBuffer) -> PathBuf {
        let path = self.store.path().to_owned();
        path.join(format!("{}.shm.reserve", self.delete(scene)))
    }
}

impl Reader {
    fn check(self, mark: u64, way: &str) {
        match self {
            Self::Mapping(mapping) => mapping.check(mark, way),
            Self::View(view) => check(view.as_ptr(), view.len(), mark, way),
            Self::Link(link) => {
                Mapping::of(&link).unwrap().check(mark, way);
                fs::remove_file(link).unwrap();
            }
            Self::InFlight(ours, theirs) => {
                drop(ours);
                Mapping::of_file(&receive(&theirs)).unwrap().check(mark, way);
            }
            Self::Child(child, mut pipe) => {
                pipe.write_all(b"!").unwrap();
                assert_eq!(child.code(), Some(0), "{way}");
            }
        }
    }
}

/// A forked child that looks at what it inherited once it is told to.
fn in_child(look: impl FnOnce()) -> Reader {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let child = in_fork(|| {
        // SAFETY: asks for a signal when the parent ends, also if a test fails there.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        theirs.read_exact(&mut [0]).unwrap();
        look();
        0
    });
    Reader::Child(child, ours)
}

/// What a program maps that knows nothing of locks.
struct Mapping {
    start: *mut libc::c_void,
    len: usize,
}

impl Mapping {
    /// Maps a whole file and keeps no descriptor of it.
    fn of(path: &Path) -> std::io::Result<Self> {
        Self::of_file(&File::open(path)?)
    }

    fn of_file(file: &File) -> std::io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).unwrap();
        // SAFETY: a new mapping, of an open file; `len` is checked by the kernel.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Self { start, len })
    }

    fn cut_to(&mut self, len: usize) {
        let rest = self.start.wrapping_byte_add(len);
        // SAFETY: the second part of this mapping, which nobody uses any more.
        assert_eq!(unsafe { libc::munmap(rest, self.len - len) }, 0);
        self.len = len;
    }

    fn check(&self, mark: u64, way: &str) {
        let data = self.start.wrapping_byte_add(HEADER).cast();
        check(data, self.len - HEADER, mark, way);
    }

    /// The number that all words are, if they all are one.
    fn mark(&self) -> Result<u64, String> {
        let data = self.start.wrapping_byte_add(HEADER).cast();
        let mark = word(data, 0);
        different(data, self.len - HEADER, mark).map_or(Ok(mark), Err)
    }

    fn id(&self) -> Uuid {
        let mut bytes = [0; 16];
        for (half, at) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([16, 24]) {
            *half = word(self.start.cast::<u8>().wrapping_add(at), 0).to_le_bytes();
        }
        Uuid::from_bytes(bytes)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, which nobody uses any more.
        unsafe { libc::munmap(self.start, self.len) };
    }
}

#[expect(clippy::cast_ptr_alignment, reason = "words of a mapping, which starts at a page")]
fn word(start: *const u8, index: usize) -> u64 {
    // SAFETY: callers stay within what is mapped, whose start is aligned to a page. Others may write to it.
    unsafe { start.cast::<u64>().wrapping_add(index).read_volatile() }
}

/// What differs, if something does.
fn different(start: *const u8, len: usize, mark: u64) -> Option<String> {
    let at = (0..len / 8).find(|&index| word(start, index) != mark)?;
    Some(format!(
        "word {at} of {} is {} and not {mark}",
        len / 8,
        word(start, at)
    ))
}

fn check(start: *const u8, len: usize, mark: u64, way: &str) {
    if let Some(problem) = different(start, len, mark) {
        panic!("a reader by {way} saw bytes change: {problem}");
    }
}

/// A path to this process's descriptor of a file.
fn descriptor_of(path: &Path) -> Option<PathBuf> {
    let mut descriptors = fs::read_dir("/proc/self/fd").unwrap();
    descriptors.find_map(|entry| {
        let entry = entry.unwrap().path();
        (fs::read_link(&entry).ok()?.as_path() == path).then_some(entry)
    })
}

fn send(socket: &UnixStream, file: &File) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let descriptors = [file.as_fd()];
    assert!(message.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let sent = sendmsg(socket, &[IoSlice::new(b"!")], &mut message, SendFlags::empty());
    assert_eq!(sent, Ok(1));
}

fn receive(socket: &UnixStream) -> File {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut message,
        RecvFlags::CMSG_CLOEXEC,
    )
    .unwrap();
    let received = message.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    File::from(received.expect("one descriptor was sent"))
}

/// In a child: does something again and again until it is told to stop, and says what came of it.
fn race(mut turn: impl FnMut() -> Seen) {
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    thread::spawn(move || {
        hear();
        told.store(true, Ordering::Relaxed);
    });
    say("ready");
    let mut all = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let seen = turn();
        all.whole += seen.whole;
        all.gone += seen.gone;
        all.strange += seen.strange;
    }
    say(&format!(
        "{} had whole scenes, {} found them gone, {} of which had already opened something else",
        all.whole, all.gone, all.strange
    ));
}

#[derive(Default)]
struct Seen {
    whole: u64,
    gone: u64,
    /// Of those that were gone, whose file was another scene's by the time it was opened.
    strange: u64,
}

/// Maps what is published just now, by paths, and looks after that whether it is still there: what is must never change.
fn map_whatever_is_there(store: &Path) -> Seen {
    let (mut seen, mut kept) = (Seen::default(), Vec::new());
    for entry in fs::read_dir(store).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(id) = name.strip_suffix(".shm").and_then(|id| id.parse::<Uuid>().ok()) else {
            continue;
        };
        let path = store.join(&name);
        let mapping = match Mapping::of(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                seen.gone += 1;
                continue;
            }
            mapped => mapped.unwrap(),
        };
        if !path.exists() {
            seen.gone += 1;
            seen.strange += u64::from(mapping.id() != id);
            continue;
        }
        assert_eq!(mapping.id(), id, "it is what its name says");
        let mark = mapping.mark().unwrap_or_else(|problem| panic!("{name}: {problem}"));
        kept.push((mapping, mark, id));
        seen.whole += 1;
    }
    for (mapping, mark, id) in kept {
        mapping.check(mark, "a path");
        assert_eq!(mapping.id(), id);
    }
    seen
}

/// The same by handles: what is gone is not found, and nothing looks damaged.
fn open_whatever_is_there(store: &Store) -> Seen {
    let (mut seen, mut kept) = (Seen::default(), Vec::new());
    for id in store.ids().unwrap() {
        match SharedSceneBuffer::open(store, &by_id(id)).and_then(|scene| scene.view()) {
            Ok(view) => {
                let mark = word(view.as_ptr(), 0);
                check(view.as_ptr(), view.len(), mark, "a handle");
                kept.push((view, mark));
                seen.whole += 1;
            }
            Err(Error::NotFound { .. }) => seen.gone += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    let damaged = store.list().unwrap().damaged;
    assert!(damaged.is_empty(), "{damaged:?}");
    for (view, mark) in kept {
        check(view.as_ptr(), view.len(), mark, "a handle");
    }
    seen
}
