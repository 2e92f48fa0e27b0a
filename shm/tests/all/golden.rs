//! Files of format version 1 as they were first written. They open for ever, with this content.
//!
//! `DCC_MCP_SHM_WRITE_GOLDEN=1 cargo test --test all golden -- --ignored` writes them anew, which is right only for files
//! of a new version, beside the old ones.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::{Image, at, by_id, path_of, temp_store};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, BufferState, Domain, Layout, Reference, SceneDataKind, SceneWriter,
    SharedBuffer, SharedSceneBuffer, Shuffle, Store,
};
use serde_json::json;
use uuid::Uuid;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

/// Puts a golden file into a store, under the id that it has.
fn install(store: &Store, name: &str, mode: u32) -> Uuid {
    let image = Image::of(&directory().join(name));
    let id = Uuid::from_slice(&image.0[at::ID..at::CAPACITY]).unwrap();
    image.place(store, id, mode);
    id
}

/// Writes that the golden scenes consist of.
fn position() -> Vec<u8> {
    (0..12u8).flat_map(|i| (f32::from(i) * 0.5).to_le_bytes()).collect()
}

fn corner_vert() -> Vec<u8> {
    (0..2000i32).flat_map(i32::to_le_bytes).collect()
}

fn write_scene(store: &Store, compress: bool) -> SharedSceneBuffer {
    let attrs = json!({"upAxis": "Z", "metersPerUnit": 0.01, "frame": 24, "transform": [1, 0, 0, 1], "note": "größer"});
    let options = BufferOptions::new(SceneDataKind::Geometry)
        .source_dcc("Blender")
        .group("set/hero")
        .attrs(attrs.as_object().unwrap().clone())
        .ttl(Duration::from_secs(3600))
        .compress(compress);
    let (position, corner_vert) = (position(), corner_vert());
    let of = |dtype: &str, shape: &[u64], domain| ArraySpec::new(dtype.parse().unwrap(), shape).with_domain(domain);
    let arrays = [
        ("position", of("f4", &[4, 3], Domain::Point), (&position).into()),
        ("corner_vert", of("i4", &[2000], Domain::Corner), (&corner_vert).into()),
        ("nothing", of("f8", &[0, 3], Domain::Face), (&[]).into()),
    ];
    SharedSceneBuffer::write_arrays(store, arrays, &options).unwrap()
}

/// The faces of a plane of 64 by 64 points.
fn quads() -> Vec<u8> {
    let corners = |y: i32, x: i32| [(y, x), (y, x + 1), (y + 1, x + 1), (y + 1, x)];
    (0..63)
        .flat_map(|y| (0..63).flat_map(move |x| corners(y, x)))
        .flat_map(|(y, x)| (y * 64 + x).to_le_bytes())
        .collect()
}

fn write_quads(store: &Store) -> SharedSceneBuffer {
    let quads = quads();
    let spec = ArraySpec::new("i4".parse().unwrap(), [63 * 63, 4]).with_domain(Domain::Corner);
    let options = BufferOptions::new(SceneDataKind::Geometry).compress(true);
    SharedSceneBuffer::write_arrays(store, [("corner_vert", spec, (&quads).into())], &options).unwrap()
}

#[test]
#[ignore = "writes the golden files"]
fn write_the_golden_files() {
    assert!(
        std::env::var_os("DCC_MCP_SHM_WRITE_GOLDEN").is_some(),
        "only on purpose"
    );
    let (_parent, store) = temp_store();
    let keep = |id: Uuid, name: &str| {
        fs::copy(path_of(&store, id), directory().join(name)).unwrap();
        fs::set_permissions(
            directory().join(name),
            std::os::unix::fs::PermissionsExt::from_mode(0o644),
        )
        .unwrap();
    };
    fs::create_dir_all(directory()).unwrap();
    let options = BufferOptions::new(SceneDataKind::Screenshot)
        .source_dcc("Maya")
        .name("viewport");
    let buffer = SharedBuffer::create(&store, 100, &options).unwrap();
    buffer.write(b"first").unwrap();
    buffer.write(b"golden data").unwrap();
    keep(buffer.id(), "v1-buffer.shm");
    keep(write_scene(&store, false).id(), "v1-scene.shm");
    keep(write_scene(&store, true).id(), "v1-scene-lz4.shm");
    keep(write_quads(&store).id(), "v1-scene-lz4-bits.shm");
    let layout = Layout::new([("position", ArraySpec::new("f4".parse().unwrap(), [4, 3]))]).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
    keep(empty.id(), "v1-scene-empty.shm");
    let pool = BufferPool::create(&store, 2, 64, &BufferOptions::default().name("pool")).unwrap();
    let slots = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    for (i, slot) in slots.iter().enumerate() {
        slot.write(format!("frame {i}").as_bytes()).unwrap();
    }
    keep(pool.id(), "v1-pool.shm");
    for (i, slot) in pool.status().unwrap().slots.iter().enumerate() {
        keep(slot.id, &format!("v1-pool-slot{i}.shm"));
    }
}

#[test]
fn a_buffer_opens_and_can_be_rewritten() {
    let (_parent, store) = temp_store();
    let id = install(&store, "v1-buffer.shm", 0o600);
    // Its name is in it; in this store nothing links the name to it.
    let image_name = Image::of(&path_of(&store, id)).metadata()["name"].clone();
    let buffer = SharedBuffer::open(&store, &by_id(id)).unwrap();
    assert_eq!(buffer.read().unwrap(), b"golden data");
    assert_eq!((buffer.capacity(), buffer.sequence().unwrap()), (100, 4));
    let descriptor = buffer.descriptor().unwrap();
    assert_eq!(
        (descriptor.kind, descriptor.source_dcc.as_str()),
        (SceneDataKind::Screenshot, "Maya")
    );
    assert_eq!((image_name.as_str(), descriptor.data_offset), (Some("viewport"), 4096));
    assert!(descriptor.created_at.starts_with("2026-"), "{}", descriptor.created_at);
    assert_eq!(buffer.view().unwrap().to_vec().unwrap(), b"golden data");
    buffer.write(b"new").unwrap();
    assert_eq!(buffer.read().unwrap(), b"new");
}

