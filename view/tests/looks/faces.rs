//! Points and faces in every form that programs write them in, the same in a description and in a picture.

use dcc_mcp_shm::SceneDataKind;
use dcc_mcp_shm_view::View;
use serde_json::json;

use crate::scenes::{Array, Scenes, integers, singles};

const SQUARE: [f32; 12] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0];

fn position() -> Array<'static> {
    ("position", "<f4", &[4, 3], singles(SQUARE))
}

fn corners() -> Array<'static> {
    ("corner_vert", "<i4", &[4], integers([0, 1, 2, 3]))
}

#[test]
fn a_square_is_a_square_however_it_is_written() {
    let scenes = Scenes::new();
    let small: [(&str, Vec<u8>); 10] = [
        ("|i1", vec![4]),
        ("|u1", vec![4]),
        ("<i2", 4_i16.to_le_bytes().into()),
        (">u2", 4_u16.to_be_bytes().into()),
        ("<i4", 4_i32.to_le_bytes().into()),
        ("<u4", 4_u32.to_le_bytes().into()),
        (">i8", 4_i64.to_be_bytes().into()),
        ("<u8", 4_u64.to_le_bytes().into()),
        ("<f4", 4_f32.to_le_bytes().into()),
        ("<f8", 4_f64.to_le_bytes().into()),
    ];
    let mut forms: Vec<Vec<Array<'_>>> = Vec::new();
    for (dtype, bytes) in &small {
        for shape in [&[1][..], &[1, 1], &[]] {
            forms.push(vec![position(), corners(), ("face_size", dtype, shape, bytes.clone())]);
        }
    }
    let size = || ("face_size", "<i4", &[1][..], integers([4]));
    for shape in [&[4, 1][..], &[1, 4], &[2, 2]] {
        forms.push(vec![
            position(),
            ("corner_vert", "<i4", shape, integers([0, 1, 2, 3])),
            size(),
        ]);
    }
    forms.push(vec![
        position(),
        ("corner_vert", "<f4", &[4], singles([0.0, 1.0, 2.0, 3.0])),
        size(),
    ]);
    forms.push(vec![position(), ("corner_vert", "|i1", &[1, 4], vec![0, 1, 2, 3])]);
    forms.push(vec![position(), corners(), ("face_start", "|i1", &[1, 1], vec![0])]);
    for shape in [&[12][..], &[12, 1], &[1, 12], &[1, 4, 3]] {
        forms.push(vec![("position", "<f4", shape, singles(SQUARE)), corners(), size()]);
    }
    forms.push(vec![
        (
            "position",
            "|i1",
            &[4, 3],
            SQUARE.iter().map(|&value| value as u8).collect(),
        ),
        corners(),
        size(),
    ]);
    let padded = integers([0, 1, 2, 3, -1, -1]);
    forms.push(vec![position(), ("corner_vert", "<i4", &[1, 6], padded), size()]);
    let mut expected = None;
    for (form, arrays) in forms.iter().enumerate() {
        let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), arrays);
        let (picture, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");
        assert!(text.starts_with("Mesh of 4 points and 1 face, "), "form {form}: {text}");
        let (_, described) = scenes.describe(&scene);
        if form + 1 < forms.len() {
            assert_eq!(
                picture,
                *expected.get_or_insert_with(|| picture.clone()),
                "form {form}: {text}"
            );
            assert!(
                described.contains("Mesh of 1 face, 4 corners and 4 points"),
                "form {form}: {described}"
            );
            assert!(!described.contains("Damaged"), "form {form}: {described}");
        }
    }
}

#[test]
fn what_is_no_mesh_is_refused_for_the_same_reason() {
    let scenes = Scenes::new();
    let cases: [(Vec<Array<'_>>, &str); 7] = [
        (
            vec![position(), corners(), ("face_size", "<c8", &[1], vec![0; 8])],
            "\"face_size\" is of type <c8",
        ),
        (
            vec![position(), corners(), ("face_size", "<i4", &[2, 2], integers([4; 4]))],
            "\"face_size\" has the shape [2, 2]",
        ),
        (
            vec![position(), corners(), ("face_size", "<i4", &[0], vec![])],
            "divides the 4 corners into faces is empty",
        ),
        (
            vec![position(), ("corner_vert", "|b1", &[4], vec![0, 1, 1, 1])],
            "\"corner_vert\" is of type |b1",
        ),
        (
            vec![position(), ("corner_vert", "<i4", &[2, 2], integers([0, 1, 2, 3]))],
            "\"corner_vert\" has 2 rows of 2 corners",
        ),
        (
            vec![("position", "<f4", &[13], vec![0; 52]), corners()],
            "\"position\" has 13 numbers, which are not three for each point",
        ),
        (
            vec![("position", "<f4", &[3, 4], vec![0; 48]), corners()],
            "\"position\" has the shape [3, 4]",
        ),
    ];
    for (arrays, reason) in cases {
        let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), &arrays);
        let said = match scenes.try_view(&scene, View::Front, None) {
            Ok((_, text)) => text,
            Err(error) => error,
        };
        assert!(said.contains(reason), "{reason}: {said}");
        let (_, described) = scenes.describe(&scene);
        assert!(described.contains(reason), "{reason}: {described}");
    }
}

