//! Every tool over raw JSON-RPC, for clients of both eras: what it does, and what it says to bad arguments.

use std::path::Path;
use std::time::Duration;

use crate::client::{Client, ERAS, Era, serve};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Domain, Reference, SceneDataKind, SharedBuffer, SharedSceneBuffer, Source,
    Store, StoreOptions,
};
use serde_json::{Value, json};

/// A client of each era, with a store that this process has open as well.
fn in_both_eras(test: impl Fn(&Store, &mut Client)) {
    for era in ERAS {
        let parent = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
        let mut client = Client::start(store.path(), era);
        test(&store, &mut client);
        assert_eq!(client.end().code(), Some(0));
    }
}

fn path(store: &Store) -> &str {
    store.path().to_str().expect("UTF-8")
}

fn cube(store: &Store, compress: bool) -> SharedSceneBuffer {
    let spec = ArraySpec::new("<f4".parse().expect("a type"), vec![8, 3]).with_domain(Domain::Point);
    let options = BufferOptions::new(SceneDataKind::Geometry)
        .source_dcc("Blender")
        .name("cube")
        .group("set")
        .compress(compress);
    let arrays = [("position", spec, Source::from(&[0; 96]))];
    SharedSceneBuffer::write_arrays(store, arrays, &options).expect("a scene")
}

#[test]
fn content_becomes_a_sealed_scene() {
    in_both_eras(|store, client| {
        let arguments = json!({
            "base64": "aGVsbG8=", "name": "note", "kind": "Screenshot", "source_dcc": "Nuke", "group": "shot",
            "ttl_seconds": 0, "attrs": {"upAxis": "Z"},
        });
        let (made, text) = client.call("create_buffer", arguments);
        let descriptor = &made["descriptor"];
        assert_eq!(descriptor["state"], "sealed");
        for (field, value) in [
            ("name", "note"),
            ("kind", "Screenshot"),
            ("source_dcc", "Nuke"),
            ("group", "shot"),
        ] {
            assert_eq!(descriptor[field], value);
        }
        assert_eq!(descriptor["attrs"], json!({"upAxis": "Z"}));
        // It stays until it is deleted, and the server does not hold it.
        assert!(descriptor.get("expires").is_none());
        assert!(text.starts_with("Created. Buffer "), "{text}");
        let scene = SharedSceneBuffer::from_descriptor(&descriptor.to_string()).expect("the scene");
        assert_eq!(&scene.view().expect("a view")[..], b"hello");
        drop(scene);

        let (other, _) = client.call(
            "create_buffer",
            json!({"text": "héllo", "name": "note", "replace": true}),
        );
        assert_eq!(other["descriptor"]["size_bytes"], 6);
        assert!(other["descriptor"]["expires"].is_string());
        assert_eq!(store.list().expect("a listing").buffers.len(), 1);
    });
}

#[test]
fn capacity_alone_makes_a_buffer_for_others_to_fill() {
    in_both_eras(|_, client| {
        let (made, text) = client.call("create_buffer", json!({"capacity": 4096}));
        let descriptor = &made["descriptor"];
        assert_eq!([&descriptor["state"], &descriptor["role"]], ["open", "buffer"]);
        let buffer = SharedBuffer::from_descriptor(&descriptor.to_string()).expect("the buffer");
        buffer.write(b"from a DCC").expect("room");
        let (now, _) = client.call("read_descriptor", json!({"buffer": descriptor}));
        assert_eq!(now["descriptor"]["size_bytes"], 10);
        let (path, id) = (&descriptor["path"], &descriptor["id"]);
        let open = format!("buffer = dcc_mcp_shm.SharedBuffer.open(path={path}, id={id})");
        let code = made["code"].as_str().expect("code");
        assert!(code.contains(&open) && code.contains("buffer.read()"), "{code}");
        assert!(text.contains(code), "{text}");
    });
}

#[test]
fn content_of_one_mebibyte_is_possible_and_no_more() {
    in_both_eras(|_, client| {
        client.call("create_buffer", json!({"text": "x".repeat(1 << 20)}));
        let error = client.error("create_buffer", json!({"text": "x".repeat((1 << 20) + 1)}));
        assert!(error.contains("`text`") && error.contains("`capacity`"), "{error}");
        let base64 = "AAAA".repeat((1 << 20) / 3 + 1);
        assert!(
            client
                .error("create_buffer", json!({"base64": base64}))
                .contains("`base64`")
        );
    });
}

