//! Pixels of every kind that is no plain light: depth with a background, ids, few bits, signed and wide numbers; and
//! attributes in the spellings that programs write.

use std::collections::HashSet;

use dcc_mcp_shm::SceneDataKind;
use dcc_mcp_shm_view::{PictureRequest, View};
use image::RgbImage;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::exr::{Part, Values, file};
use crate::scenes::{Scenes, singles};

const EDGE: usize = 40;

fn view(dtype: &str, channels: u64, attrs: Value, bytes: Vec<u8>) -> (RgbImage, String) {
    let scenes = Scenes::new();
    let shape = [EDGE as u64, EDGE as u64, channels];
    let array = ("pixels", dtype, &shape[..if channels == 1 { 2 } else { 3 }], bytes);
    let scene = scenes.put(SceneDataKind::Screenshot, attrs, &[array]);
    scenes.try_view(&scene, View::Front, None).expect("a picture")
}

/// A ball in front of a background.
fn depth(near: f32, deep: f32, background: f32) -> Vec<f32> {
    let values = (0..EDGE * EDGE).map(|pixel| {
        let [x, y] = [pixel % EDGE, pixel / EDGE].map(|place| (place as f32 - 19.5) / 15.0);
        let inside = 1.0 - x * x - y * y;
        if inside > 0.0 {
            near + deep * (1.0 - inside.sqrt())
        } else {
            background
        }
    });
    values.collect()
}

/// How many greys the ball has, and whether it is darker where it is nearer.
fn greys(picture: &RgbImage) -> usize {
    let middle = (5..35).map(|x| picture.get_pixel(x, 20).0[0]);
    middle.collect::<HashSet<_>>().len()
}

proptest! {
    #![proptest_config(crate::properties::config(60))]
    #[test]
    fn depth_is_seen_before_any_background(
        near in 0.5_f32..50.0,
        deep in 0.5_f32..20.0,
        background in prop::sample::select(vec![1e10_f32, 65504.0, f32::MAX, 1e6, 1e30, -1e10]),
        form in 0_usize..4,
    ) {
        let values = depth(near, deep, background);
        let (picture, text) = match form {
            0 => view("<f4", 1, json!({}), singles(values)),
            1 => view("<f8", 1, json!({"colorSpace": "raw"}), values.iter().flat_map(|&value| f64::from(value).to_le_bytes()).collect()),
            // Renderers also write depth as grey colours.
            2 => view("<f4", 3, json!({}), singles(values.iter().flat_map(|&value| [value; 3]))),
            _ => {
                let mut part = Part::plain(EDGE as i32, EDGE as i32, &[("A", 1.0), ("Z", 0.0)]);
                part.channels[1].values = Values::Reals(values);
                let scenes = Scenes::new();
                let scene = scenes.put_bytes(json!({}), &file(&[part]));
                scenes.try_view(&scene, View::Front, None).expect("a picture")
            }
        };
        prop_assert!(greys(&picture) > 8, "{} {text}", greys(&picture));
        prop_assert!(text.contains("spread so that") && text.contains("without a background of"), "{text}");
        prop_assert_eq!(picture.get_pixel(0, 0).0[0], if background > 0.0 { 255 } else { 0 });
    }

    #[test]
    fn ids_are_seen_as_different_colours(
        ids in prop::collection::hash_set(1_i64..60_000, 3..12),
        dtype in prop::sample::select(vec!["<u2", ">u2", "<i4", "<u4", "<i8", ">u8"]),
        size in 4_usize..9,
    ) {
        let ids: Vec<i64> = ids.into_iter().collect();
        let id = |pixel: usize| {
            let (x, y) = (pixel % EDGE, pixel / EDGE);
            if x < 4 { 0 } else { ids[(x / size + 3 * (y / size)) % ids.len()] }
        };
        let bytes = (0..EDGE * EDGE).flat_map(|pixel| {
            let id = id(pixel);
            let width = dtype[2..].parse::<usize>().expect("a size");
            let bytes = id.to_le_bytes();
            let mut bytes = bytes[..width].to_vec();
            if dtype.starts_with('>') {
                bytes.reverse();
            }
            bytes
        });
        let (picture, text) = view(dtype, 1, json!({}), bytes.collect());
        prop_assert!(text.contains("false colours"), "{text}");
        let mut colors = std::collections::HashMap::new();
        for (index, pixel) in picture.pixels().enumerate() {
            let color = colors.entry(id(index)).or_insert(*pixel);
            prop_assert_eq!(*color, *pixel);
        }
        let different: HashSet<_> = colors.values().collect();
        prop_assert_eq!(different.len(), colors.len());
    }
}