#[test]
fn polygons_of_any_number_of_corners_are_drawn() {
    let scenes = Scenes::new();
    let mut areas = Vec::new();
    for corners in [60_u32, 100, 65_536, 70_000, 300_000] {
        // A star: every other corner is nearer to the middle.
        let points = (0..corners).flat_map(|corner| {
            let (sin, cos) = (std::f64::consts::TAU * f64::from(corner) / f64::from(corners)).sin_cos();
            let radius = if corner % 2 == 0 { 1.0 } else { 0.98 };
            [radius * cos, radius * sin, 0.0].map(|value| value as f32)
        });
        let count = corners.into();
        let indices = (0..corners).map(|corner| corner as i32);
        let arrays = [
            ("position", "<f4", &[count, 3][..], singles(points)),
            ("corner_vert", "<i4", &[count][..], integers(indices)),
            ("face_size", "<i4", &[1][..], integers([corners as i32])),
        ];
        let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), &arrays);
        let (picture, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");
        assert!(text.contains("1 face") && !text.contains("Left out"), "{text}");
        areas.push(crate::scenes::seen(&picture));
    }
    assert!(areas.iter().all(|area| area.abs_diff(areas[0]) < 500), "{areas:?}");
}

#[test]
fn faces_that_are_none_say_why() {
    let scenes = Scenes::new();
    let arrays = [
        position(),
        ("corner_vert", "<i4", &[9][..], integers([0, 1, 2, 0, 1, 0, 1, 9, 2])),
        ("face_size", "<i4", &[4][..], integers([3, 2, 3, 2])),
    ];
    let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), &arrays);
    let (_, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");
    for fact in [
        "Left out: 1 face whose corners or points are not there.",
        "Left out: 2 faces with fewer than three corners.",
    ] {
        assert!(text.contains(fact), "{text}");
    }
    let many = 1_u64 << 21;
    let arrays = [
        position(),
        ("corner_vert", "|u1", &[many][..], vec![0; 1 << 21]),
        ("face_size", "<i4", &[1][..], integers([1 << 21])),
    ];
    let scene = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Y"}), &arrays);
    let error = scenes.try_view(&scene, View::Front, None).expect_err("no face");
    assert!(error.contains("1 face with more than 1048576 corners"), "{error}");
}

#[test]
fn the_first_axis_of_a_cache_is_its_frames() {
    let scenes = Scenes::new();
    let cases: [(&str, &[u64], usize, u64); 5] = [
        ("position", &[3, 6, 3], 54, 3),
        ("position", &[5, 18], 90, 5),
        ("transform", &[7, 4, 4], 112, 7),
        ("weights", &[11, 2], 22, 11),
        ("position", &[6, 3], 18, 1),
    ];
    for (name, shape, numbers, frames) in cases {
        let values = (0..numbers).map(|number| (number * 7 % 11) as f32);
        let arrays = [(name, "<f4", shape, singles(values))];
        for kind in [SceneDataKind::AnimationCache, SceneDataKind::Geometry] {
            let scene = scenes.put(kind, json!({"upAxis": "Y"}), &arrays);
            let (described, text) = scenes.describe(&scene);
            if kind == SceneDataKind::AnimationCache {
                assert_eq!(described["animation"]["frames"], frames, "{text}");
            }
            if let Ok((_, viewed)) = scenes.try_view(&scene, View::Front, None) {
                let said = frames > 1 && viewed.contains(&format!(" of 0 to {}", frames - 1));
                assert_eq!(
                    said,
                    described["animation"]["frames"].as_u64() > Some(1),
                    "{viewed} {text}"
                );
            }
        }
    }
}
