//! Where geometry is, and how far it reaches: far from the origin, with stray points, and over the frames of a cache.

use dcc_mcp_shm::SceneDataKind;
use dcc_mcp_shm_view::View;
use proptest::prelude::*;
use serde_json::json;

use crate::scenes::{Array, Scenes, doubles, integers, seen, singles};

/// The corners and faces of a unit box, four corners each.
const QUADS: [i32; 24] = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3];

fn corners(at: [f64; 3], size: f64) -> Vec<f64> {
    let corner = |corner: usize| [0, 1, 2].map(|axis| at[axis] + if corner >> axis & 1 == 0 { 0.0 } else { size });
    (0..8).flat_map(corner).collect()
}

fn a_box(at: [f64; 3], size: f64) -> Vec<Array<'static>> {
    vec![
        ("position", "<f8", &[8, 3], doubles(corners(at, size))),
        ("corner_vert", "<i4", &[6, 4], integers(QUADS)),
    ]
}

/// The two places of a text that follow `from` and `to`.
fn places(text: &str) -> [[f64; 3]; 2] {
    let (_, rest) = text.split_once("reach from (").expect(text);
    let (low, rest) = rest.split_once(") to (").expect(text);
    let (high, _) = rest.split_once(')').expect(text);
    [low, high].map(|place| {
        let numbers: Vec<f64> = place.split(", ").map(|number| number.parse().expect(text)).collect();
        numbers.try_into().expect(text)
    })
}

proptest! {
    #![proptest_config(crate::properties::config(40))]
    #[test]
    fn a_thing_looks_the_same_wherever_it_is(
        at in [-1.0..1.0, -1.0..1.0, -1.0..1.0],
        far in 0_i32..290,
        detail in 1_i32..9,
        flat in any::<bool>(),
    ) {
        let scenes = Scenes::new();
        let far = 10_f64.powi(far);
        // A double has about 16 digits, and the box takes the last 7 of them at least.
        let size = far * 10_f64.powi(-detail);
        let at = at.map(|value| value * far);
        let kind = SceneDataKind::Geometry;
        let near = scenes.put(kind, json!({"upAxis": "Z"}), &a_box([0.0; 3], size));
        let away = scenes.put(kind, json!({"upAxis": "Z"}), &a_box(at, size));
        let view = if flat { View::Top } else { View::ThreeQuarter };
        let (expected, _) = scenes.try_view(&near, view, None).expect("a picture");
        let (picture, text) = scenes.try_view(&away, view, None).expect("a picture");
        let differing = picture.pixels().zip(expected.pixels()).filter(|(a, b)| {
            a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 12)
        });
        prop_assert!(differing.count() < 400, "{text}");
        let [low, high] = places(&text);
        for axis in 0..3 {
            prop_assert!(((high[axis] - low[axis]) / size - 1.0).abs() < 0.05, "{text}");
        }
    }

    #[test]
    fn stray_points_are_named_and_the_rest_is_seen(
        far in 3_i32..12,
        sides in 1_usize..3,
        attached in any::<bool>(),
        at in -1e4..1e4,
    ) {
        let scenes = Scenes::new();
        let tetrahedron = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let mut points: Vec<f64> = tetrahedron.concat().iter().map(|value| value + at).collect();
        let distance = 10_f64.powi(far);
        for side in 0..sides {
            points.extend([at + if side == 0 { distance } else { -distance }, at, at]);
        }
        let mut faces = vec![0, 2, 1, 0, 1, 3, 1, 2, 3, 0, 3, 2];
        if attached {
            faces.extend([0, 1, 4]);
        }
        let arrays = [
            ("position", "<f8", &[4 + sides as u64, 3][..], doubles(points)),
            ("corner_vert", "<i4", &[faces.len() as u64 / 3, 3][..], integers(faces)),
        ];
        for arrays in [&arrays[..], &arrays[..1]] {
            let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), arrays);
            for view in [View::ThreeQuarter, View::Front, View::Top, View::Left, View::Right] {
                let (picture, text) = scenes.try_view(&scene, view, None).expect("a picture");
                let least = if arrays.len() > 1 { 4_000 } else { 20 };
                prop_assert!(seen(&picture) > least, "{view:?}: {text}");
                let expected = if sides == 1 { "1 position lies outside of that" } else { "2 positions lie outside of that" };
                prop_assert!(text.contains(expected) && text.contains("from the middle of the rest"), "{text}");
            }
        }
    }
}

