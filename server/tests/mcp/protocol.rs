//! Lines that are no messages, and messages that no client should send: each is answered, and the next call works.

use serde_json::{Value, json};

use crate::client::{Client, ERAS, Era};

fn in_both_eras(test: impl Fn(&mut Client)) {
    for era in ERAS {
        let parent = tempfile::tempdir().expect("a directory");
        let mut client = Client::start(&parent.path().join("store"), era);
        test(&mut client);
        client.call("list_buffers", json!({}));
        assert_eq!(client.end().code(), Some(0));
    }
}

fn assert_refused(answer: &Value, code: i32, id: Option<Value>) {
    assert_eq!(
        [&answer["error"]["code"], &answer["id"]],
        [&json!(code), &id.unwrap_or_default()],
        "{answer}"
    );
}

#[test]
fn lines_that_are_not_json_are_parse_errors() {
    let deep = "[".repeat(100_000);
    let lines: [&[u8]; 8] = [
        b"garbage",
        b"{",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/li",
        b"\xff\xfe",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"\xc3\x28\"}",
        b"{}{}",
        b"\0",
        deep.as_bytes(),
    ];
    in_both_eras(|client| {
        for line in lines {
            client.send_bytes(line);
            client.send_bytes(b"\n");
            assert_refused(&client.answer(), -32700, None);
        }
    });
}

#[test]
fn half_of_a_surrogate_pair_is_answered_under_its_id() {
    let messages = [
        r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "list_buffers", "arguments": {"name": "\ud83d"}}}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "create_buffer", "arguments": {"text": "a\\\ude00\ud83d b"}}}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "x", "arguments": {"\udfff": {"a": ["\ud800"]}}}}"#,
        r#"{"jsonrpc": "2.0", "method": "\ud800", "id": 7}"#,
        r#"{"id": 7, "jsonrpc": "2.0", "method": "resources/read", "params": {"uri": "shm://\uD83D\uD83D\uDE00"}}"#,
    ];
    in_both_eras(|client| {
        for message in messages {
            client.send_line(message);
            let answer = client.answer();
            assert_refused(&answer, -32602, Some(json!(7)));
            let said = answer["error"]["message"].as_str().expect("text");
            assert!(said.contains("surrogate"), "{said}");
        }
        // Such an id cannot be sent back, and a notification is not answered under any.
        for message in [
            r#"{"jsonrpc": "2.0", "id": "\ud800", "method": "ping"}"#,
            r#"{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"reason": "\ud800"}}"#,
        ] {
            client.send_line(message);
            assert_refused(&client.answer(), -32700, None);
        }
        let whole = r#"{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"x": "\ud83d\ude00 \\ud83d"}}"#;
        client.send_line(whole);
        assert_eq!(client.answer()["id"], 7);
    });
}

#[test]
fn parameters_that_cannot_be_read_are_invalid_and_not_an_unknown_method() {
    let of_call = [
        (
            json!({"name": "list_buffers", "arguments": "{}"}),
            "`arguments` is text",
        ),
        (
            json!({"name": "list_buffers", "arguments": "{\"limit\": 3}"}),
            "`arguments` is text",
        ),
        (
            json!({"name": "list_buffers", "arguments": []}),
            "`arguments` is a list",
        ),
        (
            json!({"name": "list_buffers", "arguments": [{"limit": 3}]}),
            "`arguments` is a list",
        ),
        (
            json!({"name": "list_buffers", "arguments": 3}),
            "`arguments` is a number",
        ),
        (
            json!({"name": "list_buffers", "arguments": true}),
            "`arguments` is a boolean",
        ),
        (json!({"name": 3, "arguments": {}}), "`name` is a number"),
        (json!({"name": null}), "`name` is missing"),
        (json!({"arguments": {}}), "no `name`"),
        (json!("list_buffers"), "`params` of tools/call is text"),
        (json!([]), "`params` of tools/call is a list"),
    ];
    let others = [
        ("resources/read", json!({"uri": 5})),
        ("resources/read", json!([])),
        ("prompts/get", json!({"arguments": {}})),
        ("completion/complete", json!({"ref": "x"})),
        ("resources/subscribe", json!({"uri": null})),
    ];
    in_both_eras(|client| {
        for (params, expected) in &of_call {
            client.send(&json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params}));
            let answer = client.answer();
            assert_refused(&answer, -32602, Some(json!("a")));
            let said = answer["error"]["message"].as_str().expect("text");
            assert!(said.contains(expected), "{params}: {said}");
        }
        for (method, params) in &others {
            client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
            assert_refused(&client.answer(), -32602, Some(json!(1)));
        }
    });
}

