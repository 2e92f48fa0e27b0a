//! `put`, `get` and `wait`: for shell scripts, by their exit statuses.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use dcc_mcp_shm::{ArraySpec, BufferOptions, BufferPool, Layout, SceneWriter, SharedBuffer, SharedSceneBuffer, Source};

use crate::store::TestStore;

pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|at| u8::try_from(at * 7 % 251).expect("a byte"))
        .collect()
}

pub(crate) fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn what_is_put_is_what_is_got() {
    let (store, files) = (TestStore::new(), tempfile::tempdir().expect("a directory"));
    for count in [0, 1, 4096, (4 << 20) + 1, 9_000_000] {
        let (from, to) = (files.path().join("from"), files.path().join("to"));
        let data = bytes(count);
        fs::write(&from, &data).expect("a file");
        let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
        let id = store.printed(&["put", &path(&from), "--name", "data", "--replace"]);
        let said = store.printed(&["get", id.trim(), &path(&to)]);
        assert!(said.starts_with("Wrote ") && said.contains(&path(&to)), "{said}");
        assert!(fs::read(&to).expect("a file") == data, "{count}");
        assert!(store.run(&["get", "data", "-"]).stdout == data, "{count}");
        let mut put = store.command(&["put", "-", "--json"]);
        let mut put = put
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        put.stdin.take().expect("a pipe").write_all(&data).expect("read");
        let output = put.wait_with_output().expect("it ends");
        let descriptor: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(descriptor["size_bytes"], count);
        let got = store.json(&["get", descriptor["id"].as_str().expect("an id"), &path(&to), "--json"]);
        assert_eq!((&got["bytes"], &got["id"]), (&count.into(), &descriptor["id"]));
        assert!(fs::read(&to).expect("a file") == data, "{count}");
    }
}

#[test]
fn what_is_put_is_called_and_kept_as_was_said() {
    let store = TestStore::new();
    let put = |more: &[&str]| store.run(&[&["put", "/etc/passwd"], more].concat());
    let all = ["--name", "a", "--kind", "geometry", "--group", "g", "--ttl", "2h"];
    assert_eq!(status(&put(&all)), Some(0));
    let told = store.json(&["show", "a", "--json"]);
    assert_eq!(
        [&told["kind"], &told["group"], &told["state"]],
        ["Geometry", "g", "sealed"]
    );
    assert_eq!(told["ttl_seconds"], 7200.0);
    let output = put(&all);
    assert_eq!(status(&output), Some(1), "the name is taken");
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"a\""));
    let before = told["id"].clone();
    assert_eq!(status(&put(&["--name", "a", "--replace"])), Some(0));
    assert_ne!(store.json(&["show", "a", "--json"])["id"], before);
    for wrong in [
        &["--replace"][..],
        &["--kind", "mesh"],
        &["--kind", "pool"],
        &["--ttl", "long"],
    ] {
        assert_eq!(status(&put(wrong)), Some(2), "{wrong:?}");
    }
    let files = store.store.ids().expect("ids").len();
    for missing in ["/nowhere", "/", "/proc/self/mem"] {
        let output = store.run(&["put", missing]);
        assert_eq!(status(&output), Some(1), "{missing}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(missing));
    }
    assert_eq!(store.store.ids().expect("ids").len(), files);
}

#[test]
fn every_kind_of_data_is_got_whole() {
    let (store, files) = (TestStore::new(), tempfile::tempdir().expect("a directory"));
    let data = bytes(200_000);
    let spec = || ArraySpec::new("u1".parse().expect("a type"), [data.len() as u64]);
    let compressed = BufferOptions::default().name("compressed").compress(true);
    SharedSceneBuffer::write_arrays(&store.store, [("a", spec(), Source::from(&data))], &compressed).expect("a scene");
    let buffer = SharedBuffer::create(&store.store, 1 << 20, &BufferOptions::default().name("buffer")).expect("one");
    buffer.write(&data).expect("written");
    let options = BufferOptions::default().persistent(true);
    let pool = BufferPool::create(&store.store, 1, 1 << 20, &options).expect("a pool");
    let slot = pool.acquire().expect("a slot");
    slot.write(&data).expect("written");
    let to = files.path().join("to");
    for name in ["compressed", "buffer", &slot.id().to_string()] {
        let output = store.run(&["get", name, to.to_str().expect("UTF-8")]);
        assert_eq!(status(&output), Some(0), "{name}");
        assert!(fs::read(&to).expect("a file") == data, "{name}");
    }
    let layout = Layout::new([("a", spec())]).expect("a layout");
    let empty = SharedSceneBuffer::create_empty(&store.store, &layout, &BufferOptions::default().name("empty"));
    empty.expect("a scene");
    for (what, said) in [("empty", "empty"), (&pool.id().to_string(), "pool")] {
        let output = store.run(&["get", what, to.to_str().expect("UTF-8")]);
        assert_eq!(status(&output), Some(1), "{what}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said));
    }
    assert!(fs::read(&to).expect("a file") == data, "nothing was written");
}

#[test]
fn what_is_rewritten_meanwhile_is_got_as_one_write() {
    let store = TestStore::new();
    let buffer = SharedBuffer::create(&store.store, 4 << 20, &BufferOptions::default().name("buffer")).expect("one");
    buffer.write(&vec![0; 4 << 20]).expect("written");
    let goes_on = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut value = 0_u8;
            while goes_on.load(std::sync::atomic::Ordering::Relaxed) {
                value = value.wrapping_add(1);
                buffer.write(&vec![value; 4 << 20]).expect("written");
            }
        });
        for _ in 0..10 {
            let got = store.run(&["get", "buffer", "-"]).stdout;
            assert_eq!(got.len(), 4 << 20);
            assert!(got.iter().all(|byte| *byte == got[0]), "parts of two writes");
        }
        goes_on.store(false, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn what_is_not_there_and_what_does_not_come_have_statuses_of_their_own() {
    let store = TestStore::new();
    let id = "5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10";
    for what in ["nope", id] {
        assert_eq!(status(&store.run(&["get", what, "-"])), Some(3), "{what}");
    }
    assert_eq!(status(&store.run(&["wait", id])), Some(3), "an id does not come to be");
    let output = store.run(&["wait", "nope", "--timeout", "10ms"]);
    assert_eq!(status(&output), Some(4));
    assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("\"nope\""));
    for wrong in [
        &["--timeout", "soon"][..],
        &["--after", "x"],
        &["--after", &format!("{id}.x")],
    ] {
        assert_eq!(
            status(&store.run(&[&["wait", "nope"], wrong].concat())),
            Some(2),
            "{wrong:?}"
        );
    }
    let nowhere = store.path().join("nowhere");
    let mut get = crate::store::command(&nowhere, &["get", "hero", "-"]);
    assert_eq!(status(&get.output().expect("it runs")), Some(3));
    assert!(!nowhere.exists());
}

