//! Files that are no buffers: told, and never in the way of the others.

use std::fs;
use std::path::Path;

use crate::home::refusal;
use crate::store::TestStore;

/// A file that opens for ever, under an id of its own.
fn golden(store: &TestStore, file: &str) -> (String, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(file);
    let bytes = fs::read(path).expect("a golden file");
    let id = uuid::Uuid::from_slice(&bytes[16..32]).expect("an id").to_string();
    fs::write(store.file(&id), &bytes).expect("a file");
    (id, bytes)
}

#[test]
fn a_golden_file_with_any_byte_of_its_header_changed_is_damaged_or_read() {
    let store = TestStore::new();
    let good = store.named("good");
    let (id, bytes) = golden(&store, "v1-scene.shm");
    for at in (0..160).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x5a;
        fs::write(store.file(&id), changed).expect("a file");
        let table = store.printed(&["ls"]);
        assert!(table.contains("good"), "{at}:\n{table}");
        let lines = table.lines().filter(|line| line.starts_with(&id[..8])).count();
        assert_eq!(lines, 1, "{at}:\n{table}");
    }
    fs::write(store.file(&id), &bytes[..100]).expect("a file");
    let table = store.printed(&["ls"]);
    let last = table.lines().last().expect("a line");
    assert!(last.starts_with(&format!("{}  damaged: ", &id[..8])), "{table}");
    let listed = store.json(&["ls", "--json"]);
    assert_eq!(listed["damaged"][0]["id"], id.as_str());
    assert!(
        listed["damaged"][0]["problem"]
            .as_str()
            .is_some_and(|problem| !problem.is_empty())
    );
    assert_eq!(listed["buffers"][0]["id"], good.as_str());
}

#[test]
fn a_damaged_file_goes_by_its_id_only() {
    let store = TestStore::new();
    let id = store.junk(b"junk");
    assert!(store.printed(&["gc"]).contains("Removed 0 files"));
    let said = store.printed(&["rm", &id[..8]]);
    assert!(said.starts_with(&format!("Deleted {id}.")), "{said}");
    assert!(!store.file(&id).exists());
}

#[test]
fn what_a_newer_program_made_is_not_called_damaged_and_not_deleted() {
    let store = TestStore::new();
    let good = store.named("good");
    let (id, mut bytes) = golden(&store, "v1-scene.shm");
    bytes[8] = 2;
    fs::write(store.file(&id), &bytes).expect("a file");
    let of_newer = "of a newer program, format version 2: use a newer dcc-mcp-shm";
    let table = store.printed(&["ls"]);
    let last = table.lines().last().expect("a line");
    assert_eq!(last, format!("{}  {of_newer}", &id[..8]));
    let listed = store.json(&["ls", "--json"]);
    assert_eq!(listed["newer"], serde_json::json!([{"id": id, "version": 2}]));
    assert_eq!(listed["damaged"], serde_json::json!([]));
    assert!(store.printed(&["top"]).contains("1 file of newer programs"));
    let said = store.printed(&["gc"]);
    assert!(
        said.contains("a newer program made it: use a newer dcc-mcp-shm"),
        "{said}"
    );
    let doctor = store.run(&["doctor"]);
    let diagnosis = String::from_utf8_lossy(&doctor.stdout);
    assert!(
        diagnosis.contains("1 file of a newer dcc-mcp-shm than this one"),
        "{diagnosis}"
    );
    assert!(diagnosis.contains("update this program"), "{diagnosis}");
    assert!(
        diagnosis.contains("format version 2; they are not damaged"),
        "{diagnosis}"
    );
    assert!(!diagnosis.contains("dcc-mcp-shm rm"), "{diagnosis}");
    for command in ["rm", "show", "keep"] {
        let said = refusal(&store.run(&[command, &id]));
        assert!(said.contains("a newer program made it"), "{command}: {said}");
        assert_eq!(said.contains("was not deleted"), command == "rm", "{said}");
    }
    assert!(store.file(&id).exists() && store.file(&good).exists());
}

#[test]
fn links_pipes_and_directories_are_neither_followed_nor_waited_for() {
    let store = TestStore::new();
    store.named("good");
    let [link, directory, pipe] = [(); 3].map(|()| uuid::Uuid::new_v4().to_string());
    let secret = store.path().with_file_name("secret");
    fs::write(&secret, "secret").expect("a file");
    std::os::unix::fs::symlink(&secret, store.file(&link)).expect("a link");
    fs::create_dir(store.file(&directory)).expect("a directory");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        store.file(&pipe),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe");
    let listed = store.json(&["ls", "--json"]);
    assert_eq!(listed["buffers"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["damaged"].as_array().map(Vec::len), Some(3), "{listed}");
    assert!(store.printed(&["gc"]).contains("Removed 0 files"));
    assert!(secret.exists());
}

#[test]
fn among_ten_thousand_files_of_others_and_damaged_ones_the_right_ones_are_found() {
    let store = TestStore::new();
    for n in 0..5000 {
        store.junk(&vec![0x89; n % 300]);
        fs::write(store.path().join(format!("render.{n:04}.exr")), b"").expect("a file");
    }
    let names: Vec<_> = (0..20).map(|n| format!("scene {n}")).collect();
    for name in &names {
        store.named(name);
    }
    let expired = dcc_mcp_shm::BufferOptions::default().ttl(std::time::Duration::from_nanos(1));
    let goes = store.scene(&expired);
    let table = store.printed(&["ls"]);
    assert_eq!(table.lines().count(), 1 + 21 + 5000);
    let place = |name: &String| table.find(&format!("  {name}  ")).expect("a line");
    assert!(
        names.windows(2).all(|pair| place(&pair[0]) > place(&pair[1])),
        "newest first"
    );
    let listed = store.json(&["ls", "--json"]);
    assert_eq!(listed["buffers"].as_array().map(Vec::len), Some(21));
    assert_eq!(listed["damaged"].as_array().map(Vec::len), Some(5000));
    let dry = store.printed(&["gc", "--dry-run"]);
    let said = store.printed(&["gc"]);
    assert!(
        dry.starts_with("Would remove 1 file, ") && dry.contains(&goes),
        "one goes"
    );
    assert!(said.starts_with("Removed 1 file, ") && said.contains(&goes), "one goes");
    assert!(
        said.contains("Kept 5020 files") && said.contains("\n  5000, "),
        "the rest stays"
    );
    assert!(!store.file(&goes).exists());
    let names = fs::read_dir(store.path()).expect("a store");
    let extensions = names.map(|entry| entry.expect("an entry").path().extension().map(ToOwned::to_owned));
    let extensions: Vec<_> = extensions.collect();
    let count = |wanted: &str| {
        extensions
            .iter()
            .flatten()
            .filter(|&extension| extension == wanted)
            .count()
    };
    assert_eq!((count("shm"), count("exr")), (5020, 5000));
}
