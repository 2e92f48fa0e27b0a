//! What the server offers is what `mcp-manifest.json` says, and what strict clients understand.

use crate::client::{Client, ERAS, command};
use serde_json::{Value, json};

const MANIFEST: &str = include_str!("../../../mcp-manifest.json");

fn manifest() -> Value {
    serde_json::from_str(MANIFEST).expect("JSON")
}

#[test]
fn the_manifest_is_what_the_server_prints() {
    let output = command(&["manifest"]).output().expect("the server runs");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(
        printed, MANIFEST,
        "mcp-manifest.json is out of date: write it anew with `dcc-mcp-shm manifest`"
    );
}

#[test]
fn tools_list_is_the_manifest_for_both_eras() {
    for era in ERAS {
        let parent = tempfile::tempdir().expect("a directory");
        let mut client = Client::start(&parent.path().join("store"), era);
        let answer = client.request("tools/list", json!({}));
        assert_eq!(answer["result"]["tools"], manifest()["tools"]);
        assert!(answer.to_string().len() < 18_000, "{} bytes", answer.to_string().len());
    }
}

#[test]
fn every_tool_says_what_it_is_and_does() {
    let manifest = manifest();
    let tools = manifest["tools"].as_array().expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str()).collect();
    let expected = [
        "create_buffer",
        "create_pool",
        "delete_buffer",
        "describe_buffer",
        "keep_buffer",
        "list_buffers",
        "pool_status",
        "read_buffer",
        "read_descriptor",
        "store_status",
        "view_image",
        "wait_for_buffer",
    ];
    assert_eq!(names, expected.map(Some));
    for tool in tools {
        assert!(tool["title"].is_string(), "{tool}");
        assert!(
            tool["description"].as_str().is_some_and(|text| text.len() < 1500),
            "{tool}"
        );
        // The other two mean something only for what writes.
        let hints: &[_] = if tool["annotations"]["readOnlyHint"] == true {
            &["openWorldHint"]
        } else {
            &["openWorldHint", "readOnlyHint", "destructiveHint", "idempotentHint"]
        };
        for hint in hints {
            assert!(tool["annotations"][hint].is_boolean(), "{tool}");
        }
        // Hosts that get structured content do not show the picture.
        let is_picture = tool["name"] == "view_image";
        assert_eq!(tool.get("outputSchema").is_none(), is_picture, "{tool}");
        for schema in ["inputSchema", "outputSchema"]
            .into_iter()
            .filter_map(|name| tool.get(name))
        {
            assert_eq!(schema["type"], "object");
            check(schema);
        }
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
        for (name, argument) in tool["inputSchema"]["properties"].as_object().into_iter().flatten() {
            assert!(argument["description"].is_string(), "{name}");
        }
    }
}

/// What Rust's schemas have and strict clients warn of.
fn check(schema: &Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(format) = fields.get("format").and_then(Value::as_str) {
                assert_eq!(format, "uuid", "{schema}");
            }
            assert!(!fields.get("type").is_some_and(Value::is_array), "{schema}");
            assert!(!fields.contains_key("$ref"), "{schema}");
            fields.values().for_each(check);
        }
        Value::Array(items) => items.iter().for_each(check),
        _ => {}
    }
}
