//! Characters that nobody sees, in all text that others chose: no answer has them raw, and what an answer shows is found.

use std::borrow::Borrow;

use dcc_mcp_shm::{Attrs, BufferOptions, BufferPool, SceneDataKind, SharedSceneBuffer, Store, StoreOptions, is_hidden};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::client::{Client, ERAS, Era};
use crate::long::zeros;
use crate::scenes::{spec, store, write};

/// Text as attackers write it: one visible word, and what no one sees between its letters.
const TEXT: &str = "[a-c頭]{1,3}([\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2069}\u{feff}\u{e0020}-\u{e007f}\
                    \u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}\u{34f}\u{3164}\u{115f}\u{ad}\u{61c}\u{2028}\\\\\"'{}u é]){1,12}";

/// The first text of a message in which something is hidden, the names of its fields among them.
fn hidden(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains(is_hidden).then(|| format!("{text:?}")),
        Value::Array(items) => items.iter().find_map(hidden),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            let named = name.contains(is_hidden).then(|| format!("the name {name:?}"));
            named.or_else(|| hidden(field))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The answer to a request, which shows all that it says.
fn shown(client: &mut Client, method: &str, params: impl Borrow<Value>) -> Value {
    let params = params.borrow();
    let answer = client.request_among(method, params.clone());
    assert_eq!(hidden(&answer), None, "{method} {params}: {answer}");
    answer
}

fn call(client: &mut Client, tool: &str, arguments: impl Borrow<Value>) -> Value {
    let arguments = arguments.borrow();
    shown(client, "tools/call", json!({"name": tool, "arguments": arguments}))["result"].clone()
}

/// The structured content of a call that must succeed.
fn done(client: &mut Client, tool: &str, arguments: impl Borrow<Value>) -> Value {
    let arguments = arguments.borrow();
    let result = call(client, tool, arguments);
    assert_ne!(result["isError"], true, "{tool} {arguments}: {result}");
    result["structuredContent"].clone()
}

/// A resource that must be there, as JSON.
fn resource(client: &mut Client, uri: &str) -> Value {
    let answer = shown(client, "resources/read", json!({"uri": uri}));
    let text = answer["result"]["contents"][0]["text"].as_str().expect("text");
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(hidden(&value), None, "{uri}: {value}");
    value
}

/// A text as part of an address.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Values that a client proposes while somebody types.
fn completions(client: &mut Client, uri: &str, argument: &str, typed: &str) -> Vec<String> {
    let params = json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": argument, "value": typed}});
    let answer = shown(client, "completion/complete", params);
    let values = answer["result"]["completion"]["values"].as_array().expect("values");
    values
        .iter()
        .map(|value| value.as_str().expect("text").to_owned())
        .collect()
}

fn scene(store: &Store, text: &str) -> SharedSceneBuffer {
    let attrs: Attrs = [(text.to_owned(), json!([text])), ("note".to_owned(), json!(text))]
        .into_iter()
        .collect();
    let options = BufferOptions::new(SceneDataKind::Screenshot)
        .name(text)
        .group(text)
        .source_dcc(text)
        .attrs(attrs);
    write(store, &[(text, spec("|u1", [4, 4, 3]), vec![7; 48])], &options)
}

/// The text between the quotes that follow a label, if it is not cut.
fn quoted<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("{label} \"")).expect("the label");
    let (quoted, rest) = after.split_once('"').expect("its end");
    (!rest.starts_with('…')).then_some(quoted)
}