#[test]
fn whole_numbers_of_every_type_are_seen() {
    let ramp = |pixel: usize| (pixel % EDGE + pixel / EDGE) as i64;
    let cases: [(&str, i64, i64); 13] = [
        ("|i1", -40, 1),
        ("|u1", 0, 0),
        ("|u1", 3, 0),
        ("<i2", -1000, 30),
        (">i2", 0, 400),
        ("<u2", 0, 50),
        ("<u2", 200, 1),
        ("<i4", -2_000_000_000, 1000),
        (">u4", 3_000_000_000, 1),
        ("<i8", 5_000_000_000_000, 3),
        (">i8", -9_000_000_000_000_000, 1 << 40),
        ("<u8", 1 << 40, 9),
        ("<u4", 0, 1),
    ];
    for (dtype, least, step) in cases {
        let bytes = (0..EDGE * EDGE).flat_map(|pixel| {
            let number = if step == 0 {
                least + ramp(pixel) / 2
            } else {
                least + ramp(pixel) * step
            };
            let width = dtype[2..].parse::<usize>().expect("a size");
            let mut bytes = number.to_le_bytes()[..width].to_vec();
            if dtype.starts_with('>') {
                bytes.reverse();
            }
            bytes
        });
        let (picture, text) = view(dtype, 1, json!({}), bytes.collect());
        assert!(greys(&picture) > 12, "{dtype} {least} {step}: {text}");
        assert!(text.contains("are spread so that"), "{text}");
        let [low, high] = ["lie between ", " and "].map(|before| {
            let rest = text.split_once("lie between ").expect(&text).1;
            if before == " and " {
                rest.split_once(" and ").expect(&text).1
            } else {
                rest
            }
            .split(' ')
            .next()
            .expect("a number")
        });
        assert_ne!(low, high, "{text}");
    }
}

#[test]
fn twelve_bits_are_as_bright_as_sixteen() {
    for (bits, white) in [(10, 1023_u16), (12, 4095), (14, 16383)] {
        let values = (0..EDGE * EDGE).flat_map(|pixel| {
            let part = (pixel % EDGE) as u16;
            let level = u16::try_from(u32::from(white) * u32::from(part) / 39).expect("small");
            [level, level / 2, 0, white]
        });
        let (picture, text) = view("<u2", 4, json!({}), values.flat_map(u16::to_le_bytes).collect());
        assert!(text.contains(&format!("{bits} bits: {white} is white")), "{text}");
        assert_eq!(picture.get_pixel(39, 0).0, [255, 127, 0], "{text}");
    }
    let bright = (0..EDGE * EDGE).flat_map(|pixel| u16::try_from(pixel % EDGE * 1600).expect("small").to_le_bytes());
    let (_, text) = view("<u2", 1, json!({}), bright.collect());
    assert!(text.contains("sRGB values lie between 0 and 0.952"), "{text}");
    // Depth in millimetres, where nothing was measured in some places.
    let values = depth(800.0, 2000.0, 65_535.0);
    let (picture, text) = view(
        "<u2",
        1,
        json!({}),
        values.iter().flat_map(|&value| (value as u16).to_le_bytes()).collect(),
    );
    assert!(
        greys(&picture) > 8 && text.contains("without a background of 65535"),
        "{text}"
    );
}

