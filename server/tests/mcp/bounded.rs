//! However much there is to look at, a picture takes seconds and bounded memory, tells what it left out, and lets other calls
//! through; where there is no memory, a call says so and the server goes on.

use std::fmt::Write as _;

use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, Store};
use serde_json::{Value, json};

use crate::client::{Client, Era};
use crate::scenes::{bytes, spec, store, write};

/// Numbers below 1 without a pattern.
fn noise(count: u32) -> impl Iterator<Item = f32> {
    let mut state = 1_u32;
    (0..count).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(state >> 9 | 0x3f80_0000) - 1.0
    })
}

/// Large faces, all of which overlap: drawing all of them takes minutes. The last point belongs to none and is far above.
pub(crate) fn overlapping(store: &Store) -> SharedSceneBuffer {
    let mut points: Vec<f32> = noise(3 * 6_000).collect();
    points.extend([0.5, 2.0, 0.5]);
    let corners: Vec<i32> = (0..300_000).map(|corner| corner * 7 % 6_000).collect();
    let arrays = [
        ("position", spec("<f4", [6_001, 3]), bytes(&points, f32::to_le_bytes)),
        (
            "corner_vert",
            spec("<i4", [100_000, 3]),
            bytes(&corners, i32::to_le_bytes),
        ),
    ];
    write(store, &arrays, &BufferOptions::default())
}

/// A surface of `row` × `row` points, some rows of which have faces.
fn surface(store: &Store, row: u16) -> SharedSceneBuffer {
    let points = (0..row).flat_map(|y| (0..row).flat_map(move |x| [f32::from(x), 0.0, f32::from(y)]));
    let points: Vec<f32> = points.collect();
    let next = i32::from(row);
    let faces: Vec<i32> = (0..next - 1)
        .step_by(100)
        .flat_map(|y| (0..next - 1).flat_map(move |x| [0, next, next + 1, 1].map(|corner| y * next + x + corner)))
        .collect();
    let count = u64::from(row) * u64::from(row);
    let arrays = [
        ("position", spec("<f4", [count, 3]), bytes(&points, f32::to_le_bytes)),
        (
            "corner_vert",
            spec("<i4", [faces.len() as u64 / 4, 4]),
            bytes(&faces, i32::to_le_bytes),
        ),
    ];
    write(store, &arrays, &BufferOptions::default())
}

fn ask(client: &mut Client, scene: &SharedSceneBuffer, more: &Value) -> u64 {
    let mut arguments = json!({"buffer": scene.id()});
    arguments
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    let params = json!({"name": "view_image", "arguments": arguments, "_meta": {"progressToken": "picture"}});
    client.begin("tools/call", params)
}

/// The answer to a request; progress comes before it.
fn answer(client: &mut Client, id: u64) -> Value {
    loop {
        let message = client.answer();
        if message["id"] == id {
            return message["result"].clone();
        }
        assert_eq!(message["method"], "notifications/progress", "{message}");
    }
}

/// The picture and its text.
fn picture(result: &Value) -> (&Value, &str) {
    assert_ne!(result["isError"], true, "{result}");
    (
        &result["content"][0]["data"],
        result["content"][1]["text"].as_str().expect("text"),
    )
}

#[test]
fn faces_that_would_take_minutes_are_sampled_and_the_text_says_so() {
    let (_parent, store) = store();
    let scene = overlapping(&store);
    let mut client = Client::start(store.path(), Era::Session);
    let mut draw = || {
        let id = ask(&mut client, &scene, &json!({}));
        answer(&mut client, id)
    };
    let result = draw();
    let (_, text) = picture(&result);
    let share = text
        .split_once("drawn from 1 in ")
        .and_then(|(_, rest)| rest.split_once(" of its faces"));
    let share: u64 = share.expect(text).0.parse().expect(text);
    assert!(share > 2, "{text}");
    assert!(
        !text.contains("too long to draw"),
        "the share is drawn as a whole: {text}"
    );
    // All points were looked at, also those of faces that were not drawn.
    assert!(text.contains(", 2, "), "{text}");
    assert_eq!(draw(), result, "the same data, the same picture");
}

#[test]
fn each_progress_of_a_picture_is_more_than_the_one_before() {
    let (_parent, store) = store();
    let scene = overlapping(&store);
    let mut client = Client::start(store.path(), Era::Session);
    let id = ask(&mut client, &scene, &json!({}));
    let mut told = Vec::new();
    loop {
        let message = client.answer();
        if message["id"] == id {
            picture(&message["result"]);
            break;
        }
        told.push(message["params"]["progress"].as_f64().expect("a number"));
    }
    assert!(
        !told.is_empty() && told.is_sorted_by(|before, after| before < after),
        "{told:?}"
    );
}

