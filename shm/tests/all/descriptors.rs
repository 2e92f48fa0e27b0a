//! Descriptors: what comes back from one is what it was made from, or a typed error; never somebody else's data.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::common::{by_id, temp_store};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Descriptor, Error, Layout, Reference, Result, SceneDataKind, SceneWriter,
    SharedBuffer, SharedSceneBuffer, Store,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn doors(store: &Store, json: &str) -> [(&'static str, Result<()>); 8] {
    let reference = Reference::Descriptor(json.to_owned());
    [
        (
            "SharedBuffer::from_descriptor",
            SharedBuffer::from_descriptor(json).map(drop),
        ),
        (
            "SharedSceneBuffer::from_descriptor",
            SharedSceneBuffer::from_descriptor(json).map(drop),
        ),
        ("SharedBuffer::open", SharedBuffer::open(store, &reference).map(drop)),
        (
            "SharedSceneBuffer::open",
            SharedSceneBuffer::open(store, &reference).map(drop),
        ),
        ("SceneWriter::fill", SceneWriter::fill(store, &reference).map(drop)),
        ("BufferPool::open", BufferPool::open(store, &reference).map(drop)),
        ("Store::describe", store.describe(&reference).map(drop)),
        ("Store::delete", store.delete(&reference).map(drop)),
    ]
}

fn buffer(store: &Store) -> (SharedBuffer, Value) {
    let buffer = SharedBuffer::create(store, 100, &BufferOptions::default()).unwrap();
    buffer.write(b"data").unwrap();
    let json = serde_json::from_str(&buffer.descriptor().unwrap().to_json()).unwrap();
    (buffer, json)
}

#[test]
fn what_is_no_descriptor_is_refused_at_every_door() {
    let (_parent, store) = temp_store();
    let (buffer, good) = buffer(&store);
    let with = |field: &str, value: Value| {
        let mut descriptor = good.clone();
        descriptor[field] = value;
        descriptor.to_string()
    };
    let mut cases: Vec<String> = [
        "",
        " ",
        "null",
        "1",
        "\"x\"",
        "[]",
        "{",
        "{}",
        "{\"version\":1}",
        "\u{0}",
        "{\"a\":1}x",
    ]
    .map(str::to_owned)
    .to_vec();
    cases.push("[".repeat(100_000));
    cases.push(format!("{{\"version\":1,\"x\":\"{}\"}}", "y".repeat(5 << 20)));
    let wrong = [
        json!(null),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!([]),
        json!({}),
        json!(true),
    ];
    for field in [
        "size_bytes",
        "stored_bytes",
        "capacity",
        "data_offset",
        "generation",
        "version",
        "id",
        "path",
        "kind",
        "role",
        "state",
        "use_compression",
        "created_at",
    ] {
        for value in &wrong {
            if !(field == "use_compression" && value.is_boolean()) {
                cases.push(with(field, value.clone()));
            }
        }
        let mut lacking = good.clone();
        lacking.as_object_mut().unwrap().shift_remove(field);
        cases.push(lacking.to_string());
    }
    cases.push(with("id", json!("no uuid")));
    cases.push(with("kind", json!("Cheese")));
    cases.push(with("role", json!("Buffer")));
    cases.push(with("state", json!("melted")));
    cases.push(with("arrays", json!({"a": {"dtype": "O", "shape": [1]}})));
    cases.push(with("arrays", json!({"a": {"dtype": "<f4", "shape": [-1]}})));
    cases.push(with("arrays", json!([])));
    cases.push(with("attrs", json!([])));
    // Larger than any number: no u64.
    cases.push(
        good.to_string()
            .replace("\"capacity\":100", "\"capacity\":18446744073709551616"),
    );
    for case in &cases {
        let shown: String = case.chars().take(300).collect();
        for (door, result) in doors(&store, case) {
            assert!(
                matches!(result, Err(Error::InvalidDescriptor { .. })),
                "{door}: {result:?} from {shown}"
            );
        }
    }
    assert_eq!(buffer.read().unwrap(), b"data");
    assert!(buffer.path().exists());
}

#[test]
fn an_unknown_version_is_named() {
    let (_parent, store) = temp_store();
    let (_buffer, mut json) = buffer(&store);
    for version in [0, 2, 99, u64::MAX] {
        json["version"] = version.into();
        for (door, result) in doors(&store, &json.to_string()) {
            let named = matches!(&result, Err(Error::UnsupportedVersion { found, known: 1, .. }) if *found == version);
            assert!(named, "{door}: {result:?}");
        }
    }
}

#[test]
fn a_descriptor_of_dcc_mcp_core_is_recognised_and_refused_with_a_reason() {
    let (_parent, store) = temp_store();
    let foreign = json!({
        "id": Uuid::new_v4(), "path": "/dev/shm/dcc_shm_0001", "capacity": 1024, "data_len": 12,
    });
    for (door, result) in doors(&store, &foreign.to_string()) {
        let Err(Error::InvalidDescriptor { problem }) = result else {
            panic!("{door}: {result:?}")
        };
        assert!(
            problem.contains("version") && problem.contains("dcc-mcp-core"),
            "{problem}"
        );
    }
}

#[test]
fn fields_of_later_versions_and_claims_about_the_data_do_not_matter() {
    let (_parent, store) = temp_store();
    let (buffer, mut json) = buffer(&store);
    json["later"] = json!({"nested": [1, 2, {"deep": null}]});
    for field in ["size_bytes", "stored_bytes", "capacity", "data_offset"] {
        json[field] = u64::MAX.into();
    }
    json["name"] = "somebody else's".into();
    let opened = SharedBuffer::from_descriptor(&json.to_string()).unwrap();
    assert_eq!((opened.read().unwrap(), opened.capacity()), (b"data".to_vec(), 100));
    assert_eq!(opened.descriptor().unwrap(), buffer.descriptor().unwrap());
}

#[test]
fn a_path_that_is_not_that_of_the_id_is_refused() {
    let (parent, store) = temp_store();
    let (buffer, good) = buffer(&store);
    let other = Uuid::new_v4();
    let directory = store.path().display();
    let sibling = parent.path().display();
    fs::write(parent.path().join(format!("{}.shm", buffer.id())), b"outside").unwrap();
    for path in [
        format!("{directory}/{other}.shm"),
        format!("{directory}/{}.shm.draft", buffer.id()),
        format!("{directory}/{}", buffer.id()),
        format!("{directory}/{}.shm", buffer.id().simple()),
        format!("{directory}/{}.SHM", buffer.id()),
        format!("{directory}/names"),
        "/etc/passwd".to_owned(),
        "/".to_owned(),
        String::new(),
        "..".to_owned(),
    ] {
        let mut json = good.clone();
        json["path"] = path.clone().into();
        for (door, result) in doors(&store, &json.to_string()) {
            assert!(
                matches!(result, Err(Error::InvalidDescriptor { .. })),
                "{door} {path:?}: {result:?}"
            );
        }
    }
    // Another directory: a store's own doors refuse it, and the others want it to be a store.
    let mut json = good.clone();
    json["path"] = format!("{sibling}/{}.shm", buffer.id()).into();
    fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (door, result) in doors(&store, &json.to_string()) {
        let refused = if door.ends_with("from_descriptor") {
            matches!(result, Err(Error::UnsafeStore { .. }))
        } else {
            matches!(result, Err(Error::InvalidDescriptor { .. }))
        };
        assert!(refused, "{door}: {result:?}");
    }
    json["path"] = format!("{sibling}/nowhere/{}.shm", buffer.id()).into();
    let missing = SharedBuffer::from_descriptor(&json.to_string());
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    assert!(!parent.path().join("nowhere").exists(), "looking makes no directory");
}

#[test]
fn messages_about_hostile_paths_are_short_and_without_control_characters() {
    let (_parent, store) = temp_store();
    let (buffer, mut descriptor) = buffer(&store);
    for directory in [
        "/nowhere\u{1b}[31m",
        &format!("/\u{7}{}", "x".repeat(100_000)),
        "\u{9b}",
    ] {
        descriptor["path"] = json!(format!("{directory}/{}.shm", buffer.id()));
        for (door, result) in doors(&store, &descriptor.to_string()) {
            let message = result.expect_err(door).to_string();
            assert!(!message.contains(char::is_control), "{door}: {message:?}");
            assert!(message.len() <= 2000, "{door}: {} bytes", message.len());
        }
    }
}

#[test]
fn a_relative_or_empty_directory_in_a_path_is_an_invalid_descriptor() {
    let (_parent, store) = temp_store();
    let (buffer, good) = buffer(&store);
    for path in [
        format!("{}.shm", buffer.id()),
        format!("./{}.shm", buffer.id()),
        format!("a\0b/{}.shm", buffer.id()),
    ] {
        let mut json = good.clone();
        json["path"] = path.clone().into();
        let opened = SharedBuffer::from_descriptor(&json.to_string());
        assert!(
            matches!(opened, Err(Error::InvalidDescriptor { .. })),
            "{path:?}: {opened:?}"
        );
    }
}

#[test]
fn a_recycled_slot_is_stale_and_a_deleted_buffer_is_not_found() {
    let (_parent, store) = temp_store();
    let pool = BufferPool::create(&store, 1, 64, &BufferOptions::default()).unwrap();
    let first = pool.acquire().unwrap();
    first.write(b"first").unwrap();
    let old = first.descriptor().unwrap().to_json();
    assert_eq!(SharedBuffer::from_descriptor(&old).unwrap().read().unwrap(), b"first");
    drop(first);
    assert_eq!(
        SharedBuffer::from_descriptor(&old).unwrap().read().unwrap(),
        b"first",
        "not yet recycled"
    );
    let second = pool.acquire().unwrap();
    second.write(b"second").unwrap();
    let reference = Reference::Descriptor(old.clone());
    for result in [
        SharedBuffer::from_descriptor(&old).map(drop),
        SharedBuffer::open(&store, &reference).map(drop),
        store.describe(&reference).map(drop),
        store.delete(&reference).map(drop),
    ] {
        assert!(
            matches!(
                result,
                Err(Error::Stale {
                    expected: 1,
                    found: 2,
                    ..
                })
            ),
            "{result:?}"
        );
    }
    let new = second.descriptor().unwrap().to_json();
    assert_eq!(SharedBuffer::from_descriptor(&new).unwrap().read().unwrap(), b"second");

    let (buffer, json) = buffer(&store);
    buffer.unlink().unwrap();
    for (door, result) in doors(&store, &json.to_string()) {
        assert!(matches!(result, Err(Error::NotFound { .. })), "{door}: {result:?}");
        assert!(result.unwrap_err().is_gone());
    }
    drop((pool, second));
    assert!(matches!(
        SharedBuffer::from_descriptor(&new),
        Err(Error::NotFound { .. })
    ));
}

/// One descriptor of each kind there is.
fn all_kinds(store: &Store) -> Vec<(&'static str, Descriptor)> {
    let spec = ArraySpec::new("f4".parse().unwrap(), [100, 3]).with_domain(dcc_mcp_shm::Domain::Point);
    let attrs = json!({"upAxis": "Z", "frame": 3}).as_object().unwrap().clone();
    let options = BufferOptions::new(SceneDataKind::Geometry)
        .source_dcc("Blender")
        .group("set")
        .attrs(attrs);
    let zeros = vec![0; 1200];
    let write = |options: &BufferOptions| {
        SharedSceneBuffer::write_arrays(store, [("position", spec.clone(), (&zeros).into())], options).unwrap()
    };
    let pool = BufferPool::create(store, 1, 64, &options.clone().name("pool")).unwrap();
    let layout = Layout::new([("position", spec.clone())]).unwrap();
    let empty = SharedSceneBuffer::create_empty(store, &layout, &options).unwrap();
    let filling = SharedSceneBuffer::create_empty(store, &layout, &options).unwrap();
    let writer = SceneWriter::fill(store, &by_id(filling.id())).unwrap();
    let described = vec![
        (
            "buffer",
            SharedBuffer::create(store, 64, &options).unwrap().descriptor().unwrap(),
        ),
        (
            "named",
            SharedBuffer::create(store, 64, &options.clone().name("hero"))
                .unwrap()
                .descriptor()
                .unwrap(),
        ),
        ("scene", write(&options).descriptor().unwrap()),
        (
            "compressed",
            write(&options.clone().compress(true)).descriptor().unwrap(),
        ),
        ("empty", empty.descriptor().unwrap()),
        ("filling", filling.descriptor().unwrap()),
        ("slot", pool.acquire().unwrap().descriptor().unwrap()),
        ("pool", store.describe(&by_id(pool.id())).unwrap()),
    ];
    drop(writer);
    described
}

#[test]
fn every_kind_of_descriptor_fits_its_schema() {
    let (_parent, store) = temp_store();
    let schema = Descriptor::json_schema().to_value();
    assert_eq!(schema["type"], "object");
    let properties = schema["properties"].as_object().unwrap();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field.as_str().unwrap())
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for (kind, descriptor) in all_kinds(&store) {
        let json: Value = serde_json::from_str(&descriptor.to_json()).unwrap();
        for (field, value) in json.as_object().unwrap() {
            if field != "expires" {
                seen.insert(field.clone());
            }
            let property = properties
                .get(field)
                .unwrap_or_else(|| panic!("{kind}: {field} is not in the schema"));
            let types = match &property["type"] {
                Value::String(one) => vec![one.as_str()],
                Value::Array(some) => some.iter().map(|one| one.as_str().unwrap()).collect(),
                // A reference to a definition: an enumeration.
                _ => vec!["string"],
            };
            let is = match value {
                Value::String(_) => "string",
                Value::Number(number) if number.is_f64() => "number",
                Value::Number(_) => "integer",
                Value::Bool(_) => "boolean",
                Value::Object(_) => "object",
                _ => "none of these",
            };
            assert!(
                types.contains(&is),
                "{kind}: {field} is {value}, the schema says {types:?}"
            );
        }
        for field in &required {
            assert!(json.get(field).is_some(), "{kind} lacks {field}");
        }
        let again: Descriptor = serde_json::from_value(json).unwrap();
        assert_eq!(again, descriptor, "{kind}");
        assert!(descriptor.to_json().len() < 1000, "{kind} is no longer small");
    }
    let known = properties.keys().filter(|field| *field != "expires").cloned().collect();
    assert_eq!(seen, known, "each field of the schema occurs");
    for field in [
        "version",
        "id",
        "name",
        "path",
        "data_offset",
        "size_bytes",
        "stored_bytes",
        "capacity",
        "kind",
        "source_dcc",
        "group",
        "attrs",
        "state",
        "use_compression",
        "generation",
        "created_at",
        "expires",
        "arrays",
    ] {
        assert!(properties.contains_key(field), "{field}");
    }
}

