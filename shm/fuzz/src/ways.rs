//! Every way in that a user's process has to a file, and what must hold for what comes out.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dcc_mcp_shm::{
    BufferPool, BufferState, DataReader, Descriptor, Error, FileRole, Result, SceneWriter, SharedBuffer,
    SharedSceneBuffer, Store,
};
use uuid::Uuid;

use crate::common::{at, by_id, path_of};

/// Where `.store` says the last publication number that was taken.
const LAST_NUMBER: usize = 16;

/// The variants of [`Error`] that were met.
#[derive(Debug, Default)]
pub struct Seen(pub BTreeSet<String>);

impl Seen {
    /// Gives what came of something; a failure must be one that people and models can be told.
    pub(crate) fn note<T>(&mut self, result: Result<T>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let message = error.to_string();
        assert!(
            !message.is_empty() && !message.chars().any(char::is_control),
            "a message with control characters: {message:?}"
        );
        self.0.insert(variant(&error));
        None
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

fn variant(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
}

/// Does to a file whatever can be done to one, and deletes it in the end.
pub(crate) fn every_way(store: &Store, id: Uuid) -> Seen {
    let mut seen = Seen::default();
    let described = seen.note(store.describe(&by_id(id)));
    if let Some(descriptor) = &described {
        check_descriptor(store, descriptor);
    }
    check_listing(store, id, described.as_ref());
    let reader = seen.note(store.reader(&by_id(id)));
    let data = reader.as_ref().and_then(|reader| read_all(&mut seen, reader));
    buffer_ways(&mut seen, store, id, data.as_deref());
    scene_ways(&mut seen, store, id, data.as_deref());
    if let Some(reader) = reader {
        // It is gone before files are collected, because it has the file open, whose memory would stay in use.
        seen.note(reader.check_unchanged());
    }
    fill_ways(&mut seen, store, id);
    seen.add(pool_ways(store, id));
    store.holders().of(id);
    seen.note(store.used_bytes());
    let promised = seen.note(store.gc(true)).map(|report| report.removed.len());
    let removed = seen.note(store.gc(false)).map(|report| report.removed.len());
    assert!(removed >= promised, "gc removes what it says it would");
    let there = path_of(store, id).exists();
    if seen.note(store.delete(&by_id(id))).is_some() && there {
        assert!(!path_of(store, id).exists(), "what was deleted is there");
    }
    seen
}

fn check_descriptor(store: &Store, descriptor: &Descriptor) {
    let file = std::fs::metadata(path_of(store, descriptor.id)).unwrap().len();
    assert_eq!(descriptor.data_offset + descriptor.capacity, file);
    assert!(descriptor.stored_bytes <= descriptor.capacity);
    for array in descriptor.arrays.values().filter_map(|array| array.offset) {
        assert!((descriptor.data_offset..=file).contains(&array));
    }
    let json = descriptor.to_json();
    assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), *descriptor);
    assert_eq!(
        store.resolve(&dcc_mcp_shm::Reference::Descriptor(json)).unwrap(),
        descriptor.id
    );
}

/// A file is listed as what it is, or as damaged, exactly once. One that claims a number that was never taken opens and is
/// listed as damaged.
fn check_listing(store: &Store, id: Uuid, described: Option<&Descriptor>) {
    let listing = store.list().unwrap();
    let buffers = listing.buffers.iter().filter(|buffer| buffer.id == id).count();
    let pools = listing.pools.iter().filter(|pool| pool.id == id).count();
    let unread = listing
        .damaged
        .iter()
        .map(|file| file.id)
        .chain(listing.newer.iter().map(|file| file.id));
    let damaged = unread.filter(|&file| file == id).count();
    let expected = match described.map(|descriptor| descriptor.role) {
        Some(FileRole::Slot) => (0, 0, 0),
        Some(_) if claims_a_number_ahead(store, id) => (0, 0, 1),
        Some(FileRole::Buffer | FileRole::Scene) => (1, 0, 0),
        Some(FileRole::Pool) => (0, 1, 0),
        None => (0, 0, 1),
    };
    assert_eq!((buffers, pools, damaged), expected, "{described:?}");
    for file in &listing.damaged {
        assert!(!file.problem.chars().any(char::is_control), "{:?}", file.problem);
    }
}

/// By the words in the files, as docs/format.md says it.
fn claims_a_number_ahead(store: &Store, id: Uuid) -> bool {
    let number = word(&path_of(store, id), at::PUBLISHED);
    // Nothing is ahead while no number was taken; the greatest word means that one is being taken.
    match word(&store.path().join(".store"), LAST_NUMBER) {
        Some(last @ 1..) => number.is_some_and(|number| number != u64::MAX && number > last),
        _ => false,
    }
}

