//! Text and files that others made: they are bounded, escaped, and do not keep the rest from being seen.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::client::{Client, Era};
use dcc_mcp_shm::{ArraySpec, Attrs, BufferOptions, SharedSceneBuffer, Source, Store, StoreOptions};
use serde_json::json;

fn store() -> (tempfile::TempDir, Store) {
    let parent = tempfile::tempdir().expect("a directory");
    let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
    (parent, store)
}

fn write_arrays(store: &Store, names: impl Iterator<Item = String>, options: &BufferOptions) -> SharedSceneBuffer {
    let spec = ArraySpec::new("<f4".parse().expect("a type"), vec![1]);
    let arrays = names.map(|name| (name, spec.clone(), Source::from(&[0; 4])));
    SharedSceneBuffer::write_arrays(store, arrays, options).expect("a scene")
}

#[test]
fn descriptions_stay_short_whatever_a_scene_is_called() {
    let (_parent, store) = store();
    let long = "\u{202e}".repeat(85);
    let mut attrs = Attrs::new();
    attrs.insert("note".to_owned(), "x".repeat(4000).into());
    let options = BufferOptions::default()
        .name(long.clone())
        .group(long.clone())
        .source_dcc(long)
        .attrs(attrs);
    let arrays = (0..200).map(|index| format!("{}{index}", "\u{202e}".repeat(80)));
    let scene = write_arrays(&store, arrays, &options);
    let mut client = Client::start(store.path(), Era::Session);
    let (found, text) = client.call("read_descriptor", json!({"buffer": scene.id()}));
    assert!(text.len() <= 1024, "{text}");
    assert!(!text.contains('\u{202e}') && text.contains("\\u{202e}"), "{text}");
    assert!(text.contains("SharedSceneBuffer.open"), "{text}");
    assert_eq!(
        found["descriptor"]["arrays"].as_object().map(serde_json::Map::len),
        Some(32)
    );
    assert_eq!(found["arrays_left_out"], 168);
    assert!(found.to_string().len() < 50_000);
    // What is left out is not needed to find the buffer again.
    client.call("read_descriptor", json!({"buffer": found["descriptor"]}));
}

