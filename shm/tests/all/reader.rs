//! Looking at data through its file descriptor, whatever others do with the file meanwhile.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use crate::common::{Peer, by_id, child_role, hear, noise, path_of, say, temp_store};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Error, Layout, Reference, SharedBuffer, SharedSceneBuffer, Source, Store,
};

/// Numbers that shuffle and compress well, in a size that is no multiple of anything.
fn indices() -> Vec<u8> {
    (0..1_500_001_u32).flat_map(|i| (i / 3).to_le_bytes()).collect()
}

fn scene(store: &Store, data: &[u8], compress: bool) -> SharedSceneBuffer {
    let spec = ArraySpec::new("<u4".parse().unwrap(), [data.len() as u64 / 4]);
    let options = BufferOptions::default().compress(compress);
    SharedSceneBuffer::write_arrays(store, [("corner_vert", spec, Source::from(data))], &options).unwrap()
}

#[test]
fn ranges_are_those_of_the_original_compressed_or_not() {
    let (_parent, store) = temp_store();
    let data = indices();
    for compress in [false, true] {
        let scene = scene(&store, &data, compress);
        assert_eq!(scene.use_compression().unwrap(), compress);
        let reader = store.reader(&by_id(scene.id())).unwrap();
        assert_eq!(reader.len(), data.len() as u64);
        assert_eq!(reader.arrays()["corner_vert"].offset, 0);
        for (offset, len) in [
            (0, 16),
            (1_048_570, 12),
            (3, 2_500_000),
            (data.len() - 1, 1),
            (data.len(), 0),
        ] {
            let mut bytes = vec![0; len];
            reader.read_at(offset as u64, &mut bytes).unwrap();
            assert!(
                bytes == data[offset..offset + len],
                "{len} bytes from {offset} on, compressed: {compress}"
            );
        }
        for (offset, len) in [(data.len() as u64, 1), (u64::MAX, 2), (0, data.len() + 1)] {
            let outside = reader.read_at(offset, &mut vec![0; len]);
            assert!(
                matches!(
                    outside,
                    Err(Error::InvalidArgument {
                        argument: "offset" | "len",
                        ..
                    })
                ),
                "{outside:?}"
            );
        }
        reader.check_unchanged().unwrap();
    }
}

#[test]
fn looking_neither_holds_nor_renews() {
    let (_parent, store) = temp_store();
    let id = scene(&store, &indices(), false).id();
    let times = || {
        let file = fs::metadata(path_of(&store, id)).unwrap();
        (file.atime_nsec(), file.mtime_nsec())
    };
    let before = times();
    let reader = store.reader(&by_id(id)).unwrap();
    reader.read_at(0, &mut [0; 64]).unwrap();
    assert!(store.describe(&by_id(id)).unwrap().expires.is_some(), "nobody holds it");
    drop(reader);
    assert_eq!(times(), before);
}

#[test]
fn what_is_deleted_meanwhile_stays_readable() {
    let (_parent, store) = temp_store();
    let data = noise(1, 100_000);
    let id = scene(&store, &data, false).id();
    let reader = store.reader(&by_id(id)).unwrap();
    store.delete(&by_id(id)).unwrap();
    let mut bytes = vec![0; data.len()];
    reader.read_at(0, &mut bytes).unwrap();
    assert_eq!(bytes, data);
    assert!(matches!(store.reader(&by_id(id)), Err(Error::NotFound { .. })));
}

#[test]
fn a_file_that_is_cut_short_is_damaged_and_no_signal() {
    let (_parent, store) = temp_store();
    let data = noise(2, 1 << 20);
    for compress in [false, true] {
        let data = if compress { indices() } else { data.clone() };
        let id = scene(&store, &data, compress).id();
        let reader = store.reader(&by_id(id)).unwrap();
        let path = path_of(&store, id);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(5000)
            .unwrap();
        let cut = reader.read_at(8192, &mut [0; 64]);
        assert!(matches!(cut, Err(Error::Damaged { .. })), "{cut:?}");
        assert!(matches!(store.reader(&by_id(id)), Err(Error::Damaged { .. })));
    }
}

#[test]
fn what_is_rewritten_meanwhile_says_so() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 64, &BufferOptions::default()).unwrap();
    buffer.write(b"first").unwrap();
    let reader = store.reader(&by_id(buffer.id())).unwrap();
    let mut bytes = [0; 5];
    reader.read_at(0, &mut bytes).unwrap();
    reader.check_unchanged().unwrap();
    assert_eq!(&bytes, b"first");
    buffer.write(b"other").unwrap();
    let changed = reader.check_unchanged();
    assert!(
        matches!(changed, Err(Error::Changed { id }) if id == buffer.id()),
        "{changed:?}"
    );
}

#[test]
fn a_slot_that_was_given_out_again_says_so() {
    let (_parent, store) = temp_store();
    let pool = BufferPool::create(&store, 1, 64, &BufferOptions::default()).unwrap();
    let slot = pool.acquire().unwrap();
    slot.write(b"frame").unwrap();
    let json = slot.descriptor().unwrap().to_json();
    let reader = store.reader(&Reference::Descriptor(json.clone())).unwrap();
    drop(slot);
    let again = pool.acquire().unwrap();
    assert!(matches!(reader.check_unchanged(), Err(Error::Changed { .. })));
    assert!(matches!(
        store.reader(&Reference::Descriptor(json)),
        Err(Error::Stale { .. })
    ));
    drop(again);
}

#[test]
fn what_has_no_data_yet_or_never_says_so() {
    let (_parent, store) = temp_store();
    let layout = Layout::new([("position", ArraySpec::new("f4".parse().unwrap(), [2, 3]))]).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
    let reader = store.reader(&by_id(empty.id()));
    assert!(
        matches!(reader, Err(Error::NotSealed { state: "empty", .. })),
        "{reader:?}"
    );
    let pool = BufferPool::create(&store, 1, 64, &BufferOptions::default()).unwrap();
    assert!(matches!(store.reader(&by_id(pool.id())), Err(Error::WrongRole { .. })));
}

#[test]
fn a_write_that_was_never_finished_is_told_from_one_under_way() {
    let (_parent, store) = temp_store();
    let buffer = SharedBuffer::create(&store, 64, &BufferOptions::default()).unwrap();
    let mut writer = Peer::start("edit", buffer.path().to_str().unwrap());
    writer.expect("editing");
    let busy = store.reader(&by_id(buffer.id()));
    assert!(
        matches!(busy, Err(Error::Busy { waited, .. }) if waited >= Duration::from_secs(1)),
        "{busy:?}"
    );
    writer.kill();
    let interrupted = store.reader(&by_id(buffer.id()));
    assert!(matches!(interrupted, Err(Error::Interrupted { .. })), "{interrupted:?}");
    buffer.write(b"whole again").unwrap();
    store.reader(&by_id(buffer.id())).unwrap();
}

#[test]
#[ignore = "the other process of a test above"]
fn child() {
    let (role, path) = child_role();
    assert_eq!(role, "edit");
    let path = std::path::Path::new(&path);
    let id = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap();
    let buffer = SharedBuffer::open_path(path, id).unwrap();
    let _edit = buffer.edit(64).unwrap();
    say("editing");
    hear();
}
