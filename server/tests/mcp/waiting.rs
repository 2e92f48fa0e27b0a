//! Waiting for what a DCC shares: nothing is missed, nothing comes twice, and it can be given up.

use std::thread;
use std::time::{Duration, Instant};

use dcc_mcp_shm::{BufferOptions, BufferPool, Layout, SceneDataKind, SceneWriter, SharedSceneBuffer, Store};
use serde_json::{Value, json};

use crate::client::{Client, ERAS, serve};
use crate::scenes::{spec, store};

fn share(store: &Store, name: &str, kind: SceneDataKind) {
    let options = BufferOptions::new(kind).name(name).source_dcc("Blender");
    SharedSceneBuffer::write(store, b"data", &options).expect("a scene");
}

fn names(result: &Value) -> Vec<&str> {
    let buffers = result["buffers"].as_array().expect("buffers").iter();
    buffers.map(|buffer| buffer["name"].as_str().unwrap_or("")).collect()
}

fn begin(client: &mut Client, arguments: &Value) -> u64 {
    client.begin("tools/call", json!({"name": "wait_for_buffer", "arguments": arguments}))
}

#[test]
fn what_came_after_a_listing_is_there_at_once_and_only_once() {
    for era in ERAS {
        let (_parent, store) = store();
        share(&store, "before", SceneDataKind::Geometry);
        let mut client = Client::start(store.path(), era);
        let (listing, text) = client.call("list_buffers", json!({}));
        let cursor = &listing["wait_cursor"];
        assert!(text.contains(cursor.as_str().expect("a cursor")), "{text}");
        share(&store, "frame", SceneDataKind::Screenshot);
        share(&store, "mesh", SceneDataKind::Geometry);
        let wait = json!({"kind": "Geometry", "source_dcc": "blender", "cursor": cursor, "timeout_seconds": 0});
        let (came, text) = client.call("wait_for_buffer", wait);
        assert_eq!(
            (names(&came), &came["total_count"], &came["timed_out"]),
            (vec!["mesh"], &json!(1), &json!(false))
        );
        assert!(text.starts_with("1 buffer came"), "{text}");
        let again = json!({"kind": "Geometry", "cursor": came["wait_cursor"], "timeout_seconds": 0});
        let (nothing, text) = client.call("wait_for_buffer", again);
        assert_eq!((names(&nothing), &nothing["timed_out"]), (vec![], &json!(true)));
        assert!(text.contains("again"), "{text}");
        // Another server on the same store continues where this one was.
        let mut other = Client::start(store.path(), era);
        let all = json!({"cursor": cursor, "timeout_seconds": 0});
        let (came, _) = other.call("wait_for_buffer", all);
        assert_eq!(names(&came), ["mesh", "frame"]);
    }
}

