//! `ls` and `show`: the facts, for people and for programs, without a trace of having looked.

use std::process::Command;
use std::time::Duration;

use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, Descriptor, Domain, Layout, SceneDataKind, SharedBuffer, SharedSceneBuffer,
    Source,
};
use serde_json::{Value, json};

use crate::home::{printed, refusal};
use crate::store::{Holder, TestStore, command};

/// The line of a table with this in it.
fn line<'a>(table: &'a str, part: &str) -> &'a str {
    let found = table.lines().find(|line| line.contains(part));
    found.unwrap_or_else(|| unreachable!("{part} is not in\n{table}"))
}

fn mesh(store: &TestStore, name: &str) -> String {
    let position: ArraySpec = ArraySpec::new("<f4".parse().expect("a type"), [2, 3]).with_domain(Domain::Point);
    let options = BufferOptions::default()
        .name(name)
        .kind(SceneDataKind::Geometry)
        .source_dcc("Blender 5.0.1");
    let data = [0; 24];
    let arrays = [("position", position, Source::from(&data))];
    let scene = SharedSceneBuffer::write_arrays(&store.store, arrays, &options).expect("a scene");
    scene.id().to_string()
}

#[test]
fn the_newest_stands_first_and_each_line_says_what_it_is() {
    let store = TestStore::new();
    let id = mesh(&store, "hero");
    let open = SharedBuffer::create(
        &store.store,
        4096,
        &BufferOptions::default().name("playhead").ttl(Duration::ZERO),
    );
    let open = open.expect("a buffer");
    open.write(b"frame").expect("written");
    let pool = BufferPool::create(&store.store, 3, 1 << 20, &BufferOptions::default().name("viewport"));
    let pool = pool.expect("a pool");
    let _slot = pool.acquire().expect("a slot");
    let table = store.printed(&["ls"]);
    let place = |name| {
        table
            .find(name)
            .unwrap_or_else(|| unreachable!("{name} is not in\n{table}"))
    };
    assert!(table.starts_with("ID "), "{table}");
    assert!(
        place("viewport") < place("playhead") && place("playhead") < place("hero"),
        "{table}"
    );
    assert_eq!(
        table.lines().count(),
        4,
        "a pool's slots are no lines of their own:\n{table}"
    );
    let hero = line(&table, "hero");
    assert!(hero.starts_with(&id[..8]), "{hero}");
    for fact in ["Geometry", "Blender 5.0.1", "24 bytes", "sealed", " s ", "in 14 min"] {
        assert!(hero.contains(fact), "{fact}: {hero}");
    }
    let playhead = line(&table, "playhead");
    assert!(
        playhead.contains("5 bytes") && playhead.ends_with("never"),
        "{playhead}"
    );
    assert!(playhead.contains(&std::process::id().to_string()), "{playhead}");
    let viewport = line(&table, "viewport");
    assert!(
        viewport.contains("3.0 MiB") && viewport.contains("2/3 free"),
        "{viewport}"
    );
}

#[test]
fn a_program_gets_descriptors_with_their_holders() {
    let store = TestStore::new();
    mesh(&store, "hero");
    store.named("lone");
    let pool = BufferPool::create(&store.store, 2, 4096, &BufferOptions::default().name("viewport"));
    let pool = pool.expect("a pool");
    let holder = Holder::of(&store, &["hero", "viewport"]);
    let listed = store.json(&["ls", "--json"]);
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", holder.pid())).expect("it runs");
    let process = json!({"pid": holder.pid(), "program": comm.trim_end()});
    assert_eq!(listed["store"], json!(store.path()));
    let [lone, hero] = &listed["buffers"].as_array().expect("a list")[..] else {
        unreachable!("{listed}")
    };
    assert_eq!((&lone["name"], &lone["holders"]), (&json!("lone"), &json!([])));
    assert_eq!((&hero["name"], &hero["holders"]), (&json!("hero"), &json!([process])));
    let descriptor: Descriptor = serde_json::from_value(hero.clone()).expect("a descriptor");
    assert_eq!(
        descriptor,
        store.store.describe(&descriptor.id.into()).expect("described")
    );
    let viewport = &listed["pools"][0];
    assert_eq!(viewport["id"], json!(pool.id()));
    assert_eq!(viewport["slots"][0]["holder"]["pid"], holder.pid());
    assert!(
        viewport["holders"].as_array().expect("a list").contains(&process),
        "{viewport}"
    );
    assert_eq!(listed["damaged"], json!([]));
}