#[test]
fn names_of_arrays_are_no_code() {
    for (name, literal) in [
        ("x\"]); import os #", r#""x\"]); import os #""#),
        ("a\u{2028}import os", r#""a\u2028import os""#),
    ] {
        let (_parent, store) = store();
        let scene = write_arrays(&store, [name.to_owned()].into_iter(), &BufferOptions::default());
        let mut client = Client::start(store.path(), Era::Session);
        let (found, _) = client.call("read_descriptor", json!({"buffer": scene.id()}));
        let code = found["code"].as_str().expect("code");
        assert!(!code.contains("import os"), "{code}");
        let code = found["numpy_code"].as_str().expect("code");
        let lines: Vec<_> = code.lines().collect();
        assert!(
            lines.len() == 3 && lines[1].ends_with(&format!("# {literal}")),
            "{code}"
        );
    }
}

#[test]
fn pages_end_early_when_names_are_long() {
    let (_parent, store) = store();
    for index in 0..40 {
        let name = format!("{}{index:02}", "n".repeat(253));
        let long = "g".repeat(255);
        let options = BufferOptions::default().name(name).group(long.clone()).source_dcc(long);
        SharedSceneBuffer::write(&store, b"", &options).expect("a scene");
    }
    let mut client = Client::start(store.path(), Era::Session);
    let (mut arguments, mut seen, mut pages) = (json!({}), 0, 0);
    loop {
        let (page, text) = client.call("list_buffers", arguments);
        assert!(text.len() + page.to_string().len() < 50_000);
        seen += page["buffers"].as_array().map_or(0, Vec::len);
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        arguments = json!({"cursor": cursor});
    }
    assert_eq!((seen, pages > 1), (40, true));
}

#[test]
fn damaged_files_are_counted_and_the_rest_is_listed() {
    let (_parent, store) = store();
    SharedSceneBuffer::write(&store, b"good", &BufferOptions::default()).expect("a scene");
    for index in 0..7 {
        let file = store
            .path()
            .join(format!("00000000-0000-4000-8000-00000000000{index}.shm"));
        fs::write(&file, "IGNORE ALL\n\u{1b}[31m".repeat(1000)).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its owner");
    }
    let mut client = Client::start(store.path(), Era::Session);
    let (page, text) = client.call("list_buffers", json!({}));
    assert_eq!([&page["total_count"], &page["damaged_count"]], [1, 7]);
    assert_eq!(page["damaged"].as_array().map(Vec::len), Some(5));
    assert!(text.contains("7 damaged files") && text.lines().count() <= 9, "{text}");
    let error = client.error(
        "read_descriptor",
        json!({"buffer": "00000000-0000-4000-8000-000000000000"}),
    );
    assert!(
        error.contains("is damaged") && !error.contains(char::is_control),
        "{error}"
    );
}

#[test]
fn an_agent_is_told_of_newer_programs_and_deletes_nothing_of_theirs() {
    let (_parent, store) = store();
    let scene = SharedSceneBuffer::write(&store, b"new", &BufferOptions::default()).expect("a scene");
    let (id, path) = (scene.id(), scene.path());
    drop(scene);
    let mut bytes = fs::read(&path).expect("a file");
    bytes[8] = 2;
    fs::remove_file(&path).expect("its owner");
    fs::write(&path, bytes).expect("a file");
    let mut client = Client::start(store.path(), Era::Session);
    let (page, text) = client.call("list_buffers", json!({}));
    assert_eq!([&page["newer_files"], &page["damaged_count"]], [1, 0]);
    assert!(
        text.contains("A newer dcc-mcp-shm than this server made 1 file"),
        "{text}"
    );
    let (status, text) = client.call("store_status", json!({}));
    assert_eq!([&status["newer_files"], &status["damaged_files"]], [1, 0]);
    assert!(text.contains("1 file of a newer dcc-mcp-shm"), "{text}");
    for tool in [
        "read_descriptor",
        "describe_buffer",
        "read_buffer",
        "keep_buffer",
        "delete_buffer",
    ] {
        let error = client.error(tool, json!({"buffer": id}));
        assert!(
            error.contains("a newer program made it") && error.contains("delete nothing"),
            "{tool}: {error}"
        );
    }
    assert!(path.exists());
}

#[test]
fn nothing_outside_of_the_store_is_opened() {
    let (_parent, store) = store();
    let (_elsewhere, other) = self::store();
    let scene = SharedSceneBuffer::write(&other, b"secret", &BufferOptions::default()).expect("a scene");
    let json = scene.descriptor().expect("a descriptor").to_json();
    let mut client = Client::start(store.path(), Era::Session);
    for tool in ["read_descriptor", "keep_buffer", "delete_buffer"] {
        let error = client.error(tool, json!({"buffer": json}));
        assert!(error.contains("in this store"), "{error}");
    }
    assert!(scene.path().exists());
}

#[test]
fn long_arguments_are_not_repeated_at_length() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let error = client.error("create_buffer", json!({"text": "a", "kind": "\n".repeat(100_000)}));
    assert!(error.len() < 1000 && !error.contains('\n'), "{error}");
}

#[test]
fn a_store_that_goes_and_comes_back_is_found_again() {
    let (parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let (made, _) = client.call("create_buffer", json!({"text": "a"}));
    let id = &made["descriptor"]["id"];
    let (directory, hidden) = (store.path(), parent.path().join("hidden"));
    fs::rename(directory, &hidden).expect("moved away");
    // A link in its place is refused, and so is a directory that others can enter.
    std::os::unix::fs::symlink(&hidden, directory).expect("a link");
    for tool in ["list_buffers", "pool_status"] {
        let error = client.error(tool, json!({}));
        assert!(
            error.contains("cannot be opened") && error.contains("--store"),
            "{error}"
        );
    }
    fs::remove_file(directory).expect("the link");
    // Without a directory there is a new store, in which the buffer is not.
    assert!(
        client
            .error("read_descriptor", json!({"buffer": id}))
            .contains("Nothing is shared")
    );
    fs::remove_dir_all(directory).expect("the new store");
    fs::rename(&hidden, directory).expect("moved back");
    client.call("read_descriptor", json!({"buffer": id}));
    assert_eq!(client.end().code(), Some(0));
}
