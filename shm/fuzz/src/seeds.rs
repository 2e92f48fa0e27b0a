//! Inputs to begin with: the released version's files and descriptors, and each of them with one thing wrong.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{Image, at};
use crate::forge::Repair;
use crate::seed::{Of, Reaches, Seed};
use crate::{STORE, golden};

/// All of them.
pub fn all() -> Vec<Seed> {
    [headers(), metadata(), descriptors(), payloads(), pools()]
        .into_iter()
        .flatten()
        .collect()
}

fn headers() -> Vec<Seed> {
    let mut of = Of::new("header", crate::header);
    let golden = golden();
    let kinds: [(&str, u8, Reaches); 6] = [
        ("buffer", 0, &["WrongRole", "CapacityExceeded", "Changed"]),
        (
            "scene",
            Repair::SEALED,
            &["WrongRole", "Sealed", "NoSuchArray", "InvalidArgument"],
        ),
        ("scene-empty", 0, &["WrongRole", "NotSealed", "NoSuchArray"]),
        ("scene-lz4", Repair::SEALED, &["WrongRole", "Sealed", "Compressed"]),
        ("pool-slot0", 0, &["WrongRole", "Busy"]),
        ("pool", 0, &["WrongRole", "NotFound"]),
    ];
    for (name, mode, reaches) in kinds {
        let image = &golden[name];
        let whole = [&[Repair::ID | Repair::CHECKSUM | mode], &image.0[..]].concat();
        of.add(name, whole, reaches);
        let short = [&[Repair::ALL | mode], &image.without_payload()[..]].concat();
        of.add(&format!("{name}-short"), short, &[]);
    }
    let mut broken = |name: &str, repair: u8, at: usize, field: &[u8], reaches: Reaches| {
        let mut image = golden["buffer"].clone();
        image.put(at, field);
        of.add(name, [&[repair], &image.0[..]].concat(), reaches);
    };
    let signed = Repair::ID | Repair::CHECKSUM;
    broken("other-magic", signed, 0, b"\x89PNG", &["Damaged"]);
    broken("newer", signed, at::VERSION, &[2], &["UnsupportedVersion"]);
    broken("long-header", signed, at::HEADER_LEN, &[0, 0x20], &["Damaged"]);
    broken("other-id", Repair::CHECKSUM, at::ID, &[1], &["Damaged"]);
    broken("other-length", signed, at::CAPACITY, &[9], &["Damaged"]);
    broken("no-role", signed, at::ROLE, &[9], &["Damaged"]);
    broken("interrupted", signed, at::SEQUENCE, &[5], &["Interrupted"]);
    broken("too-much-data", signed, at::DATA_LEN, &[0xff; 8], &["Damaged"]);
    broken("no-state", signed, at::STATE, &[9], &["Damaged"]);
    broken("long-metadata", signed, at::METADATA_LEN, &[0xff; 4], &["Damaged"]);
    broken("other-checksum", Repair::ID, at::CHECKSUM, &[1, 2, 3, 4], &["Damaged"]);
    broken("no-json", signed, at::METADATA, b"[", &["Damaged"]);
    let mut odd = golden["scene"].clone();
    odd.put(at::SEQUENCE, &[5]);
    of.add(
        "odd-scene",
        [&[signed | Repair::SEALED], &odd.0[..]].concat(),
        &["Sealed"],
    );
    let unsealed = [&[signed], &golden["scene-lz4"].0[..]].concat();
    of.add("unsealed-lz4", unsealed, &["NotSealed", "Damaged"]);
    for len in [0, 7, 60, 135, 4095] {
        let cut = golden["buffer"].0[..len].to_vec();
        of.add(&format!("first-{len}"), [vec![0], cut].concat(), &["Damaged"]);
    }
    of.seeds
}

/// What `what` of the metadata target stands for.
const BUFFER: u8 = 0;
const SCENE: u8 = 1;
const SLOT: u8 = 2;
const POOL: u8 = 3;
const UNSEALED: u8 = 4;