#[test]
fn a_buffer_is_found_by_id_name_and_descriptor() {
    in_both_eras(|store, client| {
        let descriptor = cube(store, false).descriptor().expect("a descriptor");
        let object: Value = serde_json::from_str(&descriptor.to_json()).expect("JSON");
        let references = [json!(descriptor.id), json!("cube"), json!(descriptor.to_json()), object];
        for reference in references {
            let (found, text) = client.call("read_descriptor", json!({"buffer": reference}));
            assert_eq!(found["descriptor"]["id"], json!(descriptor.id));
            assert!(text.contains(&descriptor.id.to_string()), "{text}");
        }
    });
}

#[test]
fn arrays_come_with_code_for_the_library_and_for_numpy_alone() {
    in_both_eras(|store, client| {
        let id = cube(store, false).id();
        let (found, text) = client.call("read_descriptor", json!({"buffer": "cube"}));
        let store = path(store);
        let code = format!(
            "import dcc_mcp_shm, numpy as np\n\
             scene = dcc_mcp_shm.SharedSceneBuffer.open(\"{id}\", store=dcc_mcp_shm.Store(\"{store}\"))\n\
             arrays = {{name: np.asarray(scene[name]) for name in scene}}  # shared memory, no copy"
        );
        let numpy_code = format!(
            "import os, numpy as np\n\
             array = np.memmap(\"{store}/{id}.shm\", \"<f4\", \"r\", 4096, (8, 3))  # \"position\"\n\
             os.stat(array.filename)"
        );
        assert_eq!(found["code"], code);
        assert_eq!(found["numpy_code"], numpy_code);
        assert!(text.contains(&code) && text.contains(&numpy_code), "{text}");
        for fact in [
            "\"cube\"",
            "\"Blender\"",
            "\"set\"",
            "sealed",
            "96 bytes",
            "<f4 [8, 3] per point",
        ] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
        assert!(text.len() <= 1024);
    });
}

#[test]
fn what_is_compressed_has_no_code_for_numpy_alone() {
    in_both_eras(|store, client| {
        cube(store, true);
        let (found, text) = client.call("read_descriptor", json!({"buffer": "cube"}));
        assert_eq!(found["descriptor"]["use_compression"], true);
        assert!(found.get("numpy_code").is_none());
        assert!(text.contains("stored as LZ4"), "{text}");
        let code = found["code"].as_str().expect("code");
        assert!(code.contains("decompressed") && !code.contains("no copy"), "{code}");
    });
}

#[test]
fn buffers_are_listed_newest_first_by_filter_and_page() {
    in_both_eras(|store, client| {
        for index in 0..5 {
            let options = BufferOptions::default().name(format!("note {index}"));
            SharedSceneBuffer::write(store, b"text", &options).expect("a scene");
        }
        cube(store, false);
        let names = |page: &Value| -> Vec<String> {
            let buffers = page["buffers"].as_array().expect("buffers").iter();
            buffers
                .map(|buffer| buffer["name"].as_str().unwrap_or("").to_owned())
                .collect()
        };
        let (all, text) = client.call("list_buffers", json!({}));
        let expected = ["cube", "note 4", "note 3", "note 2", "note 1", "note 0"];
        assert_eq!(names(&all), expected);
        assert_eq!(
            [&all["total_count"], &all["total_bytes"], &all["damaged_count"]],
            [6, 116, 0]
        );
        assert!(
            text.starts_with("6 buffers, 116 bytes; keep_buffer") && text.contains("\"note 4\""),
            "{text}"
        );
        for filter in [
            json!({"kind": "Geometry"}),
            json!({"source_dcc": "blender"}),
            json!({"group": "set"}),
            json!({"name": "CUB"}),
        ] {
            let (page, _) = client.call("list_buffers", filter);
            assert_eq!(names(&page), ["cube"]);
            assert_eq!(page["total_count"], 1);
        }
        let mut seen = Vec::new();
        let mut arguments = json!({"limit": 4});
        loop {
            let (page, text) = client.call("list_buffers", arguments);
            seen.extend(names(&page));
            assert_eq!(page["total_count"], 6);
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            assert!(text.contains(cursor), "{text}");
            // What comes and goes between pages moves nothing.
            client.call("create_buffer", json!({"text": "x", "name": "late", "replace": true}));
            client.call("delete_buffer", json!({"buffer": "late"}));
            arguments = json!({"limit": 4, "cursor": cursor});
        }
        assert_eq!(seen, expected);
    });
}

