//! What models really send: buffers named otherwise than they are, and arguments of nearly the right type.

use std::cell::RefCell;

use dcc_mcp_shm::{BufferOptions, BufferPool, SceneDataKind, SharedSceneBuffer, Store};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::client::{Client, Era};
use crate::scenes::{in_both_eras, store};

/// Tools that look at one buffer.
const LOOKS: [&str; 4] = ["read_descriptor", "describe_buffer", "read_buffer", "wait_for_buffer"];

fn named(store: &Store, name: &str) -> SharedSceneBuffer {
    SharedSceneBuffer::write(store, b"data", &BufferOptions::default().name(name)).expect("a scene")
}

/// The id of the buffer that a result is about.
fn id_in(result: &Value) -> Option<&Value> {
    let listed = result["buffers"].get(0).map(|buffer| &buffer["id"]);
    listed
        .or_else(|| result.get("id"))
        .or_else(|| result["descriptor"].get("id"))
}

/// A descriptor as JSON, as the server gives it.
fn descriptor(scene: &SharedSceneBuffer) -> Value {
    serde_json::from_str(&scene.descriptor().expect("a descriptor").to_json()).expect("JSON")
}

/// References by which exactly this buffer is meant, however they are wrapped.
fn exact(client: &mut Client, scene: &SharedSceneBuffer, name: &str) -> Vec<Value> {
    let (id, whole) = (scene.id().to_string(), descriptor(scene));
    let (page, _) = client.call("list_buffers", json!({"name": name}));
    let (told, _) = client.call("read_descriptor", json!({"buffer": id}));
    let mut references = vec![
        page["buffers"][0].clone(),
        told,
        page,
        json!({"descriptor": whole}),
        json!({"descriptor": whole.to_string()}),
        json!({"buffer": {"id": id}}),
        json!({"result": {"descriptor": whole}}),
        json!(format!("```json\n{whole:#}\n```")),
        json!({"id": id, "path": whole["path"]}),
        json!({"version": 1, "id": id}),
        json!({"path": whole["path"]}),
        whole["path"].clone(),
        json!(format!("file://{}", whole["path"].as_str().expect("text"))),
        json!(format!("{id}.shm")),
        whole,
        json!({"uri": format!("shm://buffers/{id}")}),
        json!(format!("{{{id}}}")),
        json!(format!("urn:uuid:{id}")),
        json!(scene.id().simple().to_string()),
        json!(id.to_uppercase()),
    ];
    for text in [
        id.as_str(),
        name,
        &format!("shm://buffers/{id}"),
        &format!("shm://buffers/{name}"),
    ] {
        references.extend([json!(text), json!([text]), json!({"id": text}), json!({"name": text})]);
        for around in [
            "  {} ",
            "{}\n",
            "\"{}\"",
            "'{}'",
            "`{}`",
            "\"{}\"\n",
            " “{}” ",
            "```\n{}\n```",
        ] {
            references.push(json!(around.replace("{}", text)));
        }
    }
    references
}

/// References that are near to a buffer and to no other.
fn near(scene: &SharedSceneBuffer) -> Vec<Value> {
    let (id, whole) = (scene.id().to_string(), descriptor(scene));
    vec![
        json!("SET/HERO"),
        json!("hero"),
        json!("Hero"),
        json!("/HERO"),
        json!(" \"hero\" "),
        json!({"name": "hero"}),
        json!("shm://buffers/hero"),
        json!(id[..8]),
        json!(id[..6].to_uppercase()),
        json!(format!("{}…", &id[..13])),
        json!({"id": id[..8]}),
        json!(format!("The buffer is {id}, from Blender.")),
        json!(format!("id: {id}")),
        json!(format!("- {id} name \"Set/Hero\": Geometry, sealed")),
        json!(format!(
            "Here is the descriptor:\n\n```json\n{whole:#}\n```\nUse it as it is."
        )),
        json!(format!("the file {}", whole["path"].as_str().expect("text"))),
        json!("the buffer \"Set/Hero\""),
        json!("name: Set/Hero"),
        json!("buffer Set/Hero."),
    ]
}

