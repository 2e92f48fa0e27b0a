//! Limits of the system that the server meets while it works: a call fails, and the next one is answered.

use rustix::process::{Resource, Rlimit};
use serde_json::json;

use crate::client::{Client, Era};
use crate::scenes::store;

#[test]
fn a_file_beyond_the_size_limit_is_an_error_of_its_call() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let limit = Rlimit {
        current: Some(1 << 20),
        maximum: Some(1 << 20),
    };
    client.limit(Resource::Fsize, limit);
    let array = json!({"a": {"dtype": "|u1", "shape": [4 << 20]}});
    for (tool, arguments) in [
        ("create_buffer", json!({"capacity": 4 << 20})),
        ("create_buffer", json!({"arrays": array})),
        ("create_buffer", json!({"text": "x".repeat(1 << 20)})),
        ("create_pool", json!({"slots": 1, "buffer_size": 4 << 20})),
    ] {
        let error = client.error(tool, arguments);
        assert!(!error.contains("panicked"), "{tool}: {error}");
        let (page, _) = client.call("list_buffers", json!({}));
        assert_eq!(page["total_count"], 0, "{tool}: {page}");
    }
    client.call("create_buffer", json!({"text": "small"}));
    assert_eq!(client.end().code(), Some(0));
}
