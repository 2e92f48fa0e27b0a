//! A client that stops reading, or leaves while calls run: the server takes no more than it can answer, and ends.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::{Client, Era};
use crate::long::zeros;
use crate::scenes::store;

const MOST: usize = 100_000;

fn list_tools(id: usize) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"})
}

fn start(store: &std::path::Path) -> Client {
    let mut client = Client::spawn_on_socket(store, Era::Session);
    client.greet();
    client
}

#[test]
fn a_client_that_reads_again_gets_every_answer() {
    let (_parent, store) = store();
    let mut client = start(store.path());
    let (sent, rest) = client.fill(list_tools, MOST);
    assert!(client.peak_memory() < 64 << 20, "{} bytes", client.peak_memory());
    let mut ids: Vec<_> = (0..sent).map(|_| client.answer()["id"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..sent).map(|id| u64::try_from(id).ok()).collect::<Vec<_>>());
    client.send_bytes(&rest);
    assert_eq!(client.answer()["id"], sent);
    client.call("list_buffers", json!({}));
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn the_server_ends_although_nobody_reads_its_answers() {
    for signal in [Some(Signal::TERM), Some(Signal::INT), None] {
        let (_parent, store) = store();
        let mut client = start(store.path());
        client.fill(list_tools, MOST);
        let status = match signal {
            Some(_) => client.end_unread(signal),
            None => client.hang_up(),
        };
        assert_eq!(status.code(), Some(0), "{signal:?}");
    }
}

#[test]
fn the_server_ends_while_a_call_waits_or_works() {
    let (_parent, store) = store();
    let scene = zeros(&store);
    for (tool, arguments) in [
        ("wait_for_buffer", json!({"timeout_seconds": 50})),
        ("describe_buffer", json!({"buffer": scene.id()})),
    ] {
        for signal in [Some(Signal::TERM), None] {
            let mut client = start(store.path());
            client.begin("tools/call", json!({"name": tool, "arguments": arguments}));
            client.request("ping", json!({}));
            assert_eq!(client.end_unread(signal).code(), Some(0), "{tool} {signal:?}");
        }
    }
}