#[test]
fn every_look_finds_the_one_buffer_that_is_meant() {
    let (_parent, store) = store();
    let scene = named(&store, "Set/Hero");
    named(&store, "Set/Chair");
    let mut client = Client::start(store.path(), Era::Session);
    for reference in exact(&mut client, &scene, "Set/Hero").into_iter().chain(near(&scene)) {
        for tool in LOOKS {
            // A name that nothing has may come to be one, so it is waited for and not guessed.
            let waits = tool == "wait_for_buffer";
            let arguments = if waits {
                json!({"buffer": reference, "timeout_seconds": 0})
            } else {
                json!({"buffer": reference})
            };
            let (result, text) = client.call(tool, arguments);
            if waits && result["timed_out"] == true {
                assert!(text.contains("Set/Hero"), "{reference}: {text}");
                continue;
            }
            if let Some(found) = id_in(&result) {
                assert_eq!(*found, json!(scene.id()), "{tool} {reference}");
            }
            assert!(id_in(&result).is_some() || !waits, "{reference}: {result}");
        }
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn what_deletes_takes_exact_references_and_names_what_is_near() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Stateless);
    let scene = named(&store, "Set/Hero");
    for reference in near(&scene) {
        let error = client.error("delete_buffer", json!({"buffer": reference}));
        assert!(error.contains(&scene.id().to_string()), "{reference}: {error}");
        assert!(error.contains("Nothing was deleted"), "{reference}: {error}");
    }
    assert_eq!(store.list().expect("a listing").buffers.len(), 1);
    let number = exact(&mut client, &scene, "Set/Hero").len();
    store.delete(&scene.id().into()).expect("deleted");
    for at in 0..number {
        let scene = named(&store, "Set/Hero");
        let reference = exact(&mut client, &scene, "Set/Hero").swap_remove(at);
        let (deleted, _) = client.call("delete_buffer", json!({"buffer": reference}));
        assert_eq!(deleted["id"], json!(scene.id()), "{reference}");
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn a_name_that_is_there_comes_before_all_that_is_near() {
    in_both_eras(|store, client| {
        // Each is also another's name without what is around it.
        let names = [
            "hero",
            "Hero",
            " hero ",
            "\"hero\"",
            "set/hero",
            "`set/hero`",
            "[hero",
            "abcdef",
        ];
        let scenes = names.map(|name| named(store, name));
        for (name, scene) in names.iter().zip(&scenes) {
            for tool in ["read_descriptor", "describe_buffer"] {
                let (found, _) = client.call(tool, json!({"buffer": name}));
                let id = id_in(&found).cloned().unwrap_or_else(|| json!(scene.id()));
                assert_eq!(id, json!(scene.id()), "{tool} {name}");
            }
        }
        for (name, scene) in names.iter().zip(&scenes) {
            let (deleted, _) = client.call("delete_buffer", json!({"buffer": name}));
            assert_eq!(deleted["id"], json!(scene.id()), "{name}");
        }
    });
}

#[test]
fn what_may_be_several_is_asked_back() {
    in_both_eras(|store, client| {
        let scenes = ["a/Hero", "b/hero"].map(|name| named(store, name));
        for reference in [json!("hero"), json!("HERO"), json!({"name": "hero"})] {
            for tool in [
                "read_descriptor",
                "describe_buffer",
                "read_buffer",
                "view_image",
                "delete_buffer",
            ] {
                let error = client.error(tool, json!({"buffer": reference}));
                for scene in &scenes {
                    assert!(error.contains(&scene.id().to_string()), "{tool} {reference}: {error}");
                }
                assert!(error.contains("a/Hero") && error.contains("b/hero"), "{error}");
            }
        }
        let both = format!("{} and {}", scenes[0].id(), scenes[1].id());
        let error = client.error("read_descriptor", json!({"buffer": both}));
        assert!(
            error.contains("it names 2") && error.contains("one at a time"),
            "{error}"
        );
        let error = client.error("read_descriptor", json!({"buffer": ["a/Hero", "b/hero"]}));
        assert!(error.contains("one at a time"), "{error}");
        assert_eq!(store.list().expect("a listing").buffers.len(), 2);
    });
}

#[test]
fn a_slip_is_told_with_the_nearest_names() {
    in_both_eras(|store, client| {
        let scene = named(store, "set/hero_body");
        named(store, "lamp");
        for slip in ["hero_bdoy", "herobody", "hero_bod", "set/hero-body"] {
            let error = client.error("read_descriptor", json!({"buffer": slip}));
            let expected = format!("the nearest: \"set/hero_body\" ({})", scene.id());
            assert!(error.contains(&expected) && !error.contains("lamp"), "{slip}: {error}");
            assert!(error.contains("list_buffers"), "{error}");
        }
        let error = client.error("read_descriptor", json!({"buffer": "something else"}));
        assert!(!error.contains("nearest"), "{error}");
    });
}

#[test]
fn a_buffer_of_another_store_is_told_as_such() {
    let (_parent, store) = store();
    let (_other_parent, other) = crate::scenes::store();
    let scene = named(&other, "hero");
    let mut client = Client::start(store.path(), Era::Session);
    let whole = descriptor(&scene);
    for reference in [
        whole.clone(),
        whole["path"].clone(),
        json!({"id": scene.id(), "path": whole["path"]}),
    ] {
        for tool in ["read_descriptor", "delete_buffer"] {
            let error = client.error(tool, json!({"buffer": reference}));
            assert!(
                error.contains(other.path().to_str().expect("UTF-8")),
                "{reference}: {error}"
            );
        }
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn pools_are_found_in_the_same_ways() {
    in_both_eras(|store, client| {
        let pool = BufferPool::create(store, 1, 64, &BufferOptions::default().name("View/Frames")).expect("a pool");
        let id = pool.id().to_string();
        for reference in [
            json!("View/Frames"),
            json!(" \"View/Frames\"\n"),
            json!("frames"),
            json!(id[..8]),
            json!({"id": id}),
            json!({"name": "view/frames"}),
            json!(format!("shm://pools/{id}")),
        ] {
            let (found, _) = client.call("pool_status", json!({"pool": reference}));
            assert_eq!(found["pools"][0]["id"], json!(id), "{reference}");
        }
        for nothing in [json!(null), json!(""), json!("null")] {
            let (all, _) = client.call("pool_status", json!({"pool": nothing}));
            assert_eq!(all["total_count"], 1);
        }
        let error = client.error("pool_status", json!({"pool": "framse"}));
        assert!(error.contains("`pool`") && error.contains("\"View/Frames\""), "{error}");
    });
}

#[test]
fn a_wait_names_what_is_there_instead() {
    in_both_eras(|store, client| {
        let scene = named(store, "Hero");
        let (waited, text) = client.call("wait_for_buffer", json!({"buffer": "hero", "timeout_seconds": "0"}));
        assert_eq!(waited["timed_out"], true);
        let told = format!("\"Hero\" ({})", scene.id());
        assert!(text.contains(&told) && waited["near"][0] == json!(told), "{text}");
        let (waited, _) = client.call("wait_for_buffer", json!({"buffer": " Hero\n"}));
        assert_eq!(waited["buffers"][0]["id"], json!(scene.id()));
        let (waited, _) = client.call("wait_for_buffer", json!({"buffer": scene.id().to_string()[..8]}));
        assert_eq!(waited["buffers"][0]["id"], json!(scene.id()));
    });
}

#[test]
fn what_says_more_than_a_name_is_not_taken_for_it() {
    let (_parent, store) = store();
    let scene = named(&store, "hero");
    named(&store, "set/chair");
    let client = RefCell::new(Client::start(store.path(), Era::Session));
    let mut runner = TestRunner::new(Config {
        cases: 60,
        ..Config::default()
    });
    let more = "[a-z]{1,7}|[0-9]{1,3}|\\(deleted\\)|anything but|v[0-9]|the other|not";
    let name = select(vec!["hero", "\"hero\"", "Hero", "chair"]);
    let done = runner.run(&(more, name, any::<bool>()), |(more, name, is_behind)| {
        prop_assume!(
            ![
                "a", "an", "the", "this", "that", "my", "our", "please", "is", "it", "called", "named", "name",
                "buffer", "scene", "mesh", "pool", "id", "uuid", "file", "path", "uri", "shared", "show"
            ]
            .contains(&&*more)
        );
        let mut client = client.borrow_mut();
        let text = if is_behind {
            format!("{name} {more}")
        } else {
            format!("{more} {name}")
        };
        for tool in [
            "read_descriptor",
            "describe_buffer",
            "read_buffer",
            "view_image",
            "delete_buffer",
        ] {
            let error = client.error(tool, json!({"buffer": text}));
            let nearest = if name == "chair" {
                "set/chair".to_owned()
            } else {
                scene.id().to_string()
            };
            prop_assert!(error.contains(&nearest), "{tool} {text}: {error}");
        }
        let (waited, told) = client.call("wait_for_buffer", json!({"buffer": text, "timeout_seconds": 0}));
        prop_assert_eq!(&waited["timed_out"], true);
        prop_assert!(told.contains("under another name"), "{told}");
        Ok(())
    });
    done.unwrap_or_else(|error| unreachable!("{error}"));
    for denied in ["anything but", "not", "the one other than", "everything except"] {
        let text = format!("{denied} {}", scene.id());
        let error = client.borrow_mut().error("read_descriptor", json!({"buffer": text}));
        assert!(error.contains("Nothing is shared as"), "{error}");
    }
    assert_eq!(client.into_inner().end().code(), Some(0));
}

#[test]
fn a_kind_beside_a_name_has_to_be_that_of_the_buffer() {
    in_both_eras(|store, client| {
        let options = BufferOptions::new(SceneDataKind::Geometry).name("hero");
        let id = SharedSceneBuffer::write(store, b"data", &options)
            .expect("a scene")
            .id();
        for text in ["Geometry hero", "the geometry \"hero\"", "hero (Geometry)"] {
            let (found, _) = client.call("read_descriptor", json!({"buffer": text}));
            assert_eq!(found["descriptor"]["id"], json!(id), "{text}");
        }
        for text in [
            "screenshot hero",
            "the AnimationCache hero",
            "hero (Screenshot)",
            "geometry screenshot hero",
        ] {
            let error = client.error("read_descriptor", json!({"buffer": text}));
            assert!(error.contains(&id.to_string()), "{text}: {error}");
        }
    });
}

#[test]
fn an_answer_says_what_a_reference_was_taken_for() {
    in_both_eras(|store, client| {
        let scene = named(store, "Set/Hero");
        let pool = BufferPool::create(store, 1, 64, &BufferOptions::default().name("Frames")).expect("a pool");
        let (id, path) = (scene.id().to_string(), descriptor(&scene)["path"].clone());
        for exact in [
            json!("Set/Hero"),
            json!(id),
            json!({"name": "Set/Hero"}),
            json!(id.to_uppercase()),
            path,
        ] {
            for tool in LOOKS {
                let (result, text) = client.call(tool, json!({"buffer": exact}));
                assert!(
                    !text.contains("taken for") && result["taken_for"].is_null(),
                    "{exact}: {text}"
                );
            }
        }
        let whole = format!("The buffer is {id}, from Blender.");
        for (given, called) in [
            ("Set/Hero ", "Set/Hero"),
            (" Set/Hero", "Set/Hero"),
            ("\"Set/Hero\"", "Set/Hero"),
            ("hero", "Set/Hero"),
            ("SET/HERO", "Set/Hero"),
            ("the mesh Set/Hero", "Set/Hero"),
            (&id[..9], "Set/Hero"),
            (&whole, &id),
        ] {
            for tool in ["read_descriptor", "describe_buffer", "read_buffer"] {
                let (result, text) = client.call(tool, json!({"buffer": given}));
                assert!(text.contains(" taken for ") && text.contains(called), "{given}: {text}");
                assert_eq!(result["taken_for"], json!(called), "{given}");
            }
        }
        let error = client.error("view_image", json!({"buffer": "HERO"}));
        assert!(error.starts_with("\"HERO\" taken for \"Set/Hero\". "), "{error}");
        let (found, text) = client.call("pool_status", json!({"pool": "frames"}));
        assert!(text.starts_with("\"frames\" taken for \"Frames\""), "{text}");
        assert_eq!(found["pools"][0]["id"], json!(pool.id()));
        for tool in ["keep_buffer", "delete_buffer"] {
            let (kept, text) = client.call(tool, json!({"buffer": "Set/Hero "}));
            assert!(text.starts_with("\"Set/Hero \" taken for"), "{text}");
            assert_eq!(kept["id"], json!(id));
        }
    });
}

#[test]
fn what_changes_says_what_it_has_not_done() {
    in_both_eras(|store, client| {
        named(store, "Hero");
        for (tool, unchanged) in [
            ("delete_buffer", "Nothing was deleted."),
            ("keep_buffer", "Nothing was changed."),
        ] {
            let error = client.error(tool, json!({"buffer": "hero"}));
            assert!(error.contains(unchanged), "{tool}: {error}");
        }
    });
}

#[test]
fn an_object_says_a_buffer_in_any_case() {
    in_both_eras(|store, client| {
        let scene = named(store, "hero");
        let id = scene.id();
        for reference in [
            json!({"ID": id}),
            json!({"Id": id}),
            json!({"UUID": id}),
            json!({"Name": "hero"}),
            json!({"bufferId": id}),
            json!({"Buffer": {"ID": id}}),
            json!({"Descriptor": descriptor(&scene)}),
        ] {
            let (found, _) = client.call("read_descriptor", json!({"buffer": reference}));
            assert_eq!(found["descriptor"]["id"], json!(id), "{reference}");
        }
        let error = client.error("read_descriptor", json!({"buffer": {"colour": "red"}}));
        assert!(
            !error.contains("another implementation") && error.contains("`id`"),
            "{error}"
        );
    });
}

#[test]
fn an_id_with_slips_is_told_with_the_nearest() {
    in_both_eras(|store, client| {
        let scene = named(store, "hero");
        let id = scene.id().to_string();
        let other = |c: char| if c == '0' { '1' } else { '0' };
        for at in [0, 7, 20, 28] {
            let wrong = |to: String| format!("{}{to}{}", &id[..at], &id[at + 1..]);
            let digit = id.as_bytes()[at] as char;
            for slip in [
                wrong(other(digit).to_string()),
                wrong(String::new()),
                wrong("z".to_owned()),
            ] {
                for tool in ["read_descriptor", "delete_buffer", "wait_for_buffer"] {
                    let arguments = json!({"buffer": slip});
                    let error = match tool {
                        "wait_for_buffer" if slip.len() < 36 || slip.contains('z') => continue,
                        _ => client.error(tool, arguments),
                    };
                    assert!(error.contains(&id), "{tool} {slip}: {error}");
                }
            }
        }
    });
}

#[test]
fn a_resource_that_is_not_there_is_told_with_the_nearest() {
    in_both_eras(|store, client| {
        let scene = named(store, "hero");
        for near in ["Hero", "her", "hero_2", &scene.id().to_string().replace('-', "")[..31]] {
            let answer = client.request("resources/read", json!({"uri": format!("shm://buffers/{near}")}));
            let error = answer["error"]["message"].as_str().expect("an error");
            assert!(error.contains(&scene.id().to_string()), "{near}: {error}");
        }
    });
}

#[test]
fn a_filter_that_nothing_matches_is_told_with_what_is_near() {
    in_both_eras(|store, client| {
        let empty = client.call("list_buffers", json!({"group": "shot"})).1;
        assert!(empty.starts_with("The store has no buffers."), "{empty}");
        for (name, group, program) in [
            ("hero", "shot010", "Blender 4.2"),
            ("set/chair", "shot020", "Houdini 20.5"),
        ] {
            let options = BufferOptions::new(SceneDataKind::Geometry);
            let options = options.name(name).group(group).source_dcc(program);
            SharedSceneBuffer::write(store, b"data", &options).expect("a scene");
        }
        for (filter, near) in [
            (
                json!({"group": "SHOT010"}),
                "of group \"SHOT010\"; the nearest: \"shot010\"",
            ),
            (json!({"group": "shot"}), "the nearest: \"shot010\", \"shot020\""),
            (json!({"group": "lamp"}), "there are \"shot010\", \"shot020\""),
            (json!({"source_dcc": "Blendr"}), "the nearest: \"Blender 4.2\""),
            (
                json!({"name": "hero*"}),
                "the nearest: \"hero\". `name` is a part of a name, without wildcards",
            ),
            (json!({"name": "heroo", "kind": "Geometry"}), "the nearest: \"hero\""),
            (json!({"kind": "Screenshot"}), "of kind Screenshot; there are Geometry"),
        ] {
            let (page, text) = client.call("list_buffers", &filter);
            assert!(text.starts_with("No buffers match, and there are 2 others. "), "{text}");
            assert!(text.contains(near) && !text.contains("publish"), "{filter}: {text}");
            assert!(
                page["unmatched"][0].as_str().is_some_and(|told| told.contains(near)),
                "{page}"
            );
            let mut waited = filter.clone();
            waited["timeout_seconds"] = json!(0);
            let (waited, text) = client.call("wait_for_buffer", waited);
            assert!(
                text.contains(near) && waited["notes"] == page["unmatched"],
                "{filter}: {text}"
            );
        }
        let both = json!({"name": "hero", "group": "shot020"});
        let (_, text) = client.call("list_buffers", both);
        assert!(text.contains("Each filter alone matches some"), "{text}");
    });
}

#[test]
fn a_group_a_kind_and_a_program_are_told_as_such() {
    in_both_eras(|store, client| {
        let options = BufferOptions::new(SceneDataKind::Geometry)
            .group("shot010")
            .source_dcc("Blender");
        SharedSceneBuffer::write(store, b"data", &options).expect("a scene");
        for (given, field, value) in [
            ("shot010", "group", "shot010"),
            ("SHOT010", "group", "shot010"),
            ("blender", "source_dcc", "Blender"),
            ("geometry", "kind", "Geometry"),
            ("Screenshot", "kind", "Screenshot"),
        ] {
            let error = client.error("describe_buffer", json!({"buffer": given}));
            let told = format!("call list_buffers with {value:?} as `{field}`");
            assert!(error.contains(&told), "{given}: {error}");
        }
    });
}

#[test]
fn any_name_is_found_however_it_is_wrapped() {
    let (_parent, store) = store();
    let client = RefCell::new(Client::start(store.path(), Era::Session));
    let wrappings = ["{}", " {}", "{}\n", "\"{}\"", "`{}`", "'{}'", "\n\"{}\" "];
    let mut runner = TestRunner::new(Config {
        cases: 60,
        ..Config::default()
    });
    let names = "[A-Za-z頭é0-9][A-Za-z0-9 _./|:頭é'(){}\\[\\]-]{0,20}[A-Za-z0-9頭é]";
    let done = runner.run(&(names, select(wrappings.to_vec())), |(name, wrapping)| {
        // Such a name is an id for everybody.
        prop_assume!(uuid::Uuid::try_parse(&name).is_err());
        let mut client = client.borrow_mut();
        let scene = named(&store, &name);
        let wrapped = wrapping.replace("{}", &name);
        for reference in [json!(wrapped), json!({"name": wrapped})] {
            let (found, _) = client.call("read_descriptor", json!({"buffer": reference}));
            prop_assert_eq!(&found["descriptor"]["id"], &json!(scene.id()), "{}", reference);
        }
        // A filter is a part of a name, and quotes may be one.
        if !name.contains('\'') {
            let (page, _) = client.call("list_buffers", json!({"name": wrapped}));
            prop_assert_eq!(&page["total_count"], 1, "{:?}", wrapped);
        }
        let (deleted, _) = client.call("delete_buffer", json!({"buffer": wrapped}));
        prop_assert_eq!(&deleted["id"], &json!(scene.id()));
        Ok(())
    });
    done.unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(client.into_inner().end().code(), Some(0));
}

#[test]
fn values_of_nearly_the_right_type_are_taken() {
    in_both_eras(|_, client| {
        let (made, _) = client.call(
            "create_buffer",
            json!({
                "arrays": "{\"pixels\": {\"dtype\": \"float32\", \"shape\": \"[4, 6, 3]\", \"domain\": \"Frame\"}}",
                "attrs": "{\"firstRow\": \"bottom\"}", "kind": "screenshot", "name": " shot \n", "group": "null",
                "ttl_seconds": "60", "replace": "False", "capacity": null, "text": "", "base64": "null",
            }),
        );
        let descriptor = &made["descriptor"];
        assert_eq!([&descriptor["name"], &descriptor["kind"]], ["shot", "Screenshot"]);
        assert_eq!(descriptor["arrays"]["pixels"]["shape"], json!([4, 6, 3]));
        assert_eq!(descriptor["attrs"], json!({"firstRow": "bottom"}));
        assert!(descriptor.get("group").is_none(), "{descriptor}");
        let (page, _) = client.call(
            "list_buffers",
            json!({"kind": "SCREENSHOT", "limit": 5.0, "group": "", "cursor": "null"}),
        );
        assert_eq!(page["total_count"], 1);
        let (pool, _) = client.call(
            "create_pool",
            json!({"slots": "2", "buffer_size": "64.0", "attrs": "{'width': 4}"}),
        );
        assert_eq!([&pool["slots"], &pool["buffer_size"]], [2, 64]);
    });
}

#[test]
fn base64_is_taken_as_it_is_written_anywhere() {
    in_both_eras(|store, client| {
        // All letters that differ between the alphabets.
        let bytes = [0xfb, 0xef, 0xff, 0xfe];
        for spelled in [
            "++///g==",
            "++///g",
            "--___g==",
            "--___g",
            "++//\r\n/g==\n",
            " ++// /g==",
            "data:;base64,++///g==",
            "data:image/png;base64,++//\n/g==",
            "DATA:application/octet-stream;BASE64,--___g",
        ] {
            let (made, _) = client.call("create_buffer", json!({"base64": spelled}));
            let scene = SharedSceneBuffer::open(
                store,
                &made["descriptor"]["id"].as_str().expect("an id").parse().expect("one"),
            );
            assert_eq!(scene.expect("a scene").read().expect("data"), bytes, "{spelled}");
        }
        for bad in ["a*", "a", "data:text/plain,hello", "data:;base64,*"] {
            let error = client.error("create_buffer", json!({"base64": bad}));
            assert!(error.contains("`base64`"), "{bad}: {error}");
        }
    });
}

#[test]
fn a_tool_that_there_is_not_is_told_with_those_that_there_are() {
    in_both_eras(|_, client| {
        let answer = client.request("tools/call", json!({"name": "open_buffer", "arguments": {}}));
        let error = answer["error"]["message"].as_str().expect("an error");
        assert!(
            error.contains("\"open_buffer\"") && error.contains("describe_buffer, "),
            "{error}"
        );
    });
}

#[test]
fn an_empty_name_is_none_and_told_as_such() {
    in_both_eras(|_, client| {
        for name in ["", "  ", "\n"] {
            let (made, text) = client.call("create_buffer", json!({"text": "a", "name": name}));
            assert!(made["descriptor"].get("name").is_none(), "{made}");
            assert!(
                text.contains("It has no name, because the name that was given is empty."),
                "{text}"
            );
            let (pool, text) = client.call("create_pool", json!({"slots": 1, "buffer_size": 8, "name": name}));
            assert!(pool.get("name").is_none() && text.contains("It has no name"), "{text}");
        }
        client.call("create_buffer", json!({"text": "a", "name": "beta"}));
        let error = client.error(
            "create_buffer",
            json!({"text": "b", "name": "\"beta\"", "replace": true}),
        );
        assert!(error.contains("quotes"), "{error}");
        let (kept, _) = client.call("read_buffer", json!({"buffer": "beta"}));
        assert_eq!(kept["data"], "a");
    });
}

#[test]
fn what_is_not_checked_for_want_of_arrays_is_told() {
    in_both_eras(|store, client| {
        let cube = crate::scenes::cube(store, false);
        for (arrays, checked) in [
            (json!(null), true),
            (json!(["position", "corner_vert"]), true),
            (json!(["position"]), false),
            (json!("corner_vert"), false),
        ] {
            let (_, text) = client.call("describe_buffer", json!({"buffer": cube.id(), "arrays": arrays}));
            assert_eq!(text.contains("All checked"), checked, "{text}");
            assert_eq!(
                text.contains("were not checked: that takes \"position\" and"),
                !checked,
                "{text}"
            );
        }
    });
}