#[test]
fn json_that_is_no_message_is_an_invalid_request() {
    let cases = [
        (json!([]), None),
        (json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]), None),
        (json!(1), None),
        (json!({}), None),
        (json!({"jsonrpc": "1.0", "id": 1, "method": "ping"}), Some(json!(1))),
        (json!({"jsonrpc": "2.0", "id": "a"}), Some(json!("a"))),
        (json!({"jsonrpc": "2.0", "id": 2, "method": 5}), Some(json!(2))),
        (json!({"jsonrpc": "2.0", "id": null, "method": "ping"}), None),
        (json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}), None),
        (json!({"jsonrpc": "2.0", "id": u64::MAX, "method": "ping"}), None),
        (json!({"jsonrpc": "2.0", "id": [1], "method": "ping"}), None),
        (json!({"jsonrpc": "2.0", "id": {}, "method": "ping"}), None),
    ];
    in_both_eras(|client| {
        for (message, id) in &cases {
            client.send(message);
            assert_refused(&client.answer(), -32600, id.clone());
        }
    });
}

#[test]
fn a_line_of_20_mib_is_refused_and_its_memory_given_back() {
    in_both_eras(|client| {
        let before = client.memory();
        let text = "x".repeat(20 << 20);
        client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"text": text}}));
        let answer = client.answer();
        assert_refused(&answer, -32600, None);
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|text| text.contains("8388608")),
            "{answer}"
        );
        let (peak, now) = (client.peak_memory(), client.memory());
        assert!(
            peak < before + (24 << 20) && now < before + (4 << 20),
            "{before}, {peak}, {now}"
        );
    });
}

#[test]
fn content_whose_every_byte_is_escaped_fits_a_line() {
    in_both_eras(|client| {
        let (made, _) = client.call("create_buffer", json!({"text": "\u{1}".repeat(1 << 20)}));
        assert_eq!(made["descriptor"]["size_bytes"], 1 << 20);
    });
}

#[test]
fn half_a_line_at_the_end_is_no_message() {
    for era in ERAS {
        let parent = tempfile::tempdir().expect("a directory");
        let mut client = Client::start(&parent.path().join("store"), era);
        client.send_bytes(b"{\"jsonrpc\": \"2.0\", \"id\": 9, \"method\": \"tools/call\", \"par");
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn the_last_line_is_refused_before_the_server_ends() {
    let parent = tempfile::tempdir().expect("a directory");
    let input = parent.path().join("input");
    std::fs::write(&input, "garbage\n").expect("a file");
    let input = std::fs::File::open(&input).expect("the file");
    let output = crate::client::command(&["serve"])
        .stdin(input)
        .output()
        .expect("the server runs");
    let answer = serde_json::from_slice(&output.stdout).expect("one answer");
    assert_refused(&answer, -32700, None);
    assert!(output.status.success());
}

#[test]
fn unknown_methods_are_not_found_and_unknown_notifications_passed_over() {
    in_both_eras(|client| {
        client.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": [1]}));
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/nothing"}));
        let answer = client.request("tools/destroy", json!({}));
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    });
}

#[test]
fn what_comes_before_the_session_does_not_end_the_server() {
    let parent = tempfile::tempdir().expect("a directory");
    let mut client = Client::spawn(&parent.path().join("store"), Era::Session);
    for early in [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
        json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "no"}}),
    ] {
        client.send(&early);
    }
    let answer = client.request("tools/call", json!({"name": "list_buffers", "arguments": {}}));
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    client.send_line("garbage");
    assert_refused(&client.answer(), -32700, None);
    client.greet();
    client.call("list_buffers", json!({}));
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn cancelling_what_is_unknown_or_done_changes_nothing() {
    in_both_eras(|client| {
        let done = client.begin("tools/call", json!({"name": "store_status", "arguments": {}}));
        client.answer();
        for params in [
            json!({"requestId": done}),
            json!({"requestId": 4711}),
            json!({"requestId": "never"}),
            json!({"requestId": {}}),
            json!({}),
            json!(null),
        ] {
            client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        }
    });
}

#[test]
fn requests_of_one_id_are_answered_at_least_once() {
    in_both_eras(|client| {
        let id = client.begin("tools/list", json!({}));
        client.send(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
        assert_eq!(client.answer()["id"], id);
        // Whether the second answer follows depends on whether the first was sent when its request came.
        let last = client.begin("tools/list", json!({}));
        let others = std::iter::from_fn(|| Some(client.answer())).take_while(|answer| answer["id"] != last);
        assert!(others.count() <= 1);
    });
}