#[test]
fn what_somebody_holds_has_no_time_to_expire_and_neither_has_a_pool() {
    let (_parent, store) = temp_store();
    // All of them are described while they are held.
    for (kind, descriptor) in all_kinds(&store) {
        assert_eq!(descriptor.expires, None, "{kind}");
    }
    let (id, forever) = {
        let kept = BufferOptions::default().ttl(std::time::Duration::ZERO);
        (
            buffer(&store).0.id(),
            SharedBuffer::create(&store, 1, &kept).unwrap().id(),
        )
    };
    assert!(store.describe(&by_id(id)).unwrap().expires.is_some());
    assert_eq!(store.describe(&by_id(forever)).unwrap().expires, None);
}

#[test]
fn what_is_overdue_expired_when_it_was_to() {
    let (_parent, store) = temp_store();
    for (ttl, overdue) in [(1, 20), (7, 30), (900, -890), (3, 5)] {
        let options = BufferOptions::default().ttl(Duration::from_secs(ttl));
        let id = SharedSceneBuffer::write(&store, b"data", &options).unwrap().id();
        let file = fs::File::open(store.path().join(format!("{id}.shm"))).unwrap();
        let left = file.metadata().unwrap().modified().unwrap();
        let idle = Duration::from_secs(ttl.checked_add_signed(overdue).unwrap());
        let times = fs::FileTimes::new().set_modified(left - idle).set_accessed(left - idle);
        let before = SystemTime::now();
        file.set_times(times).unwrap();
        let expires = store.describe(&by_id(id)).unwrap().expires.unwrap();
        let expires: jiff::Timestamp = expires.parse().unwrap();
        let expected = jiff::Timestamp::try_from(before).unwrap().as_second() - overdue;
        assert!(
            (expected - 3..=expected + 1).contains(&expires.as_second()),
            "{expires} {overdue}"
        );
    }
}

