//! `read_descriptor` gives an answer again while it is right: always what a server that has just started would say.

use std::fs;

use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, Store};
use serde_json::{Value, json};

use crate::client::{Client, Era};
use crate::scenes::store;

fn named(name: &str) -> BufferOptions {
    BufferOptions::default().name(name)
}

/// The whole answer to `read_descriptor`, be it an error.
fn answer(client: &mut Client, reference: &Value) -> Value {
    let params = json!({"name": "read_descriptor", "arguments": {"buffer": reference}});
    client.request("tools/call", params)["result"].clone()
}

/// Asks twice after what was done, and a new server once.
fn is_right(client: &mut Client, store: &Store, reference: &Value) -> Value {
    let mut new = Client::start(store.path(), Era::Session);
    let expected = answer(&mut new, reference);
    assert_eq!(answer(client, reference), expected);
    assert_eq!(answer(client, reference), expected);
    assert_eq!(new.end().code(), Some(0));
    expected
}

#[test]
fn whatever_happens_to_a_scene_is_seen_at_once() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let scene = SharedSceneBuffer::write(&store, b"vertices", &named("hero")).expect("a scene");
    let (id, name) = (json!(scene.id()), json!("hero"));
    let both = |client: &mut Client| [&id, &name].map(|reference| is_right(client, &store, reference));
    let descriptor = |answer: &Value| answer["structuredContent"]["descriptor"].clone();

    let held = both(&mut client).map(|answer| descriptor(&answer));
    assert!(
        held.iter()
            .all(|held| held.get("expires").is_none() && held["name"] == "hero")
    );
    drop(scene);
    let left = both(&mut client).map(|answer| descriptor(&answer));
    assert!(left.iter().all(|left| left["expires"].is_string()));

    for ttl in [7200.0, 0.0, 900.0] {
        let seconds = std::time::Duration::from_secs_f64(ttl);
        store
            .set_ttl(
                &serde_json::from_value(id.clone())
                    .map(dcc_mcp_shm::Reference::Id)
                    .expect("an id"),
                seconds,
            )
            .expect("changed");
        let kept = both(&mut client).map(|answer| descriptor(&answer));
        assert!(
            kept.iter()
                .all(|kept| kept["ttl_seconds"] == ttl && kept["expires"].is_string() == (ttl > 0.0))
        );
    }

    let options = named("hero").ttl(std::time::Duration::ZERO).replace(true);
    let successor = SharedSceneBuffer::write(&store, b"other", &options).expect("a scene");
    let [old, new] = both(&mut client);
    assert_eq!(old["isError"], true);
    assert_eq!(descriptor(&new)["id"], json!(successor.id()));
    assert_eq!(descriptor(&new)["ttl_seconds"], 0.0);

    let successor = json!(successor.id());
    is_right(&mut client, &store, &successor);
    let links = fs::read_dir(store.path()).expect("the store");
    let link = links
        .map(|entry| entry.expect("a file").path())
        .find(|path| path.extension() == Some("name".as_ref()));
    fs::remove_file(link.expect("a name")).expect("a link");
    assert!(
        descriptor(&is_right(&mut client, &store, &successor))
            .get("name")
            .is_none()
    );
    assert_eq!(is_right(&mut client, &store, &name)["isError"], true);

    fs::rename(store.path(), store.path().with_extension("old")).expect("a new place");
    assert_eq!(answer(&mut client, &successor)["isError"], true);
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn a_descriptor_of_another_generation_is_refused_also_when_the_scene_is_known() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let scene = SharedSceneBuffer::write(&store, b"vertices", &named("hero")).expect("a scene");
    let known = is_right(&mut client, &store, &json!("hero"));
    let mut descriptor = known["structuredContent"]["descriptor"].clone();
    assert_eq!(is_right(&mut client, &store, &descriptor), known);
    descriptor["generation"] = json!(7);
    assert_eq!(is_right(&mut client, &store, &descriptor)["isError"], true);
    drop(scene);
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn many_scenes_are_not_mixed_up() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let write = |number| SharedSceneBuffer::write(&store, b"scene", &named(&format!("scene {number}")));
    let ids: Vec<_> = (0..40).map(|number| write(number).expect("a scene").id()).collect();
    for _ in 0..3 {
        for (number, id) in ids.iter().enumerate() {
            let (described, _) = client.call("read_descriptor", json!({"buffer": id}));
            assert_eq!(described["descriptor"]["id"], json!(id));
            assert_eq!(described["descriptor"]["name"], format!("scene {number}"));
        }
    }
    assert_eq!(client.end().code(), Some(0));
}
