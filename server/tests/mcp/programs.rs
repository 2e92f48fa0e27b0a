//! `read_descriptor` with `for`: the code for Rust compiles and reads, and each answer is right, also when it is given
//! again. What the other programs get is run in `tests/test_code.py` and `tests/dcc/test_code_in_blender.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use dcc_mcp_shm::{BufferOptions, BufferPool, SharedBuffer, SharedSceneBuffer, Store, StoreOptions};
use serde_json::{Value, json};

use crate::client::{Client, Era};
use crate::scenes::{cube, spec, store, write};

const PROGRAMS: [&str; 6] = ["python", "numpy", "blender", "trimesh", "rust", "node"];

fn code(client: &mut Client, buffer: &Value, program: &str) -> String {
    let (told, text) = client.call("read_descriptor", json!({"buffer": buffer, "for": program}));
    let code = told["code"].as_str().expect("code").to_owned();
    assert!(text.contains(&code), "{text}");
    assert!(code.lines().count() <= 8, "{code}");
    code
}

/// The library that was compiled last, which is what this test was linked with or newer.
fn library(dependencies: &Path) -> PathBuf {
    let files = std::fs::read_dir(dependencies).expect("cargo's directory");
    let libraries = files.map(|file| file.expect("a file").path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libdcc_mcp_shm-") && path.extension().is_some_and(|extension| extension == "rlib")
    });
    let written = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).expect("a time");
    libraries.max_by_key(written).expect("the library")
}