#[test]
fn a_version_comes_with_the_buffer_as_it_is_then() {
    let store = TestStore::new();
    let buffer = SharedBuffer::create(&store.store, 64, &BufferOptions::default().name("hero")).expect("a buffer");
    for length in [0, 1, 5, 64, 3] {
        let seen = buffer.sequence().expect("a sequence");
        let seen = format!("{}.{seen}", buffer.id());
        let mut wait = store.command(&["wait", "hero", "--after", &seen, "--json"]);
        let mut wait = wait.stdout(Stdio::piped()).spawn().expect("it runs");
        // It has read what the buffer was before.
        let has_it_open = |pid| {
            store
                .store
                .holders()
                .of(buffer.id())
                .is_some_and(|pids| pids.contains(&pid))
        };
        while !has_it_open(wait.id()) {
            assert!(wait.try_wait().expect("it runs").is_none(), "it ended");
            std::thread::yield_now();
        }
        buffer.write(&bytes(length)).expect("written");
        let output = wait.wait_with_output().expect("it ends");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let sequence = buffer.sequence().expect("a sequence");
        assert_eq!(told["version"], format!("{}.{sequence}", buffer.id()));
        assert_eq!(told["descriptor"]["size_bytes"], length);
    }
}

/// A version that `wait` says.
fn version(store: &TestStore, arguments: &[&str]) -> String {
    store.printed(&[&["wait"], arguments].concat()).trim_end().to_owned()
}

#[test]
fn a_name_is_waited_for_until_it_can_be_read() {
    let store = TestStore::new();
    let start = |arguments: &[&str]| {
        let mut wait = store.command(arguments);
        wait.stdout(Stdio::piped()).spawn().expect("it runs")
    };
    let said = |wait: std::process::Child| {
        let output = wait.wait_with_output().expect("it ends");
        assert_eq!(status(&output), Some(0));
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    };
    let waiting = start(&["wait", "hero"]);
    let layout = Layout::new([("a", ArraySpec::new("u1".parse().expect("a type"), [4]))]).expect("a layout");
    let options = BufferOptions::default().name("hero");
    let empty = SharedSceneBuffer::create_empty(&store.store, &layout, &options).expect("a scene");
    let by_id = start(&["wait", &empty.id().to_string(), "--json"]);
    let output = store.run(&["wait", "hero", "--timeout", "50ms"]);
    assert_eq!(status(&output), Some(4), "it is empty");
    SceneWriter::fill(&store.store, &empty.id().into())
        .expect("a writer")
        .finish()
        .expect("sealed");
    assert_eq!(said(waiting), empty.id().to_string());
    let told: serde_json::Value = serde_json::from_str(&said(by_id)).expect("JSON");
    assert_eq!(told["version"], empty.id().to_string());
    assert_eq!(told["descriptor"]["state"], "sealed");
    let seen = version(&store, &["hero"]);
    assert_eq!(
        status(&store.run(&["wait", "hero", "--after", &seen, "--timeout", "10ms"])),
        Some(4)
    );
    let output = store.run(&["wait", &seen, "--after", &seen]);
    assert_eq!(status(&output), Some(1), "what is sealed never changes");
    let waiting = start(&["wait", "hero", "--after", &seen]);
    let id = store.scene(&options.replace(true));
    assert_eq!(said(waiting), id);
    let buffer = SharedBuffer::create(&store.store, 16, &BufferOptions::default().name("hero").replace(true));
    let buffer = buffer.expect("a buffer");
    let waiting = start(&["wait", "hero", "--after", &id]);
    assert_eq!(
        status(&store.run(&["wait", "hero", "--timeout", "50ms"])),
        Some(4),
        "nothing was written"
    );
    buffer.write(b"1").expect("written");
    let first = buffer.sequence().expect("a sequence");
    let seen = said(waiting);
    assert_eq!(seen, format!("{}.{first}", buffer.id()));
    let waiting = start(&["wait", "hero", "--after", &seen]);
    buffer.write(b"2").expect("written");
    let second = buffer.sequence().expect("a sequence");
    assert_eq!(said(waiting), format!("{}.{second}", buffer.id()));
    assert_eq!(
        version(&store, &["hero", "--after", ""]),
        format!("{}.{second}", buffer.id())
    );
    // Another takes the name over while the buffer is waited for.
    let seen = version(&store, &["hero"]);
    let waiting = start(&["wait", "hero", "--after", &seen]);
    drop(buffer);
    let id = store.scene(&BufferOptions::default().name("hero").replace(true));
    assert_eq!(said(waiting), id);
}
