//! Work that takes long: it tells how far it is, ends when it is cancelled, and holds little of the data.
#![allow(clippy::cast_precision_loss, reason = "progress is a number of JSON")]

use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, Source, Store, StoreOptions};
use serde_json::{Value, json};

use crate::client::{Client, ERAS, Era};
use crate::scenes::{spec, store};

const SIZE: u64 = 1 << 30;

/// An array that takes long to look at and little memory: all of it is zeros, compressed.
pub(crate) fn zeros(store: &Store) -> SharedSceneBuffer {
    let zeros = vec![0; usize::try_from(SIZE).expect("an address")];
    let arrays = [("zeros", spec("|u1", [SIZE]), Source::from(&zeros))];
    SharedSceneBuffer::write_arrays(store, arrays, &BufferOptions::default().compress(true)).expect("a scene")
}

fn describe(client: &mut Client, scene: &SharedSceneBuffer, token: &str) -> u64 {
    let arguments = json!({"buffer": scene.id()});
    let params = json!({"name": "describe_buffer", "arguments": arguments, "_meta": {"progressToken": token}});
    client.begin("tools/call", params)
}

fn assert_progress(message: &Value, token: &str) -> f64 {
    assert_eq!(message["method"], "notifications/progress", "{message}");
    let params = &message["params"];
    assert_eq!(
        [&params["progressToken"], &params["total"]],
        [&json!(token), &json!(SIZE as f64)]
    );
    let progress = params["progress"].as_f64().expect("a number");
    assert!((0.0..=SIZE as f64).contains(&progress), "{message}");
    progress
}

#[test]
fn progress_is_told_and_what_is_deleted_meanwhile_is_described_to_its_end() {
    let (_parent, store) = store();
    let scene = zeros(&store);
    let mut client = Client::start(store.path(), Era::Session);
    let id = describe(&mut client, &scene, "bar");
    let mut progress = vec![assert_progress(&client.answer(), "bar")];
    store.delete(&scene.id().into()).expect("deleted");
    let answer = loop {
        let message = client.answer();
        if message["id"] == id {
            break message;
        }
        progress.push(assert_progress(&message, "bar"));
    };
    assert!(progress.is_sorted() && progress.len() > 1, "{progress:?}");
    let array = &answer["result"]["structuredContent"]["arrays"][0];
    assert_eq!([&array["shape"][0], &array["max"]], [&json!(SIZE), &json!(0)]);
    assert!(client.peak_memory() < 64 << 20, "{} bytes", client.peak_memory());
    let error = client.error("describe_buffer", json!({"buffer": scene.id()}));
    assert!(error.contains("Nothing is shared as"), "{error}");
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn a_cancelled_call_works_no_longer_and_has_no_answer() {
    let (_parent, store) = store();
    let scene = zeros(&store);
    for era in ERAS {
        let mut client = Client::start(store.path(), era);
        let first = describe(&mut client, &scene, "first");
        assert_progress(&client.answer(), "first");
        let params = json!({"requestId": first, "reason": "no longer wanted"});
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        // As long as the rest of the first would have taken, at least.
        let second = describe(&mut client, &scene, "second");
        let mut told = [0, 0];
        let answer = loop {
            let message = client.answer();
            if let Some(id) = message.get("id") {
                assert_eq!(*id, second, "{message}");
                break message;
            }
            told[usize::from(message["params"]["progressToken"] == "second")] += 1;
        };
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        // One may have been on its way.
        assert!(told[0] <= 1 && told[1] > 1, "{told:?}");
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn what_a_cancelled_call_has_made_is_deleted() {
    for era in ERAS {
        // Memory, and so much of it that it takes longer than the next line to arrive, and much less than the 5 s after which
        // a server that is to end waits no longer.
        let parent = tempfile::tempdir_in("/dev/shm").expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
        let mut client = Client::start(store.path(), era);
        let calls = [
            ("create_pool", json!({"slots": 16, "buffer_size": 4 << 20})),
            ("create_buffer", json!({"capacity": 64 << 20, "ttl_seconds": 0})),
        ];
        for (tool, arguments) in calls {
            let id = client.begin("tools/call", json!({"name": tool, "arguments": arguments}));
            let params = json!({"requestId": id, "reason": "no longer wanted"});
            client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        }
        client.call("store_status", json!({}));
        // Ends when what is at work has ended.
        assert_eq!(client.end().code(), Some(0));
        assert_eq!(store.used_bytes().expect("a directory"), 0);
    }
}