fn metadata() -> Vec<Seed> {
    let mut of = Of::new("metadata", crate::metadata);
    let mut add = |name: &str, what: u8, metadata: &Value, reaches: Reaches| {
        let json = serde_json::to_vec(metadata).unwrap();
        of.add(name, [&[what], &json[..]].concat(), reaches);
    };
    for (name, what) in [
        ("buffer", BUFFER),
        ("scene", SCENE),
        ("scene-empty", SCENE | UNSEALED),
        ("scene-lz4", SCENE),
        ("pool", POOL),
        ("pool-slot0", SLOT),
    ] {
        add(name, what, &golden()[name].metadata(), &["WrongRole"]);
    }
    let with = |field: &str, value: Value| {
        let mut metadata = json!({"kind": "Geometry", "size": 64});
        metadata[field] = value;
        metadata
    };
    let array = |dtype: &str, shape: Value, offset: u64| {
        with(
            "arrays",
            json!({"a": {"dtype": dtype, "shape": shape, "offset": offset}}),
        )
    };
    let codec = |size: u64, chunk_size: u64| {
        let mut metadata = with("codec", json!({"name": "lz4-frames", "chunk_size": chunk_size}));
        metadata["size"] = json!(size);
        metadata
    };
    for (name, metadata) in [
        ("no-object", json!([])),
        ("no-kind", with("kind", json!("Cheese"))),
        ("control-character", with("source_dcc", json!("a\u{1b}[31m"))),
        ("empty-name", with("name", json!(""))),
        ("nested-attrs", with("attrs", json!({"a": {"b": 1}}))),
        ("long-attrs", with("attrs", json!({"a": "x".repeat(5000)}))),
        ("small-chunks", codec(64, 0)),
        ("bomb", codec(1 << 40, 1 << 20)),
        ("no-dtype", array("<f3", json!([1]), 0)),
        ("outside", array("<f4", json!([17]), 0)),
        ("unaligned", array("<f4", json!([1]), 4)),
        ("overflow", array("<f4", json!([0, u64::MAX, 2]), 0)),
        ("nine-dimensions", array("<f4", json!([1, 1, 1, 1, 1, 1, 1, 1, 1]), 0)),
    ] {
        add(name, SCENE, &metadata, &["Damaged"]);
    }
    let floats = json!({"kind": "Geometry", "attrs": {"a": 0.1, "b": 1e-305, "c": [-0.0, 12345.678], "d": true}});
    add("floats", BUFFER, &floats, &["Changed"]);
    for (name, shuffled) in [("shuffled", json!(true)), ("shuffled-bits", json!("bits"))] {
        let metadata = json!({"kind": "Geometry", "size": 4096, "codec": {"name": "lz4-frames", "chunk_size": 65536},
            "arrays": {"a": {"dtype": "<c16", "shape": [4, 4], "offset": 0, "shuffled": shuffled}}});
        add(name, SCENE, &metadata, &["Damaged", "Compressed"]);
    }
    of.seeds
}

fn descriptors() -> Vec<Seed> {
    let mut of = Of::new("descriptor", crate::descriptor);
    let golden = golden();
    let describe = |name: &str| {
        let (image, id) = (&golden[name], golden[name].id());
        let metadata = image.metadata();
        let role = ["buffer", "scene", "slot", "pool"][image.u32(at::ROLE) as usize - 1];
        json!({
            "version": 1, "id": id, "path": format!("{STORE}/{id}.shm"), "role": role,
            "data_offset": image.header_len(), "size_bytes": metadata["size"], "stored_bytes": 1, "capacity": 1,
            "kind": metadata["kind"], "state": "open", "use_compression": metadata.get("codec").is_some(),
            "generation": image.0[at::GENERATION], "created_at": "2026-01-01T00:00:00.000000Z", "ttl_seconds": 3600.0,
            "attrs": {"upAxis": "Z"}, "arrays": {"a": {"dtype": "<f4", "shape": [4, 3], "offset": 4096}},
        })
    };
    for (name, reaches) in [
        ("buffer", &["WrongRole"] as Reaches),
        ("scene", &["WrongRole", "Sealed"]),
        ("scene-empty", &["WrongRole", "NotSealed"]),
        ("scene-lz4", &["WrongRole", "Sealed"]),
        ("pool-slot0", &["WrongRole"]),
        ("pool", &["WrongRole"]),
    ] {
        of.add(name, describe(name).to_string().into(), reaches);
    }
    let with = |field: &str, value: Value| {
        let mut descriptor = describe("buffer");
        descriptor[field] = value;
        descriptor.to_string().into_bytes()
    };
    let id = golden["buffer"].id();
    let path = |directory: &str| json!(format!("{directory}/{id}.shm"));
    of.add("stale", with("generation", json!(7)), &["Stale"]);
    of.add("newer", with("version", json!(2)), &["UnsupportedVersion"]);
    of.add("no-version", with("version", json!("1")), &["InvalidDescriptor"]);
    of.add("no-role", with("role", json!("cheese")), &["InvalidDescriptor"]);
    of.add("no-number", with("capacity", json!(-1)), &["InvalidDescriptor"]);
    of.add(
        "other-path",
        with("path", json!(format!("{STORE}/{}.shm", Uuid::nil()))),
        &["InvalidDescriptor"],
    );
    of.add("relative", with("path", path("store")), &["InvalidDescriptor"]);
    of.add("zero-byte", with("path", path("/\u{0}")), &["InvalidDescriptor"]);
    of.add("open-store", with("path", path("/")), &["UnsafeStore"]);
    of.add(
        "control-character",
        with("path", path("/no\u{1b}[31mwhere")),
        &["NotFound"],
    );
    of.add("no-store", with("path", path("/nowhere")), &["NotFound"]);
    of.add(
        "long-path",
        with("path", path(&format!("/{}", "x".repeat(300)))),
        &["Io"],
    );
    of.add("no-json", b"{".to_vec(), &["InvalidDescriptor"]);
    of.add("no-object", b"[]".to_vec(), &["InvalidDescriptor"]);
    let mut gone = describe("buffer");
    gone["id"] = json!(Uuid::nil());
    gone["path"] = json!(format!("{STORE}/{}.shm", Uuid::nil()));
    of.add("gone", gone.to_string().into(), &["NotFound"]);
    of.seeds
}