#[test]
fn a_descriptor_says_what_the_file_says() {
    let (_parent, store) = temp_store();
    for (kind, descriptor) in all_kinds(&store) {
        let states = match kind {
            "scene" | "compressed" => "sealed",
            // Its writer has gone by now.
            "empty" | "filling" => "empty",
            _ => "open",
        };
        let found = store
            .describe(&by_id(descriptor.id))
            .map(|descriptor| descriptor.state.as_str());
        match kind {
            // They went with their pool.
            "slot" | "pool" => assert!(found.is_err()),
            _ => assert_eq!(found.unwrap(), states, "{kind}"),
        }
        assert_eq!(descriptor.use_compression, kind == "compressed");
        for array in descriptor.arrays.values() {
            assert_eq!(array.offset.is_none(), descriptor.use_compression, "{kind}");
            assert!(
                array
                    .offset
                    .is_none_or(|offset| offset % 64 == 0 && offset >= descriptor.data_offset)
            );
        }
        if kind == "named" {
            assert_eq!(descriptor.name.as_deref(), Some("hero"));
        }
    }
}

#[test]
fn a_program_without_this_library_finds_the_array_where_the_descriptor_says() {
    let (_parent, store) = temp_store();
    let data: Vec<u8> = (0..300u16).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let flags = [1; 77];
    let of = |dtype: &str, shape: &[u64]| ArraySpec::new(dtype.parse().unwrap(), shape);
    let arrays = [
        ("flags", of("b1", &[77]), (&flags).into()),
        ("position", of("f4", &[100, 3]), (&data).into()),
    ];
    let scene = SharedSceneBuffer::write_arrays(&store, arrays, &BufferOptions::default()).unwrap();
    let descriptor: Value = serde_json::from_str(&scene.descriptor().unwrap().to_json()).unwrap();
    let file = fs::read(descriptor["path"].as_str().unwrap()).unwrap();
    let offset = usize::try_from(descriptor["arrays"]["position"]["offset"].as_u64().unwrap()).unwrap();
    assert_eq!(file[offset..offset + data.len()], data);
}