fn everything_is_shown_and_found(era: Era, text: &str) {
    let (_parent, store) = store();
    let id = json!(scene(&store, text).id());
    let pool_name = format!("pool {text}");
    let pool = BufferPool::create(
        &store,
        2,
        64,
        &BufferOptions::default().name(&pool_name).persistent(true),
    );
    let pool = pool.expect("a pool");
    let mut client = Client::start(store.path(), era);

    let page = done(&mut client, "list_buffers", json!({}));
    let buffer = &page["buffers"][0];
    let (name, group) = (&buffer["name"], &buffer["group"]);
    let said = call(&mut client, "list_buffers", json!({}));
    let said = said["content"][0]["text"].as_str().expect("text");
    for filter in [
        json!({"name": name}),
        json!({"name": text}),
        json!({"group": group}),
        json!({"group": text}),
        json!({"source_dcc": buffer["source_dcc"]}),
    ] {
        let found = done(&mut client, "list_buffers", &filter);
        assert_eq!(found["total_count"], 1, "{filter}: {found}");
    }
    let described = done(&mut client, "read_descriptor", json!({"buffer": id}));
    let descriptor = &described["descriptor"];
    let spelled = quoted(said, "name").unwrap_or(text);
    for reference in [
        name,
        &json!(text),
        &json!(spelled),
        descriptor,
        &json!(descriptor.to_string()),
    ] {
        let found = done(&mut client, "read_descriptor", json!({"buffer": reference}));
        assert_eq!(found["descriptor"]["id"], id, "{reference}");
        for tool in ["describe_buffer", "read_buffer", "wait_for_buffer"] {
            done(&mut client, tool, json!({"buffer": reference}));
        }
        let viewed = call(&mut client, "view_image", json!({"buffer": reference}));
        assert_ne!(viewed["isError"], true, "{viewed}");
    }
    let arrays = done(&mut client, "describe_buffer", json!({"buffer": id}));
    for array in [&arrays["arrays"][0]["name"], &json!(text)] {
        done(&mut client, "read_buffer", json!({"buffer": id, "array": array}));
        done(&mut client, "describe_buffer", json!({"buffer": id, "arrays": [array]}));
    }

    for uri in ["shm://buffers/{id}", "shm://pools/{name}"] {
        let argument = if uri.contains("{id}") { "id" } else { "name" };
        for value in completions(&mut client, uri, argument, "") {
            resource(&mut client, &uri.replace(&format!("{{{argument}}}"), &encoded(&value)));
        }
    }
    for typed in [text, name.as_str().expect("a name")] {
        assert_eq!(
            completions(&mut client, "shm://buffers/{id}", "id", typed).len(),
            1,
            "{typed}"
        );
    }
    let listed = shown(&mut client, "resources/list", json!({}));
    for entry in listed["result"]["resources"].as_array().expect("resources") {
        resource(&mut client, entry["uri"].as_str().expect("an address"));
    }
    resource(&mut client, &format!("shm://buffers/{text}").replace('%', "%25"));

    let pools = done(&mut client, "pool_status", json!({}));
    for reference in [&pools["pools"][0]["name"], &json!(pool_name)] {
        let found = done(&mut client, "pool_status", json!({"pool": reference}));
        assert_eq!(found["pools"][0]["id"], json!(pool.id()));
    }
    failures(&mut client, &id, text, name);
    let kept = done(&mut client, "keep_buffer", json!({"buffer": name}));
    assert_eq!(kept["id"], id);
    let deleted = done(&mut client, "delete_buffer", json!({"buffer": name}));
    assert_eq!(deleted["id"], id);
    let again = done(
        &mut client,
        "create_buffer",
        json!({"text": text, "name": name, "group": group}),
    );
    assert_eq!(&again["descriptor"]["name"], name);
    let made = store.list().expect("a listing").buffers;
    assert_eq!([made[0].name.as_deref(), made[0].group.as_deref()], [Some(text); 2]);
    // A notification may be left unread.
    assert_eq!(client.end_unread(None).code(), Some(0));
}