fn payloads() -> Vec<Seed> {
    let mut of = Of::new("payload", crate::payload);
    let lz4 = &golden()["scene-lz4"];
    let stored = &lz4.0[lz4.header_len()..];
    of.add(
        "other-layout",
        [&[0, 0x80, 0x1f], stored].concat(),
        &["Damaged", "Compressed"],
    );
    of.add("other-arrays", [&[2, 0x80, 0x1f], stored].concat(), &["Damaged"]);
    of.add("no-index", vec![0, 0, 1, 1, 2, 3], &["Damaged"]);
    // A block of literals: a token, and so many bytes.
    let literals = |len: u8| [&[len + 1, 0, len << 4][..], &vec![7; len.into()]].concat();
    of.add("one-chunk", [&[8, 9, 0], &literals(9)[..]].concat(), &["Compressed"]);
    of.add("short-chunk", [&[8, 10, 0], &literals(9)[..]].concat(), &["Damaged"]);
    of.add(
        "two-arrays",
        [&[8 | 2, 128, 0], &[&[66, 0, 0xf0, 49], &vec![7; 64][..]].concat()[..]].concat(),
        &["Damaged"],
    );
    // A token with a match, after which the literals are repeated.
    of.add(
        "match",
        vec![8, 20, 0, 11, 0, 0x47, 1, 2, 3, 4, 4, 0, 0x50, 5, 6, 7, 8, 9],
        &["Compressed"],
    );
    of.add("bad-offset", vec![8, 20, 0, 7, 0, 0x47, 1, 2, 3, 4, 9, 0], &["Damaged"]);
    of.add("many-chunks", vec![8 | 1, 0xff, 0xff, 1, 0, 0], &["Damaged"]);
    of.add(
        "plain",
        [vec![4], (0..200u16).flat_map(u16::to_le_bytes).collect()].concat(),
        &[],
    );
    of.seeds
}

fn pools() -> Vec<Seed> {
    let mut of = Of::new("pool", crate::pool);
    let golden = golden();
    for (which, name) in [(0, "pool"), (1, "pool-slot0"), (2, "pool-slot1")] {
        let bytes = [&[which, Repair::ALL], &golden[name].without_payload()[..]].concat();
        of.add(name, bytes, &["Exhausted"]);
    }
    let (slot, other) = (golden["pool-slot0"].id(), golden["buffer"].id());
    let slots = |slots: Value| {
        let mut image = golden["pool"].clone();
        let metadata = json!({"kind": "Arbitrary", "pool": {"buffer_size": 64, "slots": slots}});
        image.set_metadata(&serde_json::to_vec(&metadata).unwrap());
        [&[0, Repair::ALL], &image.without_payload()[..]].concat()
    };
    of.add("one-slot-twice", slots(json!([slot, slot])), &["Exhausted"]);
    of.add("no-slots", slots(json!([])), &[]);
    of.add("gone-slot", slots(json!([slot, other])), &["NotFound"]);
    of.add("itself", slots(json!([golden["pool"].id()])), &["WrongRole"]);
    of.add("many-slots", slots(json!(vec![slot; 300])), &["TooManyOpenFiles"]);
    let changed = |which: u8, at: usize, field: &[u8]| {
        let mut image: Image = golden[["pool", "pool-slot0"][usize::from(which)]].clone();
        image.put(at, field);
        [&[which, Repair::ALL], &image.without_payload()[..]].concat()
    };
    of.add("line", changed(0, 96, &[0xff; 8]), &[]);
    of.add("no-pool", changed(0, at::ROLE, &[1]), &["WrongRole"]);
    of.add("odd-slot", changed(1, at::SEQUENCE, &[3]), &["Interrupted"]);
    of.add(
        "last-generation",
        changed(1, at::GENERATION, &[0xff; 8]),
        &["Exhausted"],
    );
    of.add("no-holder", changed(1, 96, &[0xff; 32]), &["Exhausted"]);
    of.add("wanted", changed(1, 60, &[1]), &["Exhausted"]);
    of.seeds
}