#[test]
fn pools_are_shown_with_the_slots_in_use() {
    in_both_eras(|store, client| {
        let (none, text) = client.call("pool_status", json!({}));
        assert_eq!(none, json!({"total_count": 0, "pools": []}));
        assert!(text.contains("no pools"), "{text}");
        let pool = BufferPool::create(store, 3, 4096, &BufferOptions::default().name("frames")).expect("a pool");
        let slot = pool.acquire().expect("a slot");
        slot.write(b"frame").expect("room");
        let (all, text) = client.call("pool_status", json!({}));
        let shown = &all["pools"][0];
        assert_eq!([&shown["slots"], &shown["free"], &shown["buffer_size"]], [3, 2, 4096]);
        assert!(shown.get("in_use").is_none());
        assert!(text.contains("\"frames\": 2 of 3 slots free"), "{text}");
        for reference in [json!("frames"), json!(pool.id())] {
            let (one, _) = client.call("pool_status", json!({"pool": reference}));
            let used = &one["pools"][0]["in_use"][0];
            assert_eq!(
                [
                    &used["id"],
                    &used["generation"],
                    &used["data_len"],
                    &used["holder"]["pid"]
                ],
                [&json!(slot.id()), &json!(1), &json!(5), &json!(std::process::id())]
            );
            assert!(used["holder"]["since"].is_string(), "{used}");
        }
        let (described, _) = client.call("read_descriptor", json!({"buffer": slot.id()}));
        assert_eq!(described["descriptor"]["role"], "slot");
        let error = client.error("delete_buffer", json!({"buffer": slot.id()}));
        assert!(error.contains("pool_status"), "{error}");
        assert!(
            client
                .error("read_descriptor", json!({"buffer": pool.id()}))
                .contains("pool_status")
        );
        assert_eq!(pool.status().expect("a pool").slots.len(), 3);
    });
}

#[test]
fn a_deleted_buffer_is_gone_and_its_holders_keep_it() {
    in_both_eras(|store, client| {
        let scene = cube(store, false);
        let held = store.used_bytes().expect("a size");
        let (deleted, text) = client.call("delete_buffer", json!({"buffer": "cube"}));
        let own = format!("(process {})", std::process::id());
        assert_eq!(deleted["id"], json!(scene.id()));
        assert_eq!(
            [&deleted["freed_bytes"], &deleted["pending_bytes"]],
            [&json!(0), &json!(held)],
            "{deleted}"
        );
        assert!(deleted["held_by"].as_str().expect("text").ends_with(&own), "{deleted}");
        assert!(
            text.contains(&format!("({held} bytes) are still in use: ")) && text.contains(&own),
            "{text}"
        );
        assert!(!Path::new(&scene.path()).exists());
        assert_eq!(scene.read().expect("held data").len(), 96);
        let (status, text) = client.call("store_status", json!({}));
        assert_eq!(status["pending_bytes"], status["used_bytes"]);
        assert_eq!(status["pending"][0]["holders"][0]["pid"], std::process::id());
        assert_eq!(status["pending"][0]["name"], "cube");
        assert!(
            text.contains("deleted and still in use") && text.contains(&own),
            "{text}"
        );
        drop(scene);
        let (status, _) = client.call("store_status", json!({}));
        assert_eq!(
            [&status["pending_bytes"], &status["used_bytes"]],
            [&json!(0), &json!(0)],
            "{status}"
        );
        let free = cube(store, false).id();
        let (deleted, text) = client.call("delete_buffer", json!({"buffer": "cube"}));
        assert_eq!(
            deleted,
            json!({"id": free, "name": "cube", "freed_bytes": held, "pending_bytes": 0})
        );
        assert!(text.ends_with(&format!("({held} bytes) are free.")), "{text}");
        assert!(
            client
                .error("delete_buffer", json!({"buffer": "cube"}))
                .contains("list_buffers")
        );
    });
}