#[test]
fn of_two_pools_with_a_name_it_is_that_of_the_one_that_the_link_names() {
    let (_parent, store) = temp_store();
    let named = || BufferPool::create(&store, 1, 64, &BufferOptions::default().name("frames")).unwrap();
    let before = named();
    // As it is when a program dies after it took the name over.
    for file in fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension() == Some("name".as_ref()) {
            fs::remove_file(file).unwrap();
        }
    }
    let now = named();
    let name = |id| store.pool(&by_id(id)).unwrap().name;
    assert_eq!((name(before.id()), name(now.id())), (None, Some("frames".to_owned())));
}

#[test]
fn a_summary_says_what_the_descriptor_says() {
    let (_parent, store) = temp_store();
    let options = BufferOptions::new(SceneDataKind::Geometry)
        .source_dcc("Blender")
        .name("hero")
        .group("set");
    let nameless = SharedSceneBuffer::write(&store, b"vertices", &options).unwrap();
    let files = fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path());
    for link in files.filter(|path| path.extension() == Some("name".as_ref())) {
        fs::remove_file(link).unwrap();
    }
    let named = SharedSceneBuffer::write(&store, b"vertices", &options).unwrap();
    let layout = Layout::new([("position", ArraySpec::new("<f4".parse().unwrap(), [8, 3]))]).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
    let filled = SharedSceneBuffer::create_empty(&store, &layout, &BufferOptions::default()).unwrap();
    let _writer = SceneWriter::fill(&store, &by_id(filled.id())).unwrap();
    let (buffer, _) = buffer(&store);
    let pool = BufferPool::create(&store, 1, 100, &BufferOptions::default().name("frames")).unwrap();
    let slot = pool.acquire().unwrap();
    let ids = [
        nameless.id(),
        named.id(),
        empty.id(),
        filled.id(),
        buffer.id(),
        pool.id(),
        slot.id(),
    ];
    for id in ids {
        let (described, summary) = (store.describe(&by_id(id)).unwrap(), store.summary(id).unwrap());
        let created: jiff::Timestamp = described.created_at.parse().unwrap();
        let created = SystemTime::try_from(created).unwrap();
        assert_eq!(
            (
                described.role,
                described.name,
                described.kind,
                described.source_dcc,
                described.group
            ),
            (
                summary.role,
                summary.name,
                summary.kind,
                summary.source_dcc,
                summary.group
            )
        );
        assert_eq!((described.state, described.capacity), (summary.state, summary.capacity));
        assert!(summary.created.duration_since(created).unwrap() < Duration::from_micros(1));
    }
    for bytes in [
        &b"not a header"[..],
        &fs::read(store.path().join(format!("{}.shm", buffer.id()))).unwrap(),
    ] {
        let id = Uuid::new_v4();
        fs::write(store.path().join(format!("{id}.shm")), bytes).unwrap();
        let (described, summary) = (store.describe(&by_id(id)).unwrap_err(), store.summary(id).unwrap_err());
        assert_eq!(described.to_string(), summary.to_string());
    }
    assert!(store.summary(Uuid::new_v4()).unwrap_err().is_gone());
}