#[test]
fn what_is_light_stays_light() {
    let flat = |value: f32| singles(std::iter::repeat_n(value, EDGE * EDGE));
    let (picture, text) = view("<f4", 1, json!({}), flat(0.5));
    assert_eq!(picture.get_pixel(0, 0).0, [188; 3], "{text}");
    let ramp = singles((0..EDGE * EDGE).map(|pixel| pixel as f32 / 1600.0));
    let (_, text) = view("<f4", 1, json!({}), ramp);
    assert!(text.contains("shown as they are"), "{text}");
    // A sun in a sky: one bright spot is no background.
    let sky = singles((0..EDGE * EDGE).flat_map(|pixel| if pixel == 820 { [60_000.0; 3] } else { [0.2, 0.3, 0.6] }));
    let (picture, text) = view("<f4", 3, json!({}), sky);
    assert!(picture.get_pixel(0, 0).0[2] > 150, "{text}");
    let bytes = (0..EDGE * EDGE).map(|pixel| if pixel % EDGE < 20 { 30 } else { 200 });
    let (picture, text) = view("|u1", 1, json!({}), bytes.collect());
    assert_eq!(picture.get_pixel(0, 0).0, [30; 3], "{text}");
}

#[test]
fn primaries_of_colour_spaces_are_converted() {
    let values = || singles((0..EDGE * EDGE).flat_map(|_| [0.3, 0.5, 0.2]));
    let (aces, text) = view("<f4", 3, json!({"colorSpace": "ACEScg"}), values());
    assert!(text.contains("converted from ACEScg (AP1) to Rec. 709"), "{text}");
    let (plain, text) = view("<f4", 3, json!({"colorSpace": "Linear Rec.709"}), values());
    assert!(!text.contains("converted"), "{text}");
    assert_ne!(aces.get_pixel(0, 0), plain.get_pixel(0, 0));
}