#[test]
fn one_is_found_by_name_by_id_by_its_beginning_and_by_its_descriptor() {
    let store = TestStore::new();
    let id = mesh(&store, "hero");
    store.named("other");
    let descriptor = store.printed(&["show", "hero", "--json"]);
    let parsed: Value = serde_json::from_str(&descriptor).expect("JSON");
    let expected = store
        .store
        .describe(&"hero".parse().expect("a name"))
        .expect("described");
    assert_eq!(parsed, serde_json::to_value(&expected).expect("JSON"), "as it travels");
    for reference in ["hero", &id, &id[..8], &id[..13], &id[..8].to_uppercase(), &descriptor] {
        let shown = store.printed(&["show", reference]);
        assert!(line(&shown, "id  ").ends_with(&id), "{reference}: {shown}");
    }
    let shown = store.printed(&["show", "hero"]);
    for fact in [
        "Geometry scene, sealed",
        "Blender 5.0.1",
        "24 bytes",
        "in 14 min",
        "Nobody has it open.",
        &format!("{}/{id}.shm", store.path().display()),
    ] {
        assert!(shown.contains(fact), "{fact} is not in\n{shown}");
    }
    let array = line(&shown, "position");
    assert!(
        array.contains("<f4") && array.contains("[2, 3]") && array.contains("point"),
        "{array}"
    );
}

#[test]
fn a_name_goes_before_the_beginning_of_an_id() {
    let store = TestStore::new();
    let id = store.named("first");
    let named = store.named(&id[..9]);
    let shown = store.json(&["show", &id[..9], "--json"]);
    assert_eq!(shown["id"], json!(named));
}

#[test]
fn what_is_not_there_and_what_is_not_clear_is_an_error() {
    let store = TestStore::new();
    let mut ids: Vec<_> = (0..20).map(|_| store.scene(&BufferOptions::default())).collect();
    ids.sort();
    let twin = format!("{}-0000-4000-8000-000000000000", &ids[0][..8]);
    std::fs::write(store.file(&twin), b"").expect("a file");
    for (reference, reason) in [
        ("nope", "nothing is shared as \"nope\""),
        (&ids[0][..7], "nothing is shared"),
        (&ids[0][..8], "2 ids begin with"),
        (&twin, "is damaged"),
        ("00000000-0000-4000-8000-000000000000", "nothing is shared"),
        ("", "has 0 bytes"),
        ("{\"version\": 1}", "invalid descriptor"),
        ("a\u{1b}[31mb", "U+001B"),
    ] {
        let error = refusal(&store.run(&["show", reference]));
        assert!(error.contains(reason), "{reference:?}: {error}");
        assert!(!error.trim_end().contains(char::is_control), "{error:?}");
    }
    let longer = store.printed(&["ls"]);
    assert!(
        longer.contains(&ids[0][..10]),
        "as much is shown as tells them apart:\n{longer}"
    );
}

