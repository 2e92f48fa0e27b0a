//! Compressed scenes: what comes out is what went in, in any part of it, damage is noticed, and the format is LZ4's own.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, PermissionsExt};

use crate::common::{Image, at, by_id, noise, temp_store};
use dcc_mcp_shm::{ArraySpec, BufferOptions, Error, SceneWriter, SharedSceneBuffer, Shuffle, Store};
use lz4_flex::frame::FrameDecoder;
use proptest::prelude::*;

const CHUNK: usize = 1 << 20;

fn compressed() -> BufferOptions {
    BufferOptions::default().compress(true)
}

fn runs(seed: u64, len: usize) -> Vec<u8> {
    noise(seed, len / 50 + 1)
        .iter()
        .flat_map(|&byte| [byte; 50])
        .take(len)
        .collect()
}

fn floats(count: usize) -> Vec<u8> {
    (0..u16::try_from(count % 60_000).unwrap())
        .cycle()
        .take(count)
        .flat_map(|i| (f32::from(i) * 0.25).sin().to_le_bytes())
        .collect()
}

fn indices(count: usize) -> Vec<u8> {
    (0..u32::try_from(count).unwrap()).flat_map(u32::to_le_bytes).collect()
}

#[track_caller]
fn check(store: &Store, data: &[u8], expect_smaller: Option<bool>) {
    let scene = SharedSceneBuffer::write(store, data, &compressed()).unwrap();
    let descriptor = scene.descriptor().unwrap();
    if let Some(smaller) = expect_smaller {
        assert_eq!(descriptor.use_compression, smaller);
    }
    assert_eq!(descriptor.size_bytes, data.len() as u64);
    assert!(descriptor.stored_bytes <= data.len() as u64);
    assert!(scene.read().unwrap() == data, "{} bytes", data.len());
    let again = SharedSceneBuffer::from_descriptor(&descriptor.to_json()).unwrap();
    assert!(again.read().unwrap() == data, "{} bytes", data.len());
    assert_eq!(scene.view().is_err(), descriptor.use_compression);
    scene.unlink().unwrap();
}

#[test]
fn all_kinds_of_data_come_back() {
    let (_parent, store) = temp_store();
    check(&store, b"", Some(false));
    check(&store, b"x", Some(false));
    check(&store, &noise(3, 100_000), Some(false));
    check(&store, &vec![0; 5_000_000], Some(true));
    check(&store, &floats(300_000), None);
    check(&store, &indices(300_000), None);
    for chunks in 1..=3 {
        for len in [chunks * CHUNK - 1, chunks * CHUNK, chunks * CHUNK + 1] {
            check(&store, &runs(len as u64, len), Some(true));
        }
    }
}

/// Arrays of all element widths, at and around the boundaries of chunks.
fn mixed() -> Vec<(&'static str, ArraySpec, Vec<u8>)> {
    let of = |dtype: &str, shape: &[u64]| ArraySpec::new(dtype.parse().unwrap(), shape);
    vec![
        ("flags", of("b1", &[100]), runs(1, 100)),
        ("nothing", of("f8", &[0, 3]), vec![]),
        ("corner", of("i4", &[CHUNK as u64 / 4 + 1]), indices(CHUNK / 4 + 1)),
        ("half", of("f2", &[33]), noise(5, 66)),
        ("position", of("f4", &[100_001, 3]), floats(300_003)),
        ("big", of(">u8", &[CHUNK as u64 / 8]), runs(7, CHUNK)),
        ("complex", of("c16", &[5]), noise(9, 80)),
        ("scalar", of("f8", &[]), noise(11, 8)),
        ("end", of("u2", &[0]), vec![]),
    ]
}

fn write_mixed(store: &Store, options: &BufferOptions) -> SharedSceneBuffer {
    let arrays = mixed();
    let arrays = arrays
        .iter()
        .map(|(name, spec, data)| (*name, spec.clone(), data.into()));
    SharedSceneBuffer::write_arrays(store, arrays, options).unwrap()
}