#[test]
fn scenes_open_with_their_arrays_and_attributes() {
    for (name, shuffled) in [("v1-scene.shm", Shuffle::None), ("v1-scene-lz4.shm", Shuffle::Bytes)] {
        let compressed = shuffled != Shuffle::None;
        let (_parent, store) = temp_store();
        let scene = SharedSceneBuffer::open(&store, &by_id(install(&store, name, 0o400))).unwrap();
        let descriptor = scene.descriptor().unwrap();
        assert_eq!(
            (descriptor.state, descriptor.use_compression),
            (BufferState::Sealed, compressed),
            "{name}"
        );
        assert_eq!(
            (descriptor.kind, descriptor.group.as_deref()),
            (SceneDataKind::Geometry, Some("set/hero"))
        );
        let attrs =
            json!({"upAxis": "Z", "metersPerUnit": 0.01, "frame": 24, "transform": [1, 0, 0, 1], "note": "größer"});
        assert_eq!(json!(descriptor.attrs), attrs);
        assert_eq!(scene.size_bytes().unwrap(), 64 + 8000);
        for (array, dtype, shape, domain, data) in [
            ("position", "<f4", vec![4, 3], Domain::Point, position()),
            ("corner_vert", "<i4", vec![2000], Domain::Corner, corner_vert()),
            ("nothing", "<f8", vec![0, 3], Domain::Face, vec![]),
        ] {
            let placed = scene.array(array).unwrap();
            assert_eq!(
                (placed.dtype.typestr(), &placed.shape, placed.domain),
                (dtype, &shape, Some(domain))
            );
            assert_eq!(
                scene.read_range(placed.offset, placed.size()).unwrap(),
                data,
                "{name}: {array}"
            );
            assert_eq!(descriptor.arrays[array].offset.is_some(), !compressed);
        }
        assert_eq!(
            scene.array("corner_vert").unwrap().shuffled,
            shuffled,
            "the filter is part of the format"
        );
        if !compressed {
            assert_eq!(scene.view().unwrap()[..48], position());
        }
        assert_eq!(scene.read().unwrap(), {
            let (_parent, store) = temp_store();
            write_scene(&store, false).read().unwrap()
        });
    }
}

#[test]
fn a_scene_whose_bits_are_shuffled_opens() {
    let (_parent, store) = temp_store();
    let id = install(&store, "v1-scene-lz4-bits.shm", 0o400);
    let scene = SharedSceneBuffer::open(&store, &by_id(id)).unwrap();
    assert_eq!(scene.array("corner_vert").unwrap().shuffled, Shuffle::Bits);
    assert_eq!(scene.read().unwrap(), quads());
    assert_eq!(scene.read_range(1003, 2000).unwrap(), quads()[1003..][..2000]);
}

#[test]
fn an_empty_scene_opens_and_can_be_filled() {
    let (_parent, store) = temp_store();
    let id = install(&store, "v1-scene-empty.shm", 0o600);
    let scene = SharedSceneBuffer::open(&store, &by_id(id)).unwrap();
    assert_eq!(scene.state().unwrap(), BufferState::Empty);
    let writer = SceneWriter::fill(&store, &by_id(id)).unwrap();
    writer.memory().copy_in(0, &position()).unwrap();
    writer.finish().unwrap();
    assert_eq!(scene.read().unwrap(), position());
}

#[test]
fn a_pool_opens_with_its_slots() {
    let (_parent, store) = temp_store();
    let id = install(&store, "v1-pool.shm", 0o600);
    let slots = [
        install(&store, "v1-pool-slot0.shm", 0o600),
        install(&store, "v1-pool-slot1.shm", 0o600),
    ];
    assert_eq!(
        store.pool(&by_id(id)).unwrap().name,
        None,
        "nothing links the name to it yet"
    );
    symlink(
        id.to_string(),
        store.path().join("4eef463b-b544-5dc2-8c3a-decf38a58378.name"),
    )
    .unwrap();
    let status = store.pool(&Reference::Name("pool".to_owned())).unwrap();
    assert_eq!(
        (
            status.id,
            status.buffer_size,
            status.slots.len(),
            status.name.as_deref()
        ),
        (id, 64, 2, Some("pool"))
    );
    for (i, slot) in status.slots.iter().enumerate() {
        assert_eq!((slot.id, slot.generation, slot.in_use), (slots[i], 1, false));
        let reader = SharedBuffer::open(&store, &by_id(slot.id)).unwrap();
        assert_eq!(reader.read().unwrap(), format!("frame {i}").as_bytes());
    }
    let pool = BufferPool::open(&store, &by_id(id)).unwrap();
    let buffer = pool.acquire().unwrap();
    assert_eq!(
        (buffer.descriptor().unwrap().generation, buffer.data_len().unwrap()),
        (2, 0)
    );
    buffer.write(b"next").unwrap();
}

#[test]
fn the_golden_files_are_all_of_version_one_and_small() {
    let mut count = 0;
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "shm") {
            continue;
        }
        let image = Image::of(&path);
        assert_eq!(image.0[..8], *b"\x89DSM\r\n\x1a\n", "{}", path.display());
        assert_eq!(image.u32(at::VERSION), 1, "{}", path.display());
        assert!(image.0.len() < 32 << 10, "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 8);
}