/// What a program prints, compiled as it stands.
fn run(code: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, program) = (directory.path().join("main.rs"), directory.path().join("main"));
    std::fs::write(&source, code).expect("a file");
    let this = std::env::current_exe().expect("this test");
    let dependencies = this.parent().expect("cargo's directory");
    let mut library_is = std::ffi::OsString::from("dcc_mcp_shm=");
    library_is.push(library(dependencies));
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .args(["--edition", "2024", "-D", "warnings", "--extern"])
        .arg(library_is);
    rustc.arg("-L").arg(dependencies).arg("-o").args([&program, &source]);
    let compiled = rustc.output().expect("a compiler");
    assert!(
        compiled.status.success(),
        "{code}\n{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let run = Command::new(program).env_clear().output().expect("a program");
    assert!(run.status.success(), "{code}\n{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

#[test]
fn the_code_for_rust_compiles_and_reads() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Stateless);
    let name = "a\"); std::process::exit(1) // \u{202e}頭";
    let flat = write(
        &store,
        &[
            (name, spec("<f4", [2, 3]), (0..24).collect()),
            ("after", spec("|u1", [1]), vec![0]),
        ],
        &BufferOptions::default(),
    );
    let large = [("position", spec("<f4", [10_000, 3]), vec![0; 120_000])];
    let compressed = write(&store, &large, &BufferOptions::default().compress(true));
    assert!(compressed.use_compression().expect("a scene"));
    let note = SharedSceneBuffer::write(&store, b"hello", &BufferOptions::default()).expect("a scene");
    let squeezed = BufferOptions::default().compress(true);
    let squeezed = SharedSceneBuffer::write(&store, &vec![0; 50_000], &squeezed).expect("a scene");
    assert!(squeezed.use_compression().expect("a scene"));
    let buffer = SharedBuffer::create(&store, 64, &BufferOptions::default()).expect("a buffer");
    buffer.write(b"from a DCC").expect("room");
    let pool = BufferPool::create(&store, 1, 64, &BufferOptions::default()).expect("a pool");
    let slot = pool.acquire().expect("a slot");
    slot.write(b"a frame").expect("room");
    for (id, bytes) in [
        (flat.id(), 24),
        (compressed.id(), 120_000),
        (note.id(), 5),
        (squeezed.id(), 50_000),
        (buffer.id(), 10),
        (slot.id(), 7),
    ] {
        let code = code(&mut client, &json!(id), "rust");
        assert_eq!(run(&code), format!("{bytes} bytes\n"), "{code}");
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn each_program_has_its_own_answer_also_when_it_is_given_again() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let scene = cube(&store, false);
    let [by_id, by_name] = [json!(scene.id()), json!("cube")];
    let first = PROGRAMS.map(|program| code(&mut client, &by_id, program));
    for (number, (program, expected)) in PROGRAMS.iter().zip(&first).enumerate() {
        assert_eq!(&code(&mut client, &by_name, program), expected);
        assert!(!first[..number].contains(expected), "{program}: {expected}");
    }
    let (python, text) = client.call("read_descriptor", json!({"buffer": "cube"}));
    assert_eq!(python["code"], first[0]);
    assert_eq!(python["numpy_code"], first[1]);
    let explicit = client.call("read_descriptor", json!({"buffer": "cube", "for": "python"}));
    assert_eq!(explicit, (python, text));

    // Nothing has its name from now on, so Blender is told its id.
    let path = store.path().to_str().expect("UTF-8");
    let blender = |reference: &str| {
        format!(
            "from dcc_mcp_shm import Store, blender\nprint(blender.apply(\"{reference}\", store=Store(\"{path}\")))  # "
        )
    };
    assert!(first[2].starts_with(&blender("cube")), "{}", first[2]);
    let files = std::fs::read_dir(store.path()).expect("the store");
    let mut files = files.map(|entry| entry.expect("a file").path());
    let link = files.find(|path| path.extension() == Some("name".as_ref()));
    std::fs::remove_file(link.expect("a name")).expect("a link");
    let unnamed = code(&mut client, &by_id, "blender");
    assert!(unnamed.starts_with(&blender(&scene.id().to_string())), "{unnamed}");
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn what_is_made_says_how_it_gets_into_blender() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Stateless);
    let mesh = json!({"position": {"dtype": "f4", "shape": [8, 3]}, "corner_vert": {"dtype": "i4", "shape": [24]}});
    let (made, text) = client.call("create_buffer", json!({"arrays": mesh, "name": "hero-reduced"}));
    let path = store.path().to_str().expect("UTF-8");
    let bring =
        format!("from dcc_mcp_shm import Store, blender; blender.apply(\"hero-reduced\", store=Store(\"{path}\"))");
    assert_eq!(made["in_blender"], bring);
    assert!(
        text.ends_with(&format!("\nIn Blender, once it is sealed: {bring}")),
        "{text}"
    );
    for picture in [
        json!({"arrays": {"pixels": {"dtype": "f2", "shape": [4, 6, 3]}}}),
        json!({"arrays": {"pixels": {"dtype": "u1", "shape": [4, 6]}}}),
        json!({"base64": "AAAAAAAA", "kind": "Screenshot", "attrs": {"width": 2, "height": 1, "channels": 3}}),
    ] {
        let (made, text) = client.call("create_buffer", &picture);
        let id = made["descriptor"]["id"].as_str().expect("an id");
        assert!(
            text.contains(&format!("blender.apply_image(\"{id}\", ")),
            "{picture}: {text}"
        );
    }
    for other in [
        json!({"arrays": {"pixels": {"dtype": "i4", "shape": [4, 6, 3]}}}),
        json!({"arrays": {"pixels": {"dtype": "u1", "shape": [4, 6, 2]}}}),
        json!({"arrays": {"pixels": {"dtype": "u1", "shape": [4, 0, 3]}}}),
        json!({"base64": "AAAAAAAA", "kind": "Screenshot"}),
        json!({"text": "a note"}),
        json!({"capacity": 64}),
        json!({"arrays": {"position": {"dtype": "f4", "shape": [8, 3]}}}),
        json!({"arrays": {"position": {"dtype": "f4", "shape": [2, 8, 3]}, "corner_vert": {"dtype": "i4", "shape": [24]}}}),
        json!({"arrays": {"position": {"dtype": "f4", "shape": [0, 3]}, "corner_vert": {"dtype": "i4", "shape": [24]}}}),
    ] {
        let (made, text) = client.call("create_buffer", &other);
        assert!(
            made.get("in_blender").is_none() && !text.contains("Blender,"),
            "{other}: {text}"
        );
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn code_with_a_long_path_is_in_the_structured_content() {
    let parent = tempfile::tempdir().expect("a directory");
    let deep = (0..5).fold(parent.path().to_owned(), |path, _| path.join("d".repeat(200)));
    std::fs::create_dir_all(&deep).expect("directories");
    let store = Store::open(&StoreOptions::at(deep.join("store"))).expect("a store");
    let scene = cube(&store, false);
    let mut client = Client::start(store.path(), Era::Session);
    for (program, language) in [
        ("python", "Python"),
        ("blender", "Python"),
        ("rust", "Rust"),
        ("node", "JavaScript"),
    ] {
        let (told, text) = client.call("read_descriptor", json!({"buffer": scene.id(), "for": program}));
        let instead = format!("{language} code that opens it is in the structured content, as `code`.");
        assert!(text.contains(&instead) && text.len() <= 1024, "{text}");
        assert!(
            told["code"]
                .as_str()
                .expect("code")
                .contains(store.path().to_str().expect("UTF-8"))
        );
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn the_code_that_fills_an_empty_scene_names_every_array() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let path = store.path().to_str().expect("UTF-8");
    for number in [1, 3, 24, 40] {
        let names: Vec<String> = (0..number).map(|at| format!("array \"{at}\"")).collect();
        let arrays: serde_json::Map<_, _> = names
            .iter()
            .map(|name| (name.clone(), json!({"dtype": "f4", "shape": [2, 3]})))
            .collect();
        let (made, _) = client.call("create_buffer", json!({"arrays": arrays}));
        let code = made["code"].as_str().expect("code");
        assert!(code.contains(&format!("store=dcc_mcp_shm.Store(\"{path}\")")), "{code}");
        for name in names.iter().take(24) {
            let spelled = name.replace('"', "\\\"");
            let line = format!("\n    w[\"{spelled}\"] = arrays[\"{spelled}\"]  # <f4 (2, 3)");
            assert!(code.contains(&line), "{line}: {code}");
        }
        let looped = code.contains("for name in list(w)[24:]:  # 16 more\n        w[name] = arrays[name]");
        assert_eq!(looped, number == 40, "{code}");
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn the_order_of_pixels_is_told_wherever_they_are() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Stateless);
    for (dtype, attrs, order) in [
        ("f4", json!({}), "the top row first, alpha taken for premultiplied"),
        (
            "f4",
            json!({"premultipliedAlpha": true}),
            "the top row first, alpha premultiplied",
        ),
        (
            "u1",
            json!({"firstRow": "bottom"}),
            "the bottom row first, alpha straight",
        ),
        (
            "f2",
            json!({"firstRow": "top", "premultipliedAlpha": false}),
            "the top row first, alpha straight",
        ),
    ] {
        let arrays = json!({"pixels": {"dtype": dtype, "shape": [2, 3, 4]}});
        let empty = json!({"arrays": arrays, "attrs": attrs, "kind": "Screenshot"});
        let (made, _) = client.call("create_buffer", &empty);
        let code = made["code"].as_str().expect("code");
        assert!(code.contains(order), "{code}");
        let raw = json!({"width": 1, "height": 1, "dtype": dtype, "firstRow": attrs["firstRow"], "premultipliedAlpha": attrs["premultipliedAlpha"]});
        let (made, text) = client.call(
            "create_buffer",
            json!({"base64": "AAAAAAAAAAA=", "kind": "Screenshot", "attrs": raw}),
        );
        assert!(
            made["code"].as_str().expect("code").contains(order) && text.contains(order),
            "{text}"
        );
    }
    let size = [spec("|u1", [2, 3, 3]), spec("<f4", [2, 3])];
    for spec in size {
        let data = vec![0; usize::try_from(spec.size().expect("a size")).expect("a size")];
        let scene = write(&store, &[("pixels", spec, data)], &BufferOptions::default());
        for program in ["python", "numpy", "node"] {
            let code = code(&mut client, &json!(scene.id()), program);
            assert!(code.contains("the top row first") && !code.contains("alpha"), "{code}");
        }
    }
    assert_eq!(client.end().code(), Some(0));
}