#[test]
fn holders_have_names_and_a_killed_one_leaves_word() {
    let store = TestStore::new();
    store.named("hero");
    let pool = BufferPool::create(&store.store, 2, 4096, &BufferOptions::default().name("viewport"));
    let _pool = pool.expect("a pool");
    let holder = Holder::of(&store, &["hero", "viewport"]);
    let pid = holder.pid().to_string();
    let table = store.printed(&["ls"]);
    assert!(line(&table, "hero").contains(&pid), "{table}");
    assert!(line(&table, "hero").ends_with("not while open"), "{table}");
    let shown = store.printed(&["show", "hero"]);
    assert!(
        shown.contains("Open in 1 process:") && shown.contains("900 s after"),
        "{shown}"
    );
    assert!(line(&shown, &pid).trim_end().ends_with('Z'), "{shown}");
    let shown = store.printed(&["show", "viewport"]);
    assert!(
        shown.contains("1 of 2 slots free") && shown.contains("Open in 2 processes:"),
        "{shown}"
    );
    assert!(line(&shown, &pid).contains('T') && shown.contains("free"), "{shown}");
    holder.kill();
    let table = store.printed(&["ls"]);
    assert!(line(&table, "hero").ends_with("holder died"), "{table}");
}

#[test]
fn scenes_that_wait_and_compressed_ones_say_so() {
    let store = TestStore::new();
    let layout = Layout::new([("a", ArraySpec::new("u1".parse().expect("a type"), [4096]))]).expect("a layout");
    let empty = SharedSceneBuffer::create_empty(&store.store, &layout, &BufferOptions::default().name("wanted"));
    let _empty = empty.expect("a scene");
    let options = BufferOptions::default().name("packed").compress(true);
    SharedSceneBuffer::write(&store.store, &vec![0; 100_000], &options).expect("a scene");
    let table = store.printed(&["ls"]);
    assert!(line(&table, "wanted").contains("empty"), "{table}");
    assert!(
        line(&table, "packed").contains("97.6 KiB"),
        "before compression:\n{table}"
    );
    let shown = store.printed(&["show", "packed"]);
    assert!(line(&shown, "stored").contains("LZ4"), "{shown}");
}

#[test]
fn who_looks_leaves_no_trace() {
    let store = TestStore::new();
    let id = store.named("hero");
    store.junk(b"junk");
    // Half made by a process that is gone: the next sweep takes it, not somebody who looks.
    std::fs::write(store.path().join(format!("{id}.shm.draft")), b"").expect("a draft");
    let before = store.everything();
    for arguments in [
        &["ls"][..],
        &["ls", "--json"],
        &["show", "hero"],
        &["show", "hero", "--json"],
        &["gc", "--dry-run"],
        &["top"],
        &["doctor"],
    ] {
        store.run(arguments);
        assert_eq!(store.everything(), before, "{arguments:?}");
    }
}

#[test]
fn a_store_that_nobody_made_is_empty_and_is_not_made() {
    let parent = tempfile::tempdir().expect("a directory");
    let absent = parent.path().join("store");
    for arguments in [&["ls"][..], &["gc"], &["top"]] {
        let said = printed(&command(&absent, arguments).output().expect("the program runs"));
        assert!(said.starts_with("There is no store at "), "{said}");
    }
    let said = printed(&command(&absent, &["ls", "--json"]).output().expect("the program runs"));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        said,
        json!({"store": absent, "buffers": [], "pools": [], "damaged": [], "pending": []})
    );
    for arguments in [["show", "hero"], ["rm", "hero"]] {
        let error = refusal(&command(&absent, &arguments).output().expect("the program runs"));
        assert!(error.starts_with("error: there is no store"), "{error}");
    }
    assert!(!absent.exists());
}

#[test]
fn an_option_goes_before_the_environment() {
    let (store, other) = (TestStore::new(), TestStore::new());
    other.named("elsewhere");
    let path = other.path().to_str().expect("UTF-8");
    assert!(store.printed(&["ls", "--store", path]).contains("elsewhere"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let store = TestStore::new();
    for _ in 0..200 {
        store.scene(&BufferOptions::default());
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut ls: Command = store.command(&["ls", "--json"]);
    let output = ls.stdout(writer).output().expect("the program runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