#[test]
fn arrays_of_several_widths_come_back_each_in_its_place() {
    let (_parent, store) = temp_store();
    let scene = write_mixed(&store, &compressed());
    assert!(scene.descriptor().unwrap().use_compression);
    assert!(
        mixed()
            .iter()
            .any(|(name, ..)| scene.array(name).unwrap().shuffled != Shuffle::None),
        "the index array is shuffled"
    );
    let plain = write_mixed(&store, &BufferOptions::default()).read().unwrap();
    assert!(scene.read().unwrap() == plain, "the same payload, padding and all");
    for (name, _, data) in mixed() {
        let array = scene.array(name).unwrap();
        assert!(scene.read_range(array.offset, array.size()).unwrap() == data, "{name}");
    }
}

#[test]
fn lz4_alone_unpacks_what_is_not_shuffled() {
    let (_parent, store) = temp_store();
    let data = runs(5, 3 * CHUNK + 77);
    let scene = SharedSceneBuffer::write(&store, &data, &compressed()).unwrap();
    let descriptor = scene.descriptor().unwrap();
    let file = fs::read(scene.path()).unwrap();
    let payload = &file[usize::try_from(descriptor.data_offset).unwrap()..];
    assert_eq!(payload.len() as u64, descriptor.stored_bytes);
    // The LZ4 frame format: a skippable frame is a magic number from 0x184D2A50 to …5F, a length, and so many bytes.
    let word = |at: usize| u32::from_le_bytes(payload[at..at + 4].try_into().unwrap());
    assert_eq!(word(0) & 0xffff_fff0, 0x184D_2A50);
    let mut frames = &payload[8 + word(4) as usize..];
    let (mut unpacked, mut count) = (Vec::new(), 0);
    while !frames.is_empty() {
        assert_eq!(frames[..4], 0x184D_2204_u32.to_le_bytes());
        FrameDecoder::new(&mut frames).read_to_end(&mut unpacked).unwrap();
        count += 1;
    }
    assert_eq!(
        count, 4,
        "one frame for each chunk, or one reader went on into the next"
    );
    assert!(unpacked == data);
}

#[test]
fn what_is_compressed_and_not_sealed_is_damaged_for_who_would_fill_it() {
    let (_parent, store) = temp_store();
    let scene = SharedSceneBuffer::write(&store, &vec![7; 100_000], &compressed()).unwrap();
    assert!(scene.descriptor().unwrap().use_compression);
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let filled = SceneWriter::fill(&store, &by_id(scene.id())).map(drop);
    assert!(matches!(filled, Err(Error::Damaged { .. })), "{filled:?}");
}

#[test]
fn every_flipped_bit_of_a_compressed_payload_is_noticed_or_changes_nothing() {
    let (_parent, store) = temp_store();
    let bytes = floats(2000);
    let array = (
        "position",
        ArraySpec::new("f4".parse().unwrap(), [2000]),
        (&bytes).into(),
    );
    let scene = SharedSceneBuffer::write_arrays(&store, [array], &compressed()).unwrap();
    let descriptor = scene.descriptor().unwrap();
    assert!(descriptor.use_compression);
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let file = fs::OpenOptions::new().write(true).open(scene.path()).unwrap();
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o400)).unwrap();
    let whole = fs::read(scene.path()).unwrap();
    let payload = usize::try_from(descriptor.data_offset).unwrap();
    let mut noticed = 0;
    for (at, &byte) in whole.iter().enumerate().skip(payload) {
        for bit in 0..8 {
            file.write_all_at(&[byte ^ (1 << bit)], at as u64).unwrap();
            let read = scene.read();
            // A few bits say the same either way: whether a run repeats the last byte or the one before, say.
            match read {
                Err(Error::Damaged { .. }) => noticed += 1,
                Ok(data) => assert!(data == bytes, "byte {at} bit {bit}: other data"),
                Err(error) => panic!("byte {at} bit {bit}: {error}"),
            }
        }
        file.write_all_at(&[byte], at as u64).unwrap();
    }
    assert!(scene.read().unwrap() == bytes);
    let flipped = (whole.len() - payload) * 8;
    assert!(noticed * 100 >= flipped * 99, "{noticed} of {flipped} noticed");
}

