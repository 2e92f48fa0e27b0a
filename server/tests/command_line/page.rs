//! `docs/command-line.md`: what it says the commands print is what they print.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use dcc_mcp_shm::{
    ArraySpec, Attrs, BufferOptions, BufferPool, Domain, SceneDataKind, SharedBuffer, SharedSceneBuffer, Source,
};
use serde_json::json;

use crate::store::{Holder, TestStore};

/// Where the page says that the store is.
const DIRECTORY: &str = "/dev/shm/dcc-mcp-shm-1000";

fn share(store: &TestStore) {
    let spec = |dtype: &str, shape: &[u64]| ArraySpec::new(dtype.parse().expect("a type"), shape);
    let attrs: Attrs = [("upAxis", json!("Z")), ("metersPerUnit", json!(1.0))]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
    let (points, corners) = (vec![0; 7958 * 12], vec![0; 31488 * 4]);
    let mesh = [
        (
            "position",
            spec("<f4", &[7958, 3]).with_domain(Domain::Point),
            Source::from(&points),
        ),
        (
            "corner_vert",
            spec("<i4", &[31488]).with_domain(Domain::Corner),
            Source::from(&corners),
        ),
    ];
    let options = BufferOptions::default()
        .name("hero")
        .kind(SceneDataKind::Geometry)
        .source_dcc("Blender 5.0.1")
        .group("shot010")
        .attrs(attrs);
    SharedSceneBuffer::write_arrays(&store.store, mesh, &options).expect("a scene");
    let pixels = vec![0; 1920 * 1080 * 4];
    let frame = [("pixels", spec("|u1", &[1080, 1920, 4]), Source::from(&pixels))];
    let options = BufferOptions::default()
        .name("beauty.0101")
        .kind(SceneDataKind::Screenshot)
        .source_dcc("Nuke 16.0");
    SharedSceneBuffer::write_arrays(&store.store, frame, &options).expect("a scene");
    let options = BufferOptions::default().name("playhead").ttl(std::time::Duration::ZERO);
    let playhead = SharedBuffer::create(&store.store, 4096, &options).expect("a buffer");
    playhead.write(b"frame 101").expect("written");
    let options = BufferOptions::default().name("viewport").persistent(true);
    BufferPool::create(&store.store, 3, 1 << 20, &options).expect("a pool");
}

/// The page with what the commands in it print now.
fn printed_anew(page: &str, store: &TestStore) -> String {
    let (mut anew, mut is_console) = (String::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ dcc-mcp-shm ").filter(|_| is_console) {
            let arguments: Vec<_> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
            let said = store
                .printed(&arguments)
                .replace(store.path().to_str().expect("UTF-8"), DIRECTORY);
            anew.extend([line, "\n", &said]);
            continue;
        } else if is_console {
            continue;
        }
        anew.extend([line, "\n"]);
    }
    anew
}

/// What of a line is the same in every run: words and sizes, not other numbers, ids and what they are lined up by. Of the machine,
/// a diagnosis says something else on each.
fn lasting(line: &str) -> String {
    const MACHINE: [&str; 3] = ["file system", "room", "huge pages"];
    let rest = line.split_once("  ").map_or("", |(_, rest)| rest.trim_start());
    if let Some(subject) = MACHINE
        .into_iter()
        .find(|subject| rest.starts_with(&format!("{subject}  ")))
    {
        return subject.to_owned();
    }
    let line = line.split(" used, ").next().unwrap_or(line);
    let part = |part: &str| -> String {
        let text = part.trim_end_matches(['/', '.']);
        let is_id = text.len() >= 8 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let digits = |c: char| if c.is_ascii_digit() { '#' } else { c };
        let mut part: String = if is_id {
            "#".to_owned()
        } else {
            part.chars().map(digits).collect()
        };
        while part.contains("##") {
            part = part.replace("##", "#");
        }
        part
    };
    let word = |word: &str| word.split_inclusive(['/', '.']).map(part).collect::<String>();
    let is_unit = |word: &&str| ["bytes", "KiB", "MiB", "GiB"].iter().any(|unit| word.starts_with(unit));
    let (mut words, mut rest) = (Vec::new(), line.split_whitespace().peekable());
    while let Some(next) = rest.next() {
        let is_size = rest.peek().is_some_and(is_unit);
        words.push(if is_size { next.to_owned() } else { word(next) });
    }
    words.join(" ")
}

#[test]
fn every_command_on_the_page_prints_what_stands_there() {
    let store = TestStore::new();
    share(&store);
    let parent = tempfile::tempdir().expect("a directory");
    let called = |name: &str| {
        let program = parent.path().join(name);
        symlink(std::env::current_exe().expect("this program"), &program).expect("a link");
        program
    };
    let _blender = Holder::called(&called("blender"), &store, &["hero", "viewport"]);
    let _agent = Holder::called(&called("python3"), &store, &["hero"]);
    // Left by a process that died.
    fs::write(
        store.path().join(format!("{}.shm.draft", uuid::Uuid::new_v4())),
        vec![0; 1 << 20],
    )
    .expect("a draft");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/command-line.md");
    let page = fs::read_to_string(page).expect("the page");
    let anew = printed_anew(&page, &store);
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command-line.md");
    fs::write(&copy, &anew).expect("written");
    let lasting = |page: &str| page.lines().map(lasting).collect::<Vec<_>>().join("\n");
    assert_eq!(
        lasting(&page),
        lasting(&anew),
        "if it is right, copy {}",
        copy.display()
    );
}
