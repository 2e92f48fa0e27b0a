//! What a description says about how large things are, where, and in which frame.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dcc_mcp_shm::SceneDataKind;
use dcc_mcp_shm_view::View;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::scenes::{Array, Scenes, doubles, integers, singles};

type Box3 = [[f64; 3]; 2];

fn reach(points: &[[f64; 3]]) -> Option<Box3> {
    let finite: Vec<_> = points
        .iter()
        .filter(|point| point.iter().all(|value| value.is_finite()))
        .collect();
    let fold = |with: fn(f64, f64) -> f64| {
        let first = **finite.first()?;
        Some(finite.iter().fold(first, |found, point| {
            [0, 1, 2].map(|axis| with(found[axis], point[axis]))
        }))
    };
    Some([fold(f64::min)?, fold(f64::max)?])
}

fn diagonal([low, high]: Box3) -> f64 {
    (0..3).map(|axis| (high[axis] - low[axis]).powi(2)).sum::<f64>().sqrt()
}

fn place(value: &Value) -> [f64; 3] {
    serde_json::from_value(value.clone()).expect("three numbers")
}

proptest! {
    #![proptest_config(crate::properties::config(60))]

    #[test]
    fn frames_are_told_with_their_bounds(
        frames in prop::collection::vec(
            prop::collection::vec(prop::array::uniform3(prop_oneof![9 => -50_i32..50, 1 => Just(i32::MAX)]), 4),
            2..40,
        ),
        start in 900_i32..1100,
        asked in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        flat in any::<bool>(),
        compress in any::<bool>(),
    ) {
        // The largest number stands for NaN.
        let value = |number: i32| if number == i32::MAX { f64::NAN } else { f64::from(number) / 8.0 };
        let frames: Vec<Vec<[f64; 3]>> =
            frames.iter().map(|frame| frame.iter().map(|point| point.map(value)).collect()).collect();
        let count = frames.len();
        let bytes = singles(frames.iter().flatten().flatten().map(|&value| value as f32));
        let shape = if flat { vec![count as u64, 12] } else { vec![count as u64, 4, 3] };
        let scenes = Scenes::new();
        let attrs = json!({"startTimeCode": start, "metersPerUnit": 0.01});
        let arrays: [Array<'_>; 1] = [("position", "<f4", &shape, bytes)];
        let scene = scenes.put_compressed(SceneDataKind::AnimationCache, attrs, &arrays, compress);
        let asked: Vec<usize> = asked.iter().map(|index| index.index(count)).collect();
        let codes: Vec<f64> = asked.iter().map(|&frame| f64::from(start) + frame as f64).collect();
        let (described, text) = scenes.try_describe(&scene, &codes).expect("contents");
        let reaches: Vec<Option<Box3>> = frames.iter().map(|frame| reach(frame)).collect();
        let told = described["animation"]["bounds"].as_array().cloned().unwrap_or_default();
        let mut told_frames = Vec::new();
        for bounds in &told {
            let frame = usize::try_from(bounds["frame"].as_u64().expect("a number")).expect("small");
            let expected = reaches[frame].expect("a frame with points");
            prop_assert_eq!([place(&bounds["min"]), place(&bounds["max"])], expected);
            prop_assert_eq!(bounds["time_code"].as_f64(), Some(f64::from(start) + frame as f64));
            let named = format!("Frame {frame} (time code {})", start + frame as i32);
            prop_assert!(text.contains(&named), "{}: {}", named, text);
            told_frames.push(frame);
        }
        prop_assert!(told_frames.is_sorted_by(|a, b| a < b) && told.len() <= asked.len() + 4);
        let sizes: Vec<_> = reaches.iter().enumerate().filter_map(|(frame, reach)| Some((frame, diagonal((*reach)?)))).collect();
        for frame in &asked {
            let is_nowhere = text.contains(&format!("Frame {frame} (time code {}) has no finite", start + *frame as i32));
            prop_assert_eq!(told_frames.contains(frame), reaches[*frame].is_some(), "{}: {}", frame, text);
            prop_assert_eq!(is_nowhere, reaches[*frame].is_none(), "{}: {}", frame, text);
        }
        if let (Some(first), Some(last)) = (sizes.first(), sizes.last()) {
            prop_assert!(told_frames.contains(&first.0) && told_frames.contains(&last.0), "{}", text);
            let largest = sizes.iter().map(|(_, size)| *size).fold(0.0, f64::max);
            let least = sizes.iter().map(|(_, size)| *size).fold(f64::INFINITY, f64::min);
            for extreme in [largest, least] {
                let is_told = told_frames.iter().any(|&frame| (diagonal(reaches[frame].expect("told")) - extreme).abs() < 1e-12);
                prop_assert!(is_told, "{}", text);
            }
            let all: Vec<[f64; 3]> = frames.concat();
            let [low, high] = reach(&all).expect("points");
            if flat {
                prop_assert_eq!([place(&described["extent"]["min"]), place(&described["extent"]["max"])], [low, high]);
            } else {
                // The array's own numbers say it, of each number that is finite.
                prop_assert!(described["extent"].get("min").is_none() && described["arrays"][0]["min"].is_array());
            }
            for (axis, size) in place(&described["extent"]["size"]).into_iter().enumerate() {
                prop_assert!((size - (high[axis] - low[axis])).abs() < 1e-6, "{}", text);
            }
        } else {
            prop_assert!(described.get("extent").is_none());
        }
        // A number that is none is refused with both of its meanings.
        let beyond = f64::from(start) + count as f64;
        let error = scenes.try_describe(&scene, &[beyond]).expect_err("no such frame");
        prop_assert!(error.contains(&format!("would be frame {count}")) && error.contains("time codes"), "{}", error);
    }

    #[test]
    fn sizes_are_in_metres_where_the_unit_is_known(
        size in prop::array::uniform3(1_u16..1000),
        unit in prop::option::of(prop::sample::select(vec![1.0, 0.01, 0.001, 0.3048])),
        up in prop::option::of(prop::sample::select(vec!["Y", "Z"])),
        scale in prop::option::of(1_u8..9),
        turned in any::<bool>(),
    ) {
        let size = size.map(f64::from);
        let points = [[10.0; 3], [0, 1, 2].map(|axis| 10.0 + size[axis])];
        let arrays: [Array<'_>; 1] = [("position", "<f8", &[2, 3], doubles(points.concat()))];
        let mut attrs = json!({"note": "hero"});
        if let Some(unit) = unit {
            attrs["metersPerUnit"] = unit.into();
        }
        if let Some(up) = up {
            attrs["upAxis"] = up.into();
        }
        let factor = f64::from(scale.unwrap_or(1));
        if scale.is_some() {
            // A turn does not change how long a thing is along its own axes.
            attrs["transform"] = if turned {
                json!([0.0, factor, 0.0, 0.0, -factor, 0.0, 0.0, 0.0, 0.0, 0.0, factor, 0.0, 5.0, 6.0, 7.0, 1.0])
            } else {
                json!([factor, 0.0, 0.0, 0.0, 0.0, factor, 0.0, 0.0, 0.0, 0.0, factor, 0.0, 5.0, 6.0, 7.0, 1.0])
            };
        }
        let scenes = Scenes::new();
        let scene = scenes.put(SceneDataKind::Geometry, attrs, &arrays);
        let (described, text) = scenes.describe(&scene);
        let extent = &described["extent"];
        prop_assert_eq!(&extent["size"], &json!(size.map(|length| length * factor)));
        match unit {
            Some(unit) => {
                for (found, length) in place(&extent["meters"]).into_iter().zip(size) {
                    prop_assert!((found - length * factor * unit).abs() < 1e-9);
                }
                let said = format!("m (a unit is {unit} m)");
                prop_assert!(text.contains(&said), "{}", text);
            }
            None => {
                prop_assert!(extent.get("meters").is_none() && text.contains("what a unit is in metres is not known"), "{}", text);
            }
        }
        match up {
            Some(up) => {
                let said = format!("{up} is up");
                prop_assert!(text.contains(&said) && extent["up"] == up, "{}", text);
            }
            None => prop_assert!(text.contains("which axis is up is not known"), "{}", text),
        }
        prop_assert!(text.contains("note \"hero\""), "{}", text);
        prop_assert_eq!(text.contains("with its transform"), scale.is_some(), "{}", text);
    }
}

proptest! {
    #![proptest_config(crate::properties::config(60))]

    #[test]
    fn the_size_of_a_mesh_is_that_of_the_points_that_its_faces_use(
        corners in prop::array::uniform4(prop::array::uniform3(-20_i32..20)),
        strays in prop::collection::vec(prop::array::uniform3(prop_oneof![8 => -9000_i32..9000, 1 => Just(i32::MAX)]), 0..5),
        first in any::<bool>(),
        flat in any::<bool>(),
        double in any::<bool>(),
        frames in 1_usize..3,
        is_checked in any::<bool>(),
    ) {
        let value = |number: i32| if number == i32::MAX { f64::NAN } else { f64::from(number) / 4.0 };
        let [used, unused] = [corners.to_vec(), strays].map(|points| points.iter().map(|point| point.map(value)).collect::<Vec<_>>());
        let points = if first { [unused.clone(), used.clone()] } else { [used.clone(), unused.clone()] }.concat();
        let offset = if first { unused.len() as i32 } else { 0 };
        let numbers: Vec<f64> = points.concat().repeat(frames);
        let (dtype, bytes) = if double {
            ("<f8", doubles(numbers))
        } else {
            ("<f4", singles(numbers.into_iter().map(|value| value as f32)))
        };
        let shape = match (frames, flat) {
            (1, true) => vec![points.len() as u64 * 3],
            (1, false) => vec![points.len() as u64, 3],
            _ => vec![frames as u64, points.len() as u64, 3],
        };
        // A mesh is checked if both of its arrays are among the first 16, which are looked at.
        let others: Vec<String> = (0..if is_checked { 0 } else { 15 }).map(|number| format!("other{number}")).collect();
        let mut arrays: Vec<Array<'_>> = others.iter().map(|name| (name.as_str(), "|u1", &[1][..], vec![0])).collect();
        arrays.push(("position", dtype, &shape, bytes));
        let faces = [0, 2, 1, 0, 1, 3, 1, 2, 3, 0, 3, 2].map(|corner| corner + offset);
        arrays.push(("corner_vert", "<i4", &[4, 3], integers(faces)));
        let scenes = Scenes::new();
        let kind = if frames > 1 { SceneDataKind::AnimationCache } else { SceneDataKind::Geometry };
        let scene = scenes.put(kind, json!({"metersPerUnit": 0.5, "upAxis": "Y"}), &arrays);
        let (described, text) = scenes.describe(&scene);
        let extent = &described["extent"];
        let strays = reach(&unused);
        let is_told = is_checked && frames == 1 && strays.is_some();
        let counted = if is_told { reach(&used) } else { reach(&points) };
        let [low, high] = counted.expect("points");
        // Single columns of points that are not finite count too where the array's own numbers say how far it reaches.
        let has_nan = unused.iter().any(|point| !point.iter().all(|value| value.is_finite()));
        if is_told || !has_nan {
            let size = [0, 1, 2].map(|axis| high[axis] - low[axis]);
            prop_assert_eq!(&extent["size"], &json!(size), "{}", text);
            prop_assert_eq!(&extent["meters"], &json!(size.map(|length| length / 2.0)), "{}", text);
        }
        match strays {
            Some([least, greatest]) if is_told => {
                let count = unused.iter().filter(|point| point.iter().all(|value| value.is_finite())).count();
                prop_assert_eq!(&extent["unused"], &json!({"count": count, "min": least, "max": greatest}));
                prop_assert_eq!([place(&extent["min"]), place(&extent["max"])], [low, high]);
                let said = if count == 1 { "1 unused point reaches from (" } else { &format!("{count} unused points reach from (") };
                prop_assert!(text.contains("Size of the points that faces use: ") && text.contains(said), "{}", text);
            }
            _ => prop_assert!(extent.get("unused").is_none() && !text.contains("that faces use"), "{}", text),
        }
        let is_open = !is_checked || frames > 1 && strays.is_some();
        prop_assert_eq!(text.contains("used by faces or not: "), is_open, "{}", text);
    }
}

#[test]
fn frames_that_are_not_used_are_told() {
    let scenes = Scenes::new();
    let pixels: Array<'_> = ("pixels", "|u1", &[2, 3, 3], vec![0; 18]);
    let weights: Array<'_> = ("weights", "<f4", &[2], vec![0; 8]);
    let position: Array<'_> = ("position", "<f4", &[6, 1, 3], vec![0; 72]);
    for (kind, arrays, is_used) in [
        (SceneDataKind::Screenshot, vec![pixels], false),
        (SceneDataKind::Geometry, vec![weights.clone()], false),
        (SceneDataKind::AnimationCache, vec![weights.clone()], false),
        (SceneDataKind::Arbitrary, vec![weights.clone()], false),
        (SceneDataKind::AnimationCache, vec![weights, position.clone()], true),
        (SceneDataKind::Screenshot, vec![position], false),
    ] {
        let scene = scenes.put(kind, json!({}), &arrays);
        for (frames, is_told) in [(&[][..], false), (&[5.0], !is_used)] {
            let (described, text) = scenes.try_describe(&scene, frames).expect("contents");
            let note = "`frames` was not used, because there are no positions to measure";
            assert_eq!(text.contains(note), is_told, "{text}");
            assert_eq!(described["notes"].to_string().contains(note), is_told, "{described}");
        }
    }
}

#[test]
fn frames_without_points_take_no_time_however_many_they_are() {
    for (kind, shape) in [
        (SceneDataKind::AnimationCache, &[1 << 58, 0, 3][..]),
        (SceneDataKind::Geometry, &[1 << 58, 0, 3]),
        (SceneDataKind::AnimationCache, &[1 << 58, 0]),
        (SceneDataKind::AnimationCache, &[0, 1 << 58, 3]),
    ] {
        let shape = shape.to_vec();
        let (told, is_told) = mpsc::channel();
        // A look that does not end would hold up all other tests.
        thread::spawn(move || {
            let scenes = Scenes::new();
            let scene = scenes.put(kind, json!({}), &[("position", "<f4", &shape, Vec::new())]);
            let asked = if shape[0] > 0 { &[5.0][..] } else { &[] };
            let described = scenes.try_describe(&scene, asked);
            let viewed = scenes.try_view(&scene, View::Front, None);
            told.send((shape[0], described, viewed)).expect("the test waits");
        });
        let (frames, described, viewed) = is_told
            .recv_timeout(Duration::from_secs(60))
            .expect("an answer in time");
        let (described, text) = described.expect("contents");
        assert!(described.get("extent").is_none(), "{text}");
        assert_eq!(text.contains("Frame 5 has no finite positions"), frames > 0, "{text}");
        viewed.expect_err("nothing to see");
    }
}

#[test]
fn texture_coordinates_are_told_and_whether_they_leave_the_square() {
    let scenes = Scenes::new();
    for (values, said) in [
        ([0.0, 0.25, 1.0, 0.75], "\"uv\" lies within 0 to 1"),
        (
            [-0.5, 0.25, 1.0, 2.0],
            "\"uv\" lies outside of 0 to 1: u from -0.5 to 1.0, v from 0.25 to 2.0",
        ),
    ] {
        let arrays: [Array<'_>; 3] = [
            (
                "position",
                "<f4",
                &[3, 3],
                singles([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
            ),
            ("corner_vert", "<i4", &[3], integers(0..3)),
            ("uv", "<f4", &[2, 2], singles(values)),
        ];
        let scene = scenes.put(SceneDataKind::Geometry, json!({}), &arrays);
        let (_, text) = scenes.describe(&scene);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn many_attributes_are_a_bounded_line() {
    let scenes = Scenes::new();
    let mut attrs = json!({"upAxis": "Z"});
    for number in 0..80 {
        attrs[format!("fact{number}")] = "a text of some length".into();
    }
    let scene = scenes.put(SceneDataKind::Arbitrary, attrs, &[("a", "<f4", &[1], vec![0; 4])]);
    let (_, text) = scenes.describe(&scene);
    assert!(
        text.contains("Attributes: upAxis \"Z\", fact0 \"a text") && text.contains(", …"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.len() < 600), "{text}");
}