fn word(path: &Path, at: usize) -> Option<u64> {
    let bytes = std::fs::read(path).ok()?;
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// All of the data, the same in parts as at once.
pub(crate) fn read_all(seen: &mut Seen, reader: &DataReader) -> Option<Vec<u8>> {
    let len = usize::try_from(reader.len()).unwrap();
    let mut data = vec![0; len];
    seen.note(reader.read_at(0, &mut data))?;
    for (offset, end) in [(len / 3, len / 2), (len.saturating_sub(7), len), (len, len)] {
        let mut part = vec![0; end - offset];
        reader.read_at(offset as u64, &mut part).unwrap();
        assert_eq!(part, data[offset..end], "{offset}..{end} of {len}");
    }
    for array in reader.arrays().values() {
        assert!(array.offset + array.size() <= reader.len());
    }
    seen.note(reader.check_unchanged());
    Some(data)
}

fn buffer_ways(seen: &mut Seen, store: &Store, id: Uuid, data: Option<&[u8]>) {
    seen.note(SharedBuffer::open_path(&path_of(store, id), id));
    let Some(buffer) = seen.note(SharedBuffer::open(store, &by_id(id))) else {
        return;
    };
    let read = seen.note(buffer.read());
    assert_eq!(read.as_deref(), data, "two ways to read give the same");
    if let Some(view) = seen.note(buffer.view()) {
        assert_eq!(seen.note(view.to_vec()), read);
    }
    seen.note(buffer.edit(buffer.capacity().saturating_add(1)));
    let small = buffer.capacity().min(5);
    if let Some(edit) = seen.note(buffer.edit(small)) {
        edit.memory()
            .copy_in(0, &b"edits"[..usize::try_from(small).unwrap()])
            .unwrap();
        seen.note(edit.finish());
        assert_eq!(buffer.read().unwrap(), b"edits"[..usize::try_from(small).unwrap()]);
        let sequence = buffer.sequence().unwrap();
        assert_eq!(buffer.wait(sequence, Duration::ZERO).unwrap(), None);
        seen.note(buffer.clear());
        assert!(buffer.read().unwrap().is_empty());
    }
    seen.note(buffer.descriptor());
}

fn scene_ways(seen: &mut Seen, store: &Store, id: Uuid, data: Option<&[u8]>) {
    let Some(scene) = seen.note(SharedSceneBuffer::open(store, &by_id(id))) else {
        return;
    };
    let descriptor = seen.note(scene.descriptor()).expect("what opens has a descriptor");
    let read = seen.note(scene.read());
    assert_eq!(read.as_deref(), data, "two ways to read give the same");
    assert!(descriptor.state == BufferState::Sealed || read.is_none());
    if let Some(view) = seen.note(scene.view()) {
        assert_eq!(Some(&view[..]), data, "a view shows what is read");
    }
    seen.note(scene.read_range(scene.size_bytes().unwrap().saturating_add(1), 1));
    for name in scene.array_names().unwrap() {
        let array = scene.array(&name).unwrap();
        if let (Some(all), Some(bytes)) = (data, seen.note(scene.read_range(array.offset, array.size()))) {
            let start = usize::try_from(array.offset).unwrap();
            assert_eq!(bytes, all[start..start + bytes.len()], "{name}");
        }
    }
    seen.note(scene.array(""));
}

fn fill_ways(seen: &mut Seen, store: &Store, id: Uuid) {
    let Some(writer) = seen.note(SceneWriter::fill(store, &by_id(id))) else {
        return;
    };
    let data = vec![7; writer.memory().len()];
    writer.memory().copy_in(0, &data).unwrap();
    if let Some(scene) = seen.note(writer.finish()) {
        assert_eq!(scene.read().unwrap(), data, "what was filled in is sealed");
    }
}

/// Takes slots of a pool until there are no more; none is given twice.
pub(crate) fn pool_ways(store: &Store, id: Uuid) -> Seen {
    let mut seen = Seen::default();
    let status = seen.note(store.pool(&by_id(id)));
    let Some(pool) = seen.note(BufferPool::open(store, &by_id(id))) else {
        return seen;
    };
    assert_eq!(status.map(|status| status.slots.len()), Some(pool.capacity()));
    let mut taken = Vec::new();
    while let Some(slot) = seen.note(pool.acquire()) {
        assert!(
            taken.iter().all(|other: &SharedBuffer| other.id() != slot.id()),
            "a slot given twice"
        );
        assert!(slot.read().unwrap().is_empty());
        let word = &b"words"[..usize::try_from(slot.capacity().min(5)).unwrap()];
        slot.write(word).unwrap();
        assert_eq!(slot.read().unwrap(), word);
        let json = slot.descriptor().unwrap().to_json();
        drop(SharedBuffer::from_descriptor(&json).unwrap());
        taken.push(slot);
    }
    seen.note(pool.acquire_timeout(Duration::from_millis(2)));
    seen.note(pool.available());
    seen.note(pool.status());
    pool.total_bytes();
    drop(taken);
    seen
}