#[test]
fn what_is_kept_stays_as_long_as_was_said() {
    in_both_eras(|store, client| {
        let (made, text) = client.call("create_buffer", json!({"text": "result", "name": "result"}));
        assert!(text.contains("\nkeep_buffer makes it stay longer."), "{text}");
        let id = &made["descriptor"]["id"];
        let ttl = || Duration::from_secs_f64(store.list().expect("a listing").buffers[0].ttl_seconds);
        let (kept, text) = client.call("keep_buffer", json!({"buffer": "result"}));
        assert_eq!(kept, json!({"id": id}));
        assert!(
            text.contains("\"result\" stays until it is deleted") && text.contains("a reboot loses it"),
            "{text}"
        );
        assert_eq!(ttl(), Duration::ZERO);
        for reference in [json!("result"), id.clone(), made["descriptor"].clone()] {
            let (kept, text) = client.call("keep_buffer", json!({"buffer": reference, "ttl_seconds": 7200}));
            let expires = kept["expires"].as_str().expect("a time");
            assert!(text.contains("for 7200 s") && text.contains(expires), "{text}");
            assert_eq!((&kept["id"], ttl()), (id, Duration::from_secs(7200)));
        }
        let held = SharedSceneBuffer::open(store, &"result".parse().expect("a name")).expect("the scene");
        let (kept, text) = client.call("keep_buffer", json!({"buffer": "result", "ttl_seconds": 5}));
        assert!(
            kept.get("expires").is_none() && text.contains("for 5 s after the last program"),
            "{text}"
        );
        drop(held);
        let (_, text) = client.call("create_buffer", json!({"text": "a", "ttl_seconds": 0}));
        assert!(!text.contains("keep_buffer"), "{text}");
    });
}

#[test]
fn what_has_no_time_of_its_own_is_not_kept() {
    in_both_eras(|store, client| {
        let pool = BufferPool::create(store, 1, 10, &BufferOptions::default().name("frames")).expect("a pool");
        let slot = pool.acquire().expect("a slot");
        for (arguments, expected) in [
            (
                json!({"buffer": "frames"}),
                "`buffer`: it is a pool. A pool stays until delete_buffer",
            ),
            (json!({"buffer": slot.id()}), "a slot goes with its pool"),
            (json!({"buffer": "nope"}), "Nothing is shared as \"nope\""),
            (
                json!({"buffer": slot.id(), "ttl_seconds": u64::MAX}),
                "`ttl_seconds`: 584 years",
            ),
            (
                json!({"buffer": "frames", "ttl_seconds": -1}),
                "`ttl_seconds`: invalid value",
            ),
            (
                json!({"buffer": "frames", "ttl_seconds": 0.5}),
                "`ttl_seconds`: invalid type",
            ),
            (json!({"ttl_seconds": 1}), "missing field `buffer`"),
        ] {
            refuses(client, "keep_buffer", &arguments, expected);
        }
    });
}

/// The error says what is wrong, and in its last sentence what to do.
fn refuses(client: &mut Client, tool: &str, arguments: &Value, expected: &str) {
    let error = client.error(tool, arguments);
    assert!(error.contains(expected), "{tool} {arguments}: {error}");
    let advice = error.split(". ").last().expect("a sentence");
    assert!(
        advice.ends_with('.') && advice.len() > 15,
        "{tool} {arguments}: {error}"
    );
    assert!(error.len() < 1000, "{error}");
}

#[test]
fn buffers_of_bad_arguments_are_not_made() {
    let cases = [
        (json!({}), "0 of `text`, `base64`, `arrays` and `capacity`"),
        (json!({"text": "a", "base64": "aGk="}), "2 of `text`"),
        (json!({"text": "a", "capacity": 1, "arrays": {}}), "3 of `text`"),
        (json!({"arrays": {}}), "`arrays`: there is none"),
        (
            json!({"arrays": {"a": {"shape": [1]}}}),
            "`arrays.a`: missing field `dtype`",
        ),
        (
            json!({"arrays": {"a": {"dtype": "f3", "shape": [1]}}}),
            "`arrays.a.dtype`: dtype",
        ),
        (
            json!({"arrays": {"a": {"dtype": "f4", "shape": [1, -1]}}}),
            "`arrays.a.shape[1]`: invalid value",
        ),
        (json!({"arrays": {"a\n": {"dtype": "f4", "shape": [1]}}}), "`arrays`: "),
        (
            json!({"arrays": {"a": {"dtype": "f4", "shape": [u64::MAX]}}}),
            "`shape`: array",
        ),
        (json!({"text": 1}), "`text`: invalid type"),
        (json!({"base64": "a*"}), "`base64`: Invalid symbol"),
        (json!({"capacity": 0}), "`capacity`: 0 bytes"),
        (json!({"capacity": -1}), "`capacity`: invalid value"),
        (json!({"capacity": u64::MAX}), "`capacity`: "),
        (json!({"capacity": i64::MAX}), "The store is full"),
        (
            json!({"text": "a", "name": "a\nb"}),
            "`name`: contains the control character",
        ),
        (json!({"text": "a", "name": "x".repeat(256)}), "`name`: has 256 bytes"),
        (json!({"text": "a", "name": "cube"}), "`name`: \"cube\" is taken by"),
        (json!({"text": "a", "source_dcc": "\u{1b}"}), "`source_dcc`: contains"),
        (json!({"text": "a", "replace": true}), "`replace`: there is no name"),
        (json!({"text": "a", "replace": "yes"}), "`replace`: invalid type"),
        (json!({"text": "a", "kind": "mesh"}), "`kind`: unknown variant"),
        (json!({"text": "a", "ttl_seconds": 0.5}), "`ttl_seconds`: invalid type"),
        (json!({"text": "a", "ttl": 1}), "`ttl`: unknown field"),
    ];
    in_both_eras(|store, client| {
        cube(store, false);
        for (arguments, expected) in &cases {
            refuses(client, "create_buffer", arguments, expected);
        }
        assert_eq!(store.list().expect("a listing").buffers.len(), 1);
    });
}