#[test]
fn a_publication_ends_the_wait() {
    for era in ERAS {
        let (_parent, store) = store();
        let mut client = Client::start(store.path(), era);
        let (listing, _) = client.call("list_buffers", json!({}));
        let wait = json!({"name": "mesh", "cursor": listing["wait_cursor"], "timeout_seconds": 50});
        let id = begin(&mut client, &wait);
        let started = Instant::now();
        let publisher = thread::spawn(move || {
            share(&store, "frame", SceneDataKind::Screenshot);
            share(&store, "mesh", SceneDataKind::Geometry);
        });
        let answer = client.answer();
        publisher.join().expect("published");
        assert_eq!(answer["id"], id);
        assert_eq!(names(&answer["result"]["structuredContent"]), ["mesh"]);
        // Woken, and not found at the end of its time.
        assert!(started.elapsed() < Duration::from_secs(40));
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn an_empty_scene_is_waited_for_until_it_is_sealed() {
    for era in ERAS {
        let (_parent, store) = store();
        let mut client = Client::start(store.path(), era);
        let arrays = json!({"position": {"dtype": "<f4", "shape": [2, 3], "domain": "point"}});
        let (made, text) = client.call(
            "create_buffer",
            json!({"arrays": arrays, "name": "wanted", "kind": "Geometry"}),
        );
        assert_eq!(made["descriptor"]["state"], "empty");
        let code = made["code"].as_str().expect("code");
        assert!(
            code.contains("SharedSceneBuffer.fill(") && code.contains("w[\"position\"]"),
            "{code}"
        );
        assert!(text.contains(code), "{text}");
        let (nothing, _) = client.call("wait_for_buffer", json!({"buffer": "wanted", "timeout_seconds": 0}));
        assert_eq!(nothing["timed_out"], true);
        let (listing, _) = client.call("list_buffers", json!({}));
        let id = begin(&mut client, &json!({"buffer": "wanted", "timeout_seconds": 50}));
        let reference = "wanted".parse().expect("a name");
        let scene = SceneWriter::fill(&store, &reference)
            .expect("the scene")
            .finish()
            .expect("sealed");
        let answer = client.answer();
        assert_eq!(answer["id"], id);
        assert_eq!(names(&answer["result"]["structuredContent"]), ["wanted"]);
        // It was listed while it was empty; that it can be read is new all the same.
        let wait = json!({"cursor": listing["wait_cursor"], "timeout_seconds": 0});
        let (came, _) = client.call("wait_for_buffer", wait);
        assert_eq!(came["buffers"][0]["id"], json!(scene.id()));
    }
}

#[test]
fn a_name_that_nothing_has_yet_is_waited_for() {
    for era in ERAS {
        let (_parent, store) = store();
        let mut client = Client::start(store.path(), era);
        let (nothing, _) = client.call("wait_for_buffer", json!({"buffer": "mesh", "timeout_seconds": 0}));
        assert_eq!((names(&nothing), &nothing["timed_out"]), (vec![], &json!(true)));
        let id = begin(&mut client, &json!({"buffer": "mesh", "timeout_seconds": 50}));
        share(&store, "mesh of another", SceneDataKind::Geometry);
        share(&store, "mesh", SceneDataKind::Geometry);
        let answer = client.answer();
        assert_eq!(answer["id"], id);
        assert_eq!(names(&answer["result"]["structuredContent"]), ["mesh"]);
    }
}

#[test]
fn a_newer_one_of_a_name_is_waited_for_with_a_cursor() {
    for era in ERAS {
        let (_parent, store) = store();
        share(&store, "hero", SceneDataKind::Geometry);
        let mut client = Client::start(store.path(), era);
        let (there, text) = client.call("wait_for_buffer", json!({"buffer": "hero"}));
        assert_eq!((names(&there), &there["was_there"]), (vec!["hero"], &json!(true)));
        assert!(
            text.starts_with("It was there already.") && !text.contains("came"),
            "{text}"
        );
        let newer = |cursor: &Value, seconds| json!({"buffer": "hero", "cursor": cursor, "timeout_seconds": seconds});
        let (nothing, _) = client.call("wait_for_buffer", newer(&there["wait_cursor"], 0));
        assert_eq!((names(&nothing), &nothing["timed_out"]), (vec![], &json!(true)));
        let id = begin(&mut client, &newer(&nothing["wait_cursor"], 50));
        let options = BufferOptions::default().name("hero").replace(true);
        let scene = SharedSceneBuffer::write(&store, b"newer", &options).expect("a scene");
        let answer = client.answer();
        assert_eq!(answer["id"], id);
        let came = &answer["result"]["structuredContent"];
        assert_eq!(came["buffers"][0]["id"], json!(scene.id()));
        assert!(came.get("was_there").is_none(), "{came}");
    }
}

#[test]
fn what_is_not_shown_of_many_is_told() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), ERAS[0]);
    let (listing, _) = client.call("list_buffers", json!({}));
    for index in 0..30 {
        share(&store, &format!("part {index:02}"), SceneDataKind::Geometry);
    }
    let wait = json!({"cursor": listing["wait_cursor"], "timeout_seconds": 0});
    let (came, text) = client.call("wait_for_buffer", &wait);
    assert_eq!((names(&came).len(), &came["total_count"]), (25, &json!(30)));
    assert!(
        text.starts_with("30 buffers came; 25 shown") && text.contains("list_buffers"),
        "{text}"
    );
    let mut command = serve(store.path());
    command.args(["--result-bytes", "2000"]);
    let mut small = Client::over_pipes(command, ERAS[0]);
    small.greet();
    let (came, text) = small.call("wait_for_buffer", &wait);
    assert!(
        came.to_string().len() + text.len() < 2500 && !names(&came).is_empty(),
        "{came} {text}"
    );
    assert_eq!(came["total_count"], 30);
}

#[test]
fn a_pool_is_not_waited_for() {
    let (_parent, store) = store();
    let _pool = BufferPool::create(&store, 1, 64, &BufferOptions::default().name("frames")).expect("a pool");
    let mut client = Client::start(store.path(), ERAS[0]);
    let error = client.error("wait_for_buffer", json!({"buffer": "frames"}));
    assert!(error.contains("pool_status"), "{error}");
}

#[test]
fn a_scene_that_took_long_to_fill_is_not_missed() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), ERAS[0]);
    let layout = Layout::new([("position", spec("<f4", [2, 3]))]).expect("a layout");
    let writer = SceneWriter::new(&store, layout, BufferOptions::default().name("slow")).expect("a writer");
    let (listing, _) = client.call("list_buffers", json!({}));
    assert_eq!(listing["total_count"], 0);
    writer.finish().expect("sealed");
    let wait = json!({"cursor": listing["wait_cursor"], "timeout_seconds": 0});
    assert_eq!(names(&client.call("wait_for_buffer", wait).0), ["slow"]);
}

#[test]
fn a_wait_is_given_up_when_the_client_cancels_it() {
    for era in ERAS {
        let (_parent, store) = store();
        let mut client = Client::start(store.path(), era);
        let id = begin(&mut client, &json!({"timeout_seconds": 50}));
        let params = json!({"requestId": id, "reason": "no longer wanted"});
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        // The next answer is that of the next request.
        client.call("list_buffers", json!({}));
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn who_waits_too_late_is_told_what_was_there_before() {
    for era in ERAS {
        let (_parent, store) = store();
        share(&store, "render.0007", SceneDataKind::Screenshot);
        share(&store, "hero", SceneDataKind::Geometry);
        let mut client = Client::start(store.path(), era);
        let (nothing, text) = client.call("wait_for_buffer", json!({"name": "render", "timeout_seconds": 0}));
        assert_eq!(nothing["timed_out"], true);
        assert!(text.contains("1 buffer that matches was there before"), "{text}");
        // Who says since when has seen them.
        let again = json!({"name": "render", "cursor": nothing["wait_cursor"], "timeout_seconds": 0});
        let (_, text) = client.call("wait_for_buffer", again);
        assert!(!text.contains("before"), "{text}");
    }
}