#[test]
fn attributes_are_understood_or_named_in_both_looks() {
    let scenes = Scenes::new();
    let frame = singles((0..6).flat_map(|pixel| [pixel as f32 / 6.0, 0.0, 0.0]));
    let mut expected = None;
    for attrs in [
        json!({"width": 3, "height": 2, "channels": 3, "dtype": "<f4", "firstRow": "bottom"}),
        json!({"width": 3.0, "height": 2.0, "channels": 3.0, "dtype": "float32", "firstRow": "bottom-left"}),
        json!({"Width": "3", "Height": "2", "channels": "RGB", "dtype": "np.float32", "first_row": "lower-left"}),
    ] {
        let scene = scenes.put_bytes(attrs.clone(), &frame);
        let (picture, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");
        assert!(text.contains("3 × 2 pixels, RGB, the bottom row first"), "{text}");
        assert_eq!(picture, *expected.get_or_insert_with(|| picture.clone()));
        let (described, text) = scenes.describe(&scene);
        assert_eq!(described["image"]["width"], 3, "{text}");
        assert!(!text.contains("not understood"), "{text}");
    }
    for (attrs, name) in [
        (json!({"width": "wide", "height": 2}), "width"),
        (
            json!({"width": 3, "height": 2, "channels": 3, "dtype": "float80"}),
            "dtype",
        ),
        (
            json!({"width": 3, "height": 2, "channels": 3, "dtype": "<f4", "firstRow": "sideways"}),
            "firstRow",
        ),
        (
            json!({"width": 3, "height": 2, "channels": 3, "dtype": "<f4", "premultipliedAlpha": "maybe"}),
            "premultipliedAlpha",
        ),
        (
            json!({"width": 3, "height": 2, "channels": 3, "dtype": "<f4", "colorSpace": 5}),
            "colorSpace",
        ),
    ] {
        let scene = scenes.put_bytes(attrs, &frame);
        let said = match scenes.try_view(&scene, View::Front, None) {
            Ok((_, text)) => text,
            Err(error) => error,
        };
        let expected = format!("The attribute {name} was not understood");
        assert!(said.contains(&expected), "{name}: {said}");
        let (_, described) = scenes.describe(&scene);
        assert!(described.contains(&expected), "{name}: {described}");
    }
    let points = [(
        "position",
        "<f4",
        &[3, 3][..],
        singles([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]),
    )];
    for (value, said) in [
        ("Z-up", "with Z up;"),
        ("sideways", "The attribute upAxis was not understood"),
    ] {
        let scene = scenes.put(SceneDataKind::Geometry, json!({ "upAxis": value }), &points);
        let (_, text) = scenes.view(&scene);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn whether_colours_are_multiplied_by_alpha_is_what_the_attribute_says() {
    for (attrs, shown) in [
        (json!({}), [0.5, 0.5]),
        (json!({"premultipliedAlpha": true}), [0.5, 0.5]),
        (json!({"premultipliedAlpha": false}), [0.25, 0.5]),
        (json!({"premultipliedAlpha": "no"}), [0.25, 0.5]),
    ] {
        let values = (0..EDGE * EDGE).flat_map(|_| [0.5, 0.5, 0.5, shown[1]]);
        let (picture, text) = view("<f4", 4, attrs, singles(values));
        // Squares of sRGB 0.62 show through.
        let behind = ((0.62_f32 + 0.055) / 1.055).powf(2.4) * 0.5;
        let expected = 255.0 * (1.055 * (shown[0] + behind).powf(1.0 / 2.4) - 0.055);
        assert!(
            (f32::from(picture.get_pixel(0, 0).0[0]) - expected).abs() < 2.0,
            "{text}"
        );
    }
}

#[test]
fn attributes_that_contradict_the_pixels_are_told() {
    let scenes = Scenes::new();
    for (height, width, said) in [
        (16, 16, None),
        (
            17,
            16,
            Some("Its attributes describe |u1 [17, 16, 3], which takes 816 bytes, and there are 768"),
        ),
        (8, 8, Some("which takes 192 bytes, and there are 768")),
    ] {
        let scene = scenes.put_bytes(json!({"width": width, "height": height, "channels": 3}), &[7; 768]);
        let (_, text) = scenes.describe(&scene);
        assert_eq!(text.contains("Its attributes"), said.is_some(), "{text}");
        assert!(said.is_none_or(|said| text.contains(said)), "{text}");
    }
    for (width, contradicts) in [(6, false), (4, true)] {
        let attrs = json!({"width": width, "height": 4, "channels": 3});
        let scene = scenes.put(
            SceneDataKind::Screenshot,
            attrs,
            &[("pixels", "|u1", &[4, 6, 3], vec![7; 72])],
        );
        let (_, text) = scenes.describe(&scene);
        let said = "Its attributes say 4 × 4 pixels, and there are 6 × 4";
        assert_eq!(text.contains(said), contradicts, "{text}");
    }
}

#[test]
fn what_an_image_has_no_use_for_is_told() {
    let scenes = Scenes::new();
    let image = scenes.put(
        SceneDataKind::Screenshot,
        json!({}),
        &[("pixels", "|u1", &[4, 6, 3], vec![7; 72])],
    );
    let request = PictureRequest {
        max_edge: 768,
        array: None,
        views: vec![View::Top],
        frames: vec![0.0],
    };
    for array in [None, Some("pixels".to_owned())] {
        for (views, is_told) in [(vec![View::Top], true), (vec![], false)] {
            let request = PictureRequest {
                array: array.clone(),
                views,
                ..request.clone()
            };
            let (_, text) = scenes.try_draw(&image, &request).expect("a picture");
            let note = "`view` was not used, because this is an image.";
            assert_eq!(text.contains(note), is_told, "{text}");
        }
    }
    // A frame that an image does not have is an error.
    for frames in [vec![], vec![0.0]] {
        let request = PictureRequest {
            views: vec![],
            frames,
            ..request.clone()
        };
        let (_, text) = scenes.try_draw(&image, &request).expect("a picture");
        assert!(!text.contains("not used"), "{text}");
    }
    let error = scenes
        .try_view(&image, View::Front, Some(3))
        .expect_err("no such frame");
    assert!(error.contains("frame 3"), "{error}");
}