/// Each call is refused with these words and something to do next, and nothing has changed.
fn all_refused(cases: &[(&str, Value, &str)]) {
    in_both_eras(|store, client| {
        cube(store, false);
        for (tool, arguments, expected) in cases {
            refuses(client, tool, arguments, expected);
        }
        assert_eq!(store.list().expect("a listing").buffers.len(), 1);
    });
}

#[test]
fn bad_arguments_are_named_and_the_next_step_is_told() {
    all_refused(&[
        ("read_descriptor", json!({}), "missing field `buffer`"),
        (
            "read_descriptor",
            json!({"buffer": 5}),
            "`buffer`: expected an id, a name or a descriptor",
        ),
        ("read_descriptor", json!({"buffer": ""}), "`buffer`: has 0 bytes"),
        (
            "read_descriptor",
            json!({"buffer": "cube", "for": "maya"}),
            "`for`: unknown variant `maya`, expected one of `python`, `numpy`, `blender`, `trimesh`, `rust`, `node`",
        ),
        (
            "read_descriptor",
            json!({"buffer": "cube", "for": 1}),
            "`for`: invalid type",
        ),
        (
            "read_descriptor",
            json!({"buffer": "nope"}),
            "Nothing is shared as \"nope\"",
        ),
        (
            "read_descriptor",
            json!({"buffer": "00000000-0000-4000-8000-000000000000"}),
            "Nothing is shared as",
        ),
        (
            "read_descriptor",
            json!({"buffer": {"id": "x"}}),
            "Nothing is shared as \"x\"",
        ),
        (
            "read_descriptor",
            json!({"buffer": "{"}),
            "Invalid descriptor: it is not JSON",
        ),
        (
            "list_buffers",
            json!({"limit": 0}),
            "`limit`: 0 is not between 1 and 100",
        ),
        (
            "list_buffers",
            json!({"limit": 101}),
            "`limit`: 101 is not between 1 and 100",
        ),
        ("list_buffers", json!({"cursor": "zzz"}), "`cursor`: it is not one"),
        ("list_buffers", json!({"kind": "mesh"}), "`kind`: unknown variant"),
        (
            "pool_status",
            json!({"pool": "nope"}),
            "`pool`: nothing is shared as \"nope\"",
        ),
        ("pool_status", json!({"pool": "cube"}), "not a pool"),
        (
            "read_descriptor",
            json!({"buffer": {"x": "y"}}),
            "Invalid descriptor: it has no version",
        ),
        ("keep_buffer", json!({}), "missing field `buffer`"),
        ("delete_buffer", json!({}), "0 of `buffer`, `group` and `kind`"),
        ("create_pool", json!({"slots": 2}), "missing field `buffer_size`"),
    ]);
}