proptest! {
    #![proptest_config(crate::properties::config(256))]

    #[test]
    fn numbers_in_attributes_come_back_bit_for_bit(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
        let (_parent, store) = temp_store();
        let attrs = json!({"metersPerUnit": number});
        let options = BufferOptions::default().attrs(attrs.as_object().unwrap().clone());
        let scene = SharedSceneBuffer::write(&store, b"data", &options).unwrap();
        let opened = SharedSceneBuffer::from_descriptor(&scene.descriptor().unwrap().to_json()).unwrap();
        let found = opened.descriptor().unwrap().attrs["metersPerUnit"].as_f64().unwrap();
        prop_assert_eq!(found.to_bits(), number.to_bits());
    }
}

#[test]
fn what_is_not_there_for_want_of_a_directory_says_so() {
    let (parent, store) = temp_store();
    let options = BufferOptions::default().name("hero");
    let buffer = SharedBuffer::create(&store, 8, &options).unwrap();
    let json = buffer.descriptor().unwrap().to_json();
    let id = buffer.id();
    let looks = || {
        [
            SharedBuffer::open(&store, &by_id(id)).map(drop),
            store.describe(&by_id(id)).map(drop),
            store.reader(&by_id(id)).map(drop),
            store.delete(&by_id(id)).map(drop),
            store.resolve(&Reference::Name("hero".into())).map(drop),
            SharedBuffer::from_descriptor(&json).map(drop),
        ]
    };
    buffer.unlink().unwrap();
    for result in looks() {
        let said = result.unwrap_err().to_string();
        assert!(said.contains("it was deleted") && !said.contains("no store"), "{said}");
    }
    fs::remove_dir_all(store.path()).unwrap();
    let opened = Store::open(&dcc_mcp_shm::StoreOptions::at(store.path()).existing()).map(drop);
    for result in looks().into_iter().chain([opened]) {
        let error = result.unwrap_err();
        assert!(
            matches!(
                error,
                Error::NotFound {
                    store_is_missing: true,
                    ..
                }
            ) && error.is_gone(),
            "{error:?}"
        );
        let said = error.to_string();
        assert!(
            said.contains("there is no store at") && said.contains("container"),
            "{said}"
        );
        assert!(!said.contains("list the store"), "{said}");
    }
    drop(parent);
}