#[test]
fn a_cancelled_picture_stops_while_faces_are_drawn() {
    let (_parent, store) = store();
    let scene = overlapping(&store);
    let mut client = Client::start(store.path(), Era::Session);
    let id = ask(&mut client, &scene, &json!({}));
    picture(&answer(&mut client, id));
    let whole = client.ticks_at_end();
    let mut client = Client::start(store.path(), Era::Session);
    let id = ask(&mut client, &scene, &json!({}));
    let first = client.answer();
    assert_eq!(first["method"], "notifications/progress", "{first}");
    let params = json!({"requestId": id, "reason": "no longer wanted"});
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
    client.request_among("ping", json!({}));
    let cancelled = client.ticks_at_end();
    assert!(cancelled * 2 < whole, "{cancelled} of {whole} ticks");
}

#[test]
fn pictures_at_work_let_a_listing_through_and_end() {
    let (_parent, store) = store();
    let scene = overlapping(&store);
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let mut pictures: Vec<u64> = (0..4).map(|_| ask(&mut client, &scene, &json!({}))).collect();
    let listing = client.begin("tools/call", json!({"name": "list_buffers", "arguments": {}}));
    let result = answer(&mut client, listing);
    assert_eq!(result["structuredContent"]["total_count"], 1, "{result}");
    while !pictures.is_empty() {
        let message = client.answer();
        if let Some(done) = pictures.iter().position(|&id| message["id"] == id) {
            picture(&message["result"]);
            pictures.swap_remove(done);
        }
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn four_pictures_at_once_take_memory_that_does_not_grow_with_the_data() {
    let (_parent, store) = store();
    let scene = surface(&store, 2_000);
    let mut client = Client::start(store.path(), Era::Session);
    let ids: Vec<u64> = (0..4)
        .map(|_| ask(&mut client, &scene, &json!({"view": "top"})))
        .collect();
    let mut answered = 0;
    while answered < ids.len() {
        let message = client.answer();
        if message.get("id").is_some() {
            let (_, text) = picture(&message["result"]);
            assert!(text.contains("4000000 points and 39980 faces"), "{text}");
            answered += 1;
        }
    }
    // What one picture gives back, the next one does not leave in a heap.
    for _ in 0..2 {
        let id = ask(&mut client, &scene, &json!({"view": "top", "max_edge": 64}));
        picture(&answer(&mut client, id));
    }
    assert!(client.memory() < 40 << 20, "{} bytes afterwards", client.memory());
    // Positions alone are 48 MB, and each picture once held all of them.
    assert!(client.peak_memory() < 170 << 20, "{} bytes", client.peak_memory());
}

#[test]
fn where_there_is_no_memory_a_call_says_so_and_the_server_goes_on() {
    let (_parent, store) = store();
    let scene = surface(&store, 800);
    let mut said = String::new();
    for mebibytes in [12, 48, 256] {
        let mut client = Client::start(store.path(), Era::Session);
        client.call("list_buffers", json!({}));
        client.limit_addresses(mebibytes << 20);
        for (tool, arguments) in [
            ("view_image", json!({"buffer": scene.id()})),
            ("view_image", json!({"buffer": scene.id(), "max_edge": 2048})),
            ("describe_buffer", json!({"buffer": scene.id()})),
            (
                "read_buffer",
                json!({"buffer": scene.id(), "start": 100, "count": 5000}),
            ),
            ("create_buffer", json!({"text": "x".repeat(1 << 20)})),
            ("create_buffer", json!({"capacity": 1 << 30})),
        ] {
            let result = client.request("tools/call", json!({"name": tool, "arguments": arguments}));
            // Where the call itself cannot be taken in, there is no result.
            let text = result["result"]["content"].to_string() + &result["error"]["message"].to_string();
            assert!(
                result["result"]["content"].is_array() || result["error"].is_object(),
                "{tool}: {result}"
            );
            if result["result"]["isError"] == true || result["error"].is_object() {
                assert!(
                    text.contains("no memory") || text.contains("No memory"),
                    "{tool}: {text}"
                );
                // Writing to a String cannot fail.
                let _ = writeln!(said, "{mebibytes} MiB, {tool}: {text}");
            }
        }
        client.call("list_buffers", json!({}));
        assert_eq!(client.end().code(), Some(0), "{mebibytes} MiB");
    }
    assert!(
        said.contains("view_image: ") && said.contains("There is no memory for"),
        "{said}"
    );
    assert!(
        !said.contains("did not finish") && !said.contains("256 MiB, view_image"),
        "{said}"
    );
}

#[test]
fn much_text_and_many_numbers_take_no_more_memory_than_there_is() {
    let (_parent, store) = store();
    let scene = surface(&store, 300);
    let small = surface(&store, 2);
    let read = |array: &str, count: u32| json!({"buffer": scene.id(), "array": array, "count": count});
    let cases = [
        ("read_buffer", read("position", 4_000)),
        ("read_buffer", read("corner_vert", 16_000)),
        ("create_buffer", json!({"text": "y".repeat(900_000)})),
        ("create_buffer", json!({"text": "\n\u{e9}".repeat(300_000)})),
        ("create_buffer", json!({"base64": "QUJD".repeat(225_000)})),
        (
            "create_buffer",
            json!({"text": "a", "attrs": {"many": vec![json!([0]); 100_000]}}),
        ),
        (
            "list_buffers",
            json!({"name": {"many": vec![json!({"a": []}); 50_000]}}),
        ),
    ];
    let (mut refused, mut answered) = (0, 0);
    for kibibytes in [256, 1_024, 2_048, 4_096, 8_192, 400 << 10] {
        for (tool, arguments) in &cases {
            let mut client = Client::start(store.path(), Era::Session);
            // The threads that the calls need are there.
            client.call("list_buffers", json!({}));
            client.call("read_buffer", json!({"buffer": small.id()}));
            client.call("create_buffer", json!({"text": "a", "ttl_seconds": 1}));
            client.limit_addresses(kibibytes << 10);
            let id = client.begin("tools/call", json!({"name": tool, "arguments": arguments}));
            let answer = client.answer();
            let text = answer.to_string();
            if answer["error"].is_object() || text.contains("There is no memory") {
                assert!(
                    text.to_lowercase().contains("no memory"),
                    "{kibibytes} KiB, {tool}: {text}"
                );
                // Where not even the line could be kept, nobody knows its id.
                assert!(
                    answer["id"] == id || answer["id"].is_null(),
                    "{kibibytes} KiB, {tool}: {text}"
                );
                refused += 1;
            } else {
                assert_eq!(answer["id"], id, "{text}");
                answered += 1;
            }
            client.call("list_buffers", json!({}));
            assert_eq!(client.end().code(), Some(0), "{kibibytes} KiB, {tool}");
        }
    }
    assert!(
        refused > cases.len() && answered > cases.len(),
        "{refused} refused, {answered} answered"
    );
}

#[test]
fn a_transform_that_places_nothing_is_left_out_and_the_text_says_why() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    let points = bytes(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0], f32::to_le_bytes);
    let corners = bytes(&[0, 1, 2], i32::to_le_bytes);
    let identity = [
        1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];
    let with = |changes: &[(usize, f64)]| {
        let mut numbers = identity;
        for &(place, number) in changes {
            numbers[place] = number;
        }
        json!(numbers)
    };
    let cases = [
        (json!(vec![0; 16]), "its last column is not 0, 0, 0, 1"),
        (json!(vec![1e308; 16]), "its last column is not 0, 0, 0, 1"),
        (with(&[(0, 0.0), (5, 0.0), (10, 0.0)]), "its determinant is 0"),
        (with(&[(5, 0.0)]), "its determinant is 0"),
        (
            with(&[(0, 1e308), (5, 1e308), (10, 1e308)]),
            "beyond what single precision can hold",
        ),
        (
            with(&[(0, 1e-308), (5, 1e-308), (10, 1e-308)]),
            "beyond what single precision can hold",
        ),
        (with(&[(12, 1e308)]), "beyond what single precision can hold"),
        (json!(vec![1; 12]), "it is not a list of 16 numbers"),
        (json!(vec!["NaN"; 16]), "it is not a list of 16 numbers"),
        (with(&[]), ""),
        (with(&[(12, 5.0), (0, -2.0)]), ""),
    ];
    for (transform, reason) in cases {
        let attrs = serde_json::from_value(json!({ "transform": transform, "upAxis": "Y" })).expect("attributes");
        let arrays = [
            ("position", spec("<f4", [3, 3]), points.clone()),
            ("corner_vert", spec("<i4", [3]), corners.clone()),
        ];
        let scene = write(&store, &arrays, &BufferOptions::default().attrs(attrs));
        let id = ask(&mut client, &scene, &json!({"view": "top", "max_edge": 64}));
        let result = answer(&mut client, id);
        let (_, viewed) = picture(&result);
        let (_, described) = client.call("describe_buffer", json!({"buffer": scene.id()}));
        for text in [viewed, &described] {
            assert!(text.contains(reason), "{transform}: {text}");
            assert_eq!(
                text.contains("attribute transform"),
                !reason.is_empty(),
                "{transform}: {text}"
            );
        }
        assert!(
            viewed.contains("its positions reach from (0, 0, 0) to (1, 0, 2)"),
            "{viewed}"
        );
    }
}