#[test]
fn bad_arguments_of_pools_and_waits_are_named() {
    all_refused(&[
        (
            "create_pool",
            json!({"slots": 0, "buffer_size": 1}),
            "`slots`: 0 is not between 1 and 4096",
        ),
        (
            "create_pool",
            json!({"slots": 4097, "buffer_size": 1}),
            "`slots`: 4097 is not between 1 and 4096",
        ),
        (
            "create_pool",
            json!({"slots": 1, "buffer_size": 0}),
            "`buffer_size`: 0 is not between 1 and",
        ),
        (
            "create_pool",
            json!({"slots": 1, "buffer_size": 1, "name": "cube"}),
            "is taken by",
        ),
        (
            "create_pool",
            json!({"slots": 4096, "buffer_size": 1_u64 << 40}),
            "The store is full",
        ),
        ("store_status", json!({"verbose": true}), "unknown field"),
        (
            "wait_for_buffer",
            json!({"timeout_seconds": 51}),
            "`timeout_seconds`: 51 is not between 0 and 50",
        ),
        ("wait_for_buffer", json!({"cursor": "zzz"}), "`cursor`: it is not one"),
        (
            "wait_for_buffer",
            json!({"buffer": "5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10"}),
            "Nothing is shared as",
        ),
        (
            "wait_for_buffer",
            json!({"buffer": "cube", "kind": "Geometry"}),
            "`buffer`: it says which one",
        ),
        (
            "delete_buffer",
            json!({"buffer": "nope"}),
            "Nothing is shared as \"nope\"",
        ),
        (
            "delete_buffer",
            json!({"buffer": null}),
            "0 of `buffer`, `group` and `kind`",
        ),
    ]);
}

#[test]
fn a_stale_descriptor_is_refused() {
    let parent = tempfile::tempdir().expect("a directory");
    let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
    let pool = BufferPool::create(&store, 1, 64, &BufferOptions::default()).expect("a pool");
    let old = pool
        .acquire()
        .expect("a slot")
        .descriptor()
        .expect("a descriptor")
        .to_json();
    let _slot = pool.acquire().expect("the slot again");
    let mut client = Client::start(store.path(), Era::Stateless);
    let error = client.error("read_descriptor", json!({"buffer": old}));
    assert!(error.contains("has been reused"), "{error}");
}

#[test]
fn every_text_about_a_buffer_says_how_long_it_stays_and_how_that_is_changed() {
    in_both_eras(|store, client| {
        let (created, text) = client.call("create_buffer", json!({"text": "a note", "name": "note"}));
        assert!(text.contains("expires 20") && text.contains("keep_buffer"), "{text}");
        let cursor = created["descriptor"]["id"]
            .as_str()
            .map(|_| json!({"timeout_seconds": 0}));
        let (first, _) = client.call("wait_for_buffer", cursor.expect("an id"));
        client.call("create_buffer", json!({"text": "a note", "name": "other"}));
        let since = json!({"cursor": first["wait_cursor"]});
        let held = SharedSceneBuffer::open(store, &Reference::Name("note".to_owned())).expect("a scene");
        for (ttl, said) in [
            (None, "stays 900 s once nobody has it open"),
            (Some(0), "stays until deleted"),
        ] {
            if let Some(ttl) = ttl {
                client.call("keep_buffer", json!({"buffer": "note", "ttl_seconds": ttl}));
            }
            for tool in ["read_descriptor", "describe_buffer", "list_buffers", "wait_for_buffer"] {
                let buffer = json!({"buffer": "note"});
                let (_, text) = client.call(tool, if tool == "list_buffers" { json!({}) } else { buffer });
                assert!(text.contains(said), "{tool}: {text}");
            }
        }
        for (tool, arguments) in [
            ("describe_buffer", json!({"buffer": "other"})),
            ("list_buffers", json!({})),
            ("wait_for_buffer", since),
        ] {
            let (_, text) = client.call(tool, arguments);
            assert!(
                text.contains("expires 20") && text.contains("keep_buffer"),
                "{tool}: {text}"
            );
        }
        drop(held);
        let (_, text) = client.call(
            "create_buffer",
            json!({"text": "for ever", "name": "kept", "ttl_seconds": 0}),
        );
        assert!(
            text.contains("stays until deleted") && !text.contains("keep_buffer"),
            "{text}"
        );
    });
}

#[test]
fn a_server_that_changes_nothing_does_not_name_what_it_does_not_offer() {
    let parent = tempfile::tempdir().expect("a directory");
    let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
    cube(&store, false);
    let mut command = serve(store.path());
    command.arg("--read-only");
    let mut client = Client::over_pipes(command, Era::Session);
    client.greet();
    for (tool, arguments) in [
        ("describe_buffer", json!({"buffer": "cube"})),
        ("list_buffers", json!({})),
        ("wait_for_buffer", json!({"buffer": "cube"})),
        ("read_descriptor", json!({"buffer": "cube"})),
    ] {
        let (_, text) = client.call(tool, arguments);
        assert!(
            text.contains("expires 20") && !text.contains("keep_buffer"),
            "{tool}: {text}"
        );
    }
}