#[test]
fn a_scene_that_claims_more_than_it_can_hold_is_damaged() {
    let (_parent, store) = temp_store();
    let data = vec![0; 3 * CHUNK];
    let scene = SharedSceneBuffer::write(&store, &data, &compressed()).unwrap();
    let (id, image) = (scene.id(), Image::of(&scene.path()));
    drop(scene);
    let stored = (image.0.len() - image.header_len()) as u64;
    for size in [
        data.len() as u64 - 1,
        data.len() as u64 + 1,
        4 << 20,
        stored * 255,
        stored * 256,
        1 << 40,
        u64::MAX,
    ] {
        let mut metadata = image.metadata();
        metadata["size"] = size.into();
        image
            .clone()
            .set_metadata(metadata.to_string().as_bytes())
            .place(&store, id, 0o400);
        let read = SharedSceneBuffer::open(&store, &by_id(id)).and_then(|scene| scene.read());
        assert!(
            matches!(read, Err(Error::Damaged { .. })),
            "{size}: {:?}",
            read.map(|data| data.len())
        );
    }
    for chunk in [0u64, 1, 65535, 65536, 1 << 21, 1 << 24, (1 << 24) + 1, u64::MAX] {
        let mut metadata = image.metadata();
        metadata["codec"]["chunk_size"] = chunk.into();
        image
            .clone()
            .set_metadata(metadata.to_string().as_bytes())
            .place(&store, id, 0o400);
        let read = SharedSceneBuffer::open(&store, &by_id(id)).and_then(|scene| scene.read());
        assert!(
            matches!(read, Err(Error::Damaged { .. })),
            "chunks of {chunk}: {:?}",
            read.map(|data| data.len())
        );
    }
    for len in [0, 7, 8, 11, stored - 1] {
        image
            .clone()
            .put(at::DATA_LEN, &len.to_le_bytes())
            .place(&store, id, 0o400);
        let read = SharedSceneBuffer::open(&store, &by_id(id)).and_then(|scene| scene.read());
        assert!(
            matches!(read, Err(Error::Damaged { .. })),
            "{len} stored: {:?}",
            read.map(|data| data.len())
        );
    }
}

#[test]
fn a_compressed_scene_whose_first_array_does_not_start_at_zero_is_read_right_or_refused() {
    let (_parent, store) = temp_store();
    let data = runs(3, 1000);
    let scene = SharedSceneBuffer::write(&store, &data, &compressed()).unwrap();
    let (id, image) = (scene.id(), Image::of(&scene.path()));
    drop(scene);
    let mut metadata = image.metadata();
    metadata["arrays"] = serde_json::json!({"a": {"dtype": "|u1", "shape": [1], "offset": 64}});
    metadata["size"] = 1064.into();
    image
        .clone()
        .set_metadata(metadata.to_string().as_bytes())
        .place(&store, id, 0o400);
    match SharedSceneBuffer::open(&store, &by_id(id)).and_then(|scene| scene.read()) {
        Ok(read) => assert!(read[64..] == data, "the array is not where it says"),
        Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error}"),
    }
}

proptest! {
    #![proptest_config(crate::properties::config(60))]

    #[test]
    fn ranges_are_slices_of_the_whole(start in 0usize..3_400_000, len in 0usize..2_500_000) {
        let (_parent, store) = temp_store();
        let scene = write_mixed(&store, &compressed());
        let whole = scene.read().unwrap();
        let start = start.min(whole.len());
        let end = (start + len).min(whole.len());
        let part = scene.read_range(start as u64, len as u64).unwrap();
        prop_assert!(part == whole[start..end], "{}..{}", start, end);
        let past = scene.read_range(whole.len() as u64 + 1, 0);
        prop_assert!(matches!(past, Err(Error::InvalidArgument { .. })), "{:?}", past);
    }

    #[test]
    fn any_bytes_come_back(bytes in proptest::collection::vec(0u8..4, 0..5000), times in 1usize..400) {
        let (_parent, store) = temp_store();
        let data: Vec<u8> = bytes.iter().copied().cycle().take(bytes.len() * times).collect();
        check(&store, &data, None);
    }
}