/// What is refused names what was said.
fn failures(client: &mut Client, id: &Value, text: &str, name: &Value) {
    let other = format!("{text}\u{200b}?");
    for (tool, arguments) in [
        ("read_descriptor", json!({"buffer": other})),
        ("keep_buffer", json!({"buffer": other})),
        ("delete_buffer", json!({"buffer": other})),
        ("pool_status", json!({"pool": other})),
        ("read_buffer", json!({"buffer": id, "array": other})),
        ("describe_buffer", json!({"buffer": id, "arrays": [other]})),
        ("view_image", json!({"buffer": {"id": other}})),
        ("create_buffer", json!({"text": "a", "name": name})),
        ("create_buffer", json!({"text": "a", "kind": other})),
        ("create_buffer", json!({"text": "a", other.as_str(): 1})),
        ("list_buffers", json!({"cursor": other})),
    ] {
        let result = call(client, tool, &arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
    }
    for (method, params) in [
        ("tools/call", json!({"name": other, "arguments": {}})),
        ("resources/read", json!({"uri": other})),
        ("resources/read", json!({"uri": format!("shm://buffers/{other}")})),
        ("prompts/get", json!({"name": other})),
        (
            "prompts/get",
            json!({"name": "share_selection", "arguments": {"dcc": other}}),
        ),
        (other.as_str(), json!({})),
    ] {
        let answer = shown(client, method, &params);
        assert!(answer["error"]["message"].is_string(), "{method} {params}: {answer}");
    }
}

#[test]
fn any_name_is_shown_and_found() {
    for text in [
        "hero\u{202e}body",
        "\u{e0049}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}",
        "❤\u{fe0f} 👩\u{200d}🚀",
        "say \"hi\"\u{200b}\\",
        "\u{3164}",
        "فارسی\u{200c}ها",
    ] {
        for era in ERAS {
            everything_is_shown_and_found(era, text);
        }
    }
    let mut runner = TestRunner::new(ProptestConfig::with_cases(12));
    let texts = TEXT.prop_filter("short enough for a group", |text| text.len() < 200);
    let run = runner.run(&texts, |text| {
        everything_is_shown_and_found(Era::Session, &text);
        Ok(())
    });
    run.expect("every text");
}

#[test]
fn text_that_people_read_stays_as_it_is() {
    let (_parent, store) = store();
    for text in [
        "e\u{301}l\u{e8}ve",
        "नमस्ते",
        "مرحبا",
        "שלום",
        "日本語\u{3000}テスト",
        "👩🏽 🚀",
        r"C:\scenes\hero",
    ] {
        scene(&store, text);
        let mut client = Client::start(store.path(), Era::Session);
        let (found, said) = client.call("read_descriptor", json!({"buffer": text}));
        assert_eq!(found["descriptor"]["name"], text);
        assert_eq!(found["descriptor"]["attrs"][text], json!([text]));
        assert_eq!(quoted(&said, "name"), Some(text));
    }
}

#[test]
fn two_that_are_shown_alike_are_told_apart_by_their_ids() {
    let (_parent, store) = store();
    let (hidden, plain) = ("a\u{202e}b", r"a\u{202e}b");
    let ids = [hidden, plain].map(|name| json!(scene(&store, name).id()));
    let mut client = Client::start(store.path(), Era::Session);
    for tool in [
        "read_descriptor",
        "describe_buffer",
        "read_buffer",
        "view_image",
        "delete_buffer",
        "wait_for_buffer",
    ] {
        let error = client.error(tool, json!({"buffer": plain}));
        assert!(
            ids.iter().all(|id| error.contains(id.as_str().expect("text"))),
            "{tool}: {error}"
        );
    }
    let (found, _) = client.call("read_descriptor", json!({"buffer": hidden}));
    assert_eq!(found["descriptor"]["id"], ids[0]);
    store
        .delete(&ids[0].as_str().expect("text").parse().expect("an id"))
        .expect("deleted");
    let (found, _) = client.call("read_descriptor", json!({"buffer": plain}));
    assert_eq!(found["descriptor"]["id"], ids[1]);
}

#[test]
fn a_store_at_a_place_that_hides_something_is_used_as_it_is_shown() {
    let parent = tempfile::tempdir().expect("a directory");
    let store = Store::open(&StoreOptions::at(parent.path().join("a\u{200b}\u{202e}b"))).expect("a store");
    let id = json!(scene(&store, "hero").id());
    let mut client = Client::start(store.path(), Era::Session);
    let described = done(&mut client, "read_descriptor", json!({"buffer": id}));
    done(
        &mut client,
        "read_descriptor",
        json!({"buffer": described["descriptor"]}),
    );
    done(&mut client, "store_status", json!({}));
    // Programs open it as well.
    let descriptor = described["descriptor"].to_string();
    SharedSceneBuffer::from_descriptor(&descriptor).expect("the scene");
}

#[test]
fn what_a_client_knows_its_requests_by_is_not_touched() {
    let (_parent, store) = store();
    let id = "\u{200b}7";
    let mut client = Client::start(store.path(), Era::Session);
    client.send(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
    assert_eq!(client.answer()["id"], id);
    let look = json!({"buffer": zeros(&store).id()});
    let look = json!({"name": "describe_buffer", "arguments": look, "_meta": {"progressToken": id}});
    client.begin("tools/call", look);
    let told = client.answer();
    assert_eq!(told["params"]["progressToken"], id, "{told}");
}
