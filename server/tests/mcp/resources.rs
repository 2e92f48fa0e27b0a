//! Resources, subscriptions, prompts and completion, for clients of both eras.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use dcc_mcp_shm::{BufferOptions, BufferPool, SceneDataKind, SharedSceneBuffer, Store, StoreOptions};
use serde_json::{Value, json};

use crate::client::{Client, ERAS, Era};
use crate::scenes::store;

fn share(store: &Store, name: &str) -> SharedSceneBuffer {
    let options = BufferOptions::new(SceneDataKind::Geometry)
        .name(name)
        .source_dcc("Blender");
    SharedSceneBuffer::write(store, b"data", &options).expect("a scene")
}

fn read(client: &mut Client, uri: &str) -> Value {
    let answer = client.request("resources/read", json!({"uri": uri}));
    let contents = &answer["result"]["contents"][0];
    assert_eq!(
        [&contents["uri"], &contents["mimeType"]],
        [&json!(uri), &json!("application/json")],
        "{answer}"
    );
    serde_json::from_str(contents["text"].as_str().expect("text")).expect("JSON")
}

#[test]
fn everything_has_an_address_and_can_be_read_there() {
    for era in ERAS {
        let (_parent, store) = store();
        let scene = share(&store, "hero/body");
        let pool = BufferPool::create(&store, 2, 64, &BufferOptions::default().name("frames")).expect("a pool");
        let mut client = Client::start(store.path(), era);
        let listed = client.request("resources/list", json!({}));
        let uris: Vec<_> = listed["result"]["resources"]
            .as_array()
            .expect("resources")
            .iter()
            .map(|r| &r["uri"])
            .collect();
        let of_scene = format!("shm://buffers/{}", scene.id());
        assert_eq!(uris, ["shm://store", &format!("shm://pools/{}", pool.id()), &of_scene]);
        let templates = client.request("resources/templates/list", json!({}));
        let templates = &templates["result"]["resourceTemplates"];
        assert_eq!(
            [&templates[0]["uriTemplate"], &templates[1]["uriTemplate"]],
            ["shm://buffers/{id}", "shm://pools/{name}"]
        );
        for uri in [of_scene.as_str(), "shm://buffers/hero%2Fbody"] {
            let described = read(&mut client, uri);
            assert_eq!(described["descriptor"]["id"], json!(scene.id()));
            assert!(described["code"].is_string());
        }
        assert_eq!(read(&mut client, "shm://pools/frames")["pools"][0]["free"], 2);
        assert_eq!(
            read(&mut client, "shm://store")["buffers_by_kind"]["Geometry"]["count"],
            1
        );
        for uri in [
            "shm://buffers/nope",
            "shm://pools/hero%2Fbody",
            "shm://nope",
            "file:///etc/passwd",
        ] {
            let answer = client.request("resources/read", json!({"uri": uri}));
            assert!(
                answer["error"]["message"].as_str().is_some_and(|text| text.len() > 20),
                "{answer}"
            );
        }
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn a_listing_of_many_comes_in_pages() {
    let (_parent, store) = store();
    for index in 0..120 {
        share(&store, &format!("mesh {index}"));
    }
    let mut client = Client::start(store.path(), Era::Stateless);
    let first = client.request("resources/list", json!({}))["result"].clone();
    let second = client.request("resources/list", json!({"cursor": first["nextCursor"]}))["result"].clone();
    let count = |page: &Value| page["resources"].as_array().map_or(0, Vec::len);
    assert_eq!(
        (count(&first), count(&second), second.get("nextCursor")),
        (101, 20, None)
    );
    let refused = client.request("resources/list", json!({"cursor": "zzz"}));
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
}

/// The next message, which must be one of these notifications; the others are passed over.
fn expect(client: &mut Client, method: &str, uri: Option<&str>) -> Value {
    loop {
        let message = client.answer();
        let fits = message["method"] == method && uri.is_none_or(|uri| message["params"]["uri"] == uri);
        if fits {
            return message;
        }
        assert!(message.get("id").is_none(), "{message}");
    }
}

const LISTED: &str = "notifications/resources/list_changed";
const UPDATED: &str = "notifications/resources/updated";

#[test]
fn a_session_is_told_of_what_it_listed_and_subscribed_to() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    client.request("resources/list", json!({}));
    let first = share(&store, "hero");
    expect(&mut client, LISTED, None);
    for uri in ["shm://store", "shm://buffers/hero"] {
        assert!(
            client
                .request_among("resources/subscribe", json!({"uri": uri}))
                .get("error")
                .is_none()
        );
    }
    let refused = client.request_among("resources/subscribe", json!({"uri": "shm://nope"}));
    assert!(
        refused["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("shm://store")),
        "{refused}"
    );
    // The name goes over to another buffer.
    let options = BufferOptions::default().name("hero").replace(true);
    SharedSceneBuffer::write(&store, b"new", &options).expect("a scene");
    expect(&mut client, UPDATED, Some("shm://buffers/hero"));
    expect(&mut client, UPDATED, Some("shm://store"));
    for uri in ["shm://store", "shm://buffers/hero"] {
        client.request_among("resources/unsubscribe", json!({"uri": uri}));
    }
    drop(first);
    store.delete(&"hero".parse().expect("a name")).expect("deleted");
    expect(&mut client, LISTED, None);
    // What was published is told of again once its name is seen.
    assert_eq!(client.end_unread(None).code(), Some(0));
}

/// A session that wants to know of one buffer, by its name.
fn subscribed(store: &Store, name: &str) -> Client {
    let mut client = Client::start(store.path(), Era::Session);
    let uri = format!("shm://buffers/{name}");
    let answer = client.request("resources/subscribe", json!({"uri": uri}));
    assert!(answer.get("error").is_none(), "{answer}");
    client
}

fn replace(store: &Store, name: &str) {
    let options = BufferOptions::default().name(name).replace(true);
    SharedSceneBuffer::write(store, b"new", &options).expect("a scene");
}

#[test]
fn a_store_that_was_refused_for_a_while_is_followed_again() {
    let (_parent, store) = store();
    share(&store, "hero");
    let mut client = subscribed(&store, "hero");
    let list = json!({"name": "list_buffers", "arguments": {}});
    let refused = |client: &mut Client| client.request_among("tools/call", list.clone())["result"]["isError"] == true;
    for mode in [0o755, 0o700] {
        fs::set_permissions(store.path(), Permissions::from_mode(mode)).expect("its owner");
        assert_eq!(refused(&mut client), mode == 0o755);
    }
    replace(&store, "hero");
    expect(&mut client, UPDATED, Some("shm://buffers/hero"));
}

#[test]
fn a_store_in_the_place_of_another_is_followed_by_who_reads_a_resource() {
    let (_parent, store) = store();
    share(&store, "hero");
    let mut client = subscribed(&store, "hero");
    fs::remove_dir_all(store.path()).expect("removed");
    let store = Store::open(&StoreOptions::at(store.path())).expect("another store");
    share(&store, "hero");
    let answer = client.request_among("resources/read", json!({"uri": "shm://buffers/hero"}));
    assert!(answer["result"].is_object(), "{answer}");
    // What was told of the change of stores comes before.
    client.request_among("resources/list", json!({}));
    replace(&store, "hero");
    expect(&mut client, UPDATED, Some("shm://buffers/hero"));
}

#[test]
fn a_listening_request_is_told_of_what_it_asked_for() {
    let (_parent, store) = store();
    let scene = share(&store, "hero");
    let uri = format!("shm://buffers/{}", scene.id());
    let mut client = Client::start(store.path(), Era::Stateless);
    let wanted =
        json!({"resourcesListChanged": true, "resourceSubscriptions": [uri, "shm://nope"], "toolsListChanged": true});
    let id = client.begin("subscriptions/listen", json!({"notifications": wanted}));
    let accepted = expect(&mut client, "notifications/subscriptions/acknowledged", None);
    assert_eq!(
        accepted["params"]["notifications"],
        json!({"resourcesListChanged": true, "resourceSubscriptions": [uri]})
    );
    // Answered after the subscription has begun; what it tells may come before.
    client.request_among("tools/call", json!({"name": "list_buffers", "arguments": {}}));
    store.delete(&scene.id().into()).expect("deleted");
    expect(&mut client, UPDATED, Some(&uri));
    share(&store, "other");
    expect(&mut client, LISTED, None);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    // What was published is told of again once its name is seen.
    assert_eq!(client.end_unread(None).code(), Some(0));
}

#[test]
fn who_only_lists_is_told_of_nothing_without_a_session() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Stateless);
    client.request("resources/list", json!({}));
    for name in ["hero", "prop"] {
        share(&store, name);
        // The next line is its answer, and behind the last there is none.
        client.request("resources/list", json!({}));
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn prompts_are_filled_in_and_their_arguments_checked() {
    for era in ERAS {
        let (_parent, store) = store();
        let mut client = Client::start(store.path(), era);
        let listed = client.request("prompts/list", json!({}));
        let names: Vec<_> = listed["result"]["prompts"]
            .as_array()
            .expect("prompts")
            .iter()
            .map(|p| &p["name"])
            .collect();
        assert_eq!(names, ["explain_store", "share_selection"]);
        let text = |answer: &Value| {
            answer["result"]["messages"][0]["content"]["text"]
                .as_str()
                .unwrap_or("")
                .to_owned()
        };
        let explain = text(&client.request("prompts/get", json!({"name": "explain_store"})));
        assert!(explain.contains("store_status"), "{explain}");
        let get = |client: &mut Client, dcc: &str| {
            client.request(
                "prompts/get",
                json!({"name": "share_selection", "arguments": {"dcc": dcc}}),
            )
        };
        let blender = text(&get(&mut client, "blender"));
        assert!(
            blender.contains("blender.share(")
                && blender.contains("source_dcc \"Blender\"")
                && blender.contains("`for` \"blender\""),
            "{blender}"
        );
        let maya = text(&get(&mut client, "Maya"));
        assert!(
            maya.contains("source_dcc=\"Maya\"")
                && !maya.contains("`for`")
                && !maya.contains('{'.to_string().repeat(2).as_str()),
            "{maya}"
        );
        for (dcc, own, data) in [
            ("Blender", "blender.share(", "selection/"),
            ("Maya", "import maya.api.OpenMaya", "corner_vert"),
            ("Houdini", "import hou", "corner_vert"),
            ("Nuke", "import nuke", "pixels"),
        ] {
            let prompt = text(&get(&mut client, dcc));
            assert!(prompt.contains(own) && prompt.contains(data), "{prompt}");
            let argument = format!("store=Store(\"{}\")", store.path().display());
            assert!(
                prompt.contains(&argument) && prompt.contains("import Store, "),
                "{prompt}"
            );
            assert!(dcc != "Nuke" || !prompt.contains("corner_vert"), "{prompt}");
            assert!(!prompt.contains("{store}") && !prompt.contains("{Store}"), "{prompt}");
        }
        for (name, dcc) in [("share_selection", "\"; rm -rf /"), ("nope", "Maya")] {
            let params = json!({"name": name, "arguments": {"dcc": dcc}});
            let answer = client.request("prompts/get", params);
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
        }
    }
}

#[test]
fn names_and_ids_are_completed() {
    for era in ERAS {
        let (_parent, store) = store();
        let scene = share(&store, "Hero/body");
        share(&store, "prop");
        BufferPool::create(&store, 1, 64, &BufferOptions::default().name("frames").persistent(true)).expect("a pool");
        let mut client = Client::start(store.path(), era);
        let mut complete = |reference: Value, name: &str, value: &str| {
            let params = json!({"ref": reference, "argument": {"name": name, "value": value}});
            client.request("completion/complete", params)["result"]["completion"]["values"].clone()
        };
        let buffers = json!({"type": "ref/resource", "uri": "shm://buffers/{id}"});
        assert_eq!(complete(buffers.clone(), "id", "he"), json!(["Hero/body"]));
        let id = scene.id().to_string();
        assert_eq!(complete(buffers.clone(), "id", &id[..13]), json!([id]));
        assert_eq!(complete(buffers.clone(), "id", "").as_array().map(Vec::len), Some(4));
        assert_eq!(complete(buffers, "size", ""), json!([]));
        let pools = json!({"type": "ref/resource", "uri": "shm://pools/{name}"});
        assert_eq!(complete(pools, "name", "fra"), json!(["frames"]));
        let prompt = json!({"type": "ref/prompt", "name": "share_selection"});
        assert_eq!(complete(prompt, "dcc", "m"), json!(["Maya"]));
    }
}