#[test]
fn faces_that_cross_the_whole_picture_stay_within_their_edges() {
    // A floor that reaches from a box to far away, on all sides and behind the viewer.
    let scenes = Scenes::new();
    let mut points = corners([-0.5; 3], 1.0);
    // The box is fine, so that most points are there.
    for step in 0..40 {
        points.extend([f64::from(step) / 40.0 - 0.5, 0.5, 0.5]);
    }
    let count = points.len() as i32 / 3;
    for corner in [
        [-1e5, -0.5, -1e5],
        [1e5, -0.5, -1e5],
        [1e5, -0.5, 1e5],
        [-1e5, -0.5, 1e5],
    ] {
        points.extend(corner);
    }
    let mut faces = QUADS.to_vec();
    faces.extend([0, 1, 2, 3].map(|corner| corner + count));
    let arrays = [
        ("position", "<f8", &[points.len() as u64 / 3, 3][..], doubles(points)),
        ("corner_vert", "<i4", &[7, 4][..], integers(faces)),
    ];
    let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), &arrays);
    let (picture, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");
    // From the front, the floor is a line, and the box is as large as without it.
    assert!((33_000..35_500).contains(&seen(&picture)), "{} {text}", seen(&picture));
    let (picture, _) = scenes.try_view(&scene, View::Top, None).expect("a picture");
    assert!(picture.pixels().all(|pixel| pixel.0 != picture.get_pixel(0, 0).0) || seen(&picture) < 40_000);
    let (_, text) = scenes.view(&scene);
    assert!(text.contains("4 positions lie outside of that"), "{text}");
}

#[test]
fn things_that_are_smaller_than_a_pixel_are_seen_as_dots() {
    let scenes = Scenes::new();
    let mut points = corners([0.0; 3], 1.0);
    points.extend(corners([1e5, 0.0, 0.0], 1.0));
    let faces = QUADS.iter().copied().chain(QUADS.map(|corner| corner + 8));
    let arrays = [
        ("position", "<f8", &[16, 3][..], doubles(points)),
        ("corner_vert", "<i4", &[12, 4][..], integers(faces)),
    ];
    let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), &arrays);
    let (picture, text) = scenes.view(&scene);
    assert!(seen(&picture) > 4 && text.contains("drawn as dots"), "{text}");
}

#[test]
fn the_bounds_are_those_of_what_is_shown_and_of_the_whole_cache() {
    let scenes = Scenes::new();
    for frames in [2_u16, 10, 40] {
        let positions = (0..frames).flat_map(|frame| {
            corners([f64::from(frame * frame), 0.0, 0.0], 1.0)
                .into_iter()
                .map(|value| value as f32)
        });
        let shape = [frames.into(), 8, 3];
        let arrays = [("position", "<f4", &shape[..], singles(positions))];
        let scene = scenes.put(SceneDataKind::AnimationCache, json!({"upAxis": "Y"}), &arrays);
        let last = f64::from(frames - 1);
        for frame in 0..frames {
            let (_, text) = scenes
                .try_view(&scene, View::Front, Some(frame.into()))
                .expect("a picture");
            let x = f64::from(frame * frame);
            let whole = format!(
                "and from (0, 0, 0) to ({}, 1, 1) in all {frames} frames",
                last * last + 1.0
            );
            let here = format!("reach from ({x}, 0, 0) to ({}, 1, 1) in this frame, ", x + 1.0);
            assert!(text.contains(&here) && text.contains(&whole), "{text}");
        }
        let (_, text) = scenes.view(&scene);
        assert_eq!(text.contains("in these frames, and from"), frames > 9, "{text}");
    }
}

#[test]
fn a_frame_without_points_is_told_from_one_that_has_some() {
    let scenes = Scenes::new();
    let mut positions: Vec<f32> = corners([0.0; 3], 1.0).into_iter().map(|value| value as f32).collect();
    positions.extend([f32::NAN; 24]);
    let arrays = [("position", "<f4", &[2, 8, 3][..], singles(positions))];
    let scene = scenes.put(SceneDataKind::AnimationCache, json!({}), &arrays);
    let (_, text) = scenes.try_view(&scene, View::Front, Some(0)).expect("a picture");
    assert!(!text.contains("Left out"), "{text}");
    let error = scenes.try_view(&scene, View::Front, Some(1)).expect_err("nothing");
    assert!(error.contains("all positions are NaN"), "{error}");
}
