//! Pictures of what is asked for: arrays of every layout, layers of files, and several sides or frames in one picture.

use dcc_mcp_shm::SceneDataKind;
use dcc_mcp_shm_view::{PictureRequest, View};
use image::{RgbImage, imageops};
use proptest::prelude::*;
use serde_json::json;

use crate::exr::{Part, file};
use crate::scenes::{Array, Scenes, integers, singles};

fn request(array: Option<&str>, views: &[View], frames: &[f64]) -> PictureRequest {
    PictureRequest {
        max_edge: 200,
        array: array.map(str::to_owned),
        views: views.to_vec(),
        frames: frames.to_vec(),
    }
}

fn only(array: &str) -> PictureRequest {
    request(Some(array), &[], &[])
}

/// The pictures of a sheet from left to right and top to bottom.
fn tiles(sheet: &RgbImage, columns: u32, rows: u32) -> Vec<RgbImage> {
    let [width, height] = [(sheet.width() + 4) / columns - 4, (sheet.height() + 4) / rows - 4];
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (column * (width + 4), row * (height + 4))));
    places
        .map(|(x, y)| imageops::crop_imm(sheet, x, y, width, height).to_image())
        .collect()
}

proptest! {
    #![proptest_config(crate::properties::config(60))]

    #[test]
    fn images_are_the_same_however_they_lie_in_an_array(
        [height, width] in [1_usize..9, 5_usize..12],
        channels in prop::sample::select(vec![1_usize, 3, 4]),
        images in 2_usize..12,
        is_bottom in any::<bool>(),
        start in prop::option::of(1001_i32..1100),
        seed in any::<u32>(),
        at in any::<prop::sample::Index>(),
    ) {
        let scenes = Scenes::new();
        let value = |image: usize, y: usize, x: usize, channel: usize| {
            let place = (((image * height + y) * width + x) * channels + channel) as u32;
            (place.wrapping_mul(2_654_435_761) ^ seed).to_le_bytes()[2] | 64
        };
        let rows = move |image: usize| (0..height).flat_map(move |y| (0..width).map(move |x| (image, y, x)));
        let behind = |image: usize| -> Vec<u8> {
            rows(image).flat_map(|(image, y, x)| (0..channels).map(move |channel| value(image, y, x, channel))).collect()
        };
        let before = |image: usize| -> Vec<u8> {
            (0..channels).flat_map(|channel| rows(image).map(move |(image, y, x)| value(image, y, x, channel))).collect()
        };
        let mut attrs = json!({"firstRow": if is_bottom { "bottom" } else { "top" }});
        if let Some(start) = start {
            attrs["startTimeCode"] = start.into();
        }
        let put = |shape: &[usize], bytes: Vec<u8>| {
            let shape: Vec<u64> = shape.iter().map(|&axis| axis as u64).collect();
            scenes.put(SceneDataKind::Screenshot, attrs.clone(), &[("pixels", "|u1", &shape, bytes)])
        };
        let image = at.index(images);
        let plain = put(&[height, width, channels], behind(image));
        let (expected, text) = scenes.try_draw(&plain, &request(None, &[], &[])).expect("a picture");
        let row = if is_bottom { "the bottom row first" } else { "the top row first" };
        prop_assert!(text.contains(row) && text.contains("alpha") == (channels == 4), "{}", text);
        let planes = put(&[channels, height, width], before(image));
        let (picture, text) = scenes.try_draw(&planes, &request(None, &[], &[])).expect("a picture");
        prop_assert_eq!(&picture, &expected);
        prop_assert!(text.contains("channels first") == (channels > 1) && text.contains(row), "{}", text);
        let (described, _) = scenes.describe(&planes);
        prop_assert_eq!(&described["image"]["channels"], &json!(channels));
        prop_assert!(described["image"]["layout"].as_str().expect("text").contains(row));
        let number = f64::from(start.unwrap_or(0)) + image as f64;
        for (shape, bytes) in [
            ([images, height, width, channels], (0..images).flat_map(behind).collect()),
            ([images, channels, height, width], (0..images).flat_map(before).collect::<Vec<u8>>()),
        ] {
            // Where the channels are is seen by their number, so both axes must not be one.
            prop_assume!(shape[3] > 4 || shape[3] == channels);
            let many = put(&shape, bytes);
            let (picture, text) = scenes.try_draw(&many, &request(Some("pixels"), &[], &[number])).expect("a picture");
            prop_assert_eq!(&picture, &expected, "{}", text);
            prop_assert!(text.contains(&format!("Image {image}")) && text.contains(&format!("0 to {}", images - 1)), "{}", text);
            // Twice the same image, side by side.
            let (sheet, text) = scenes.try_draw(&many, &request(None, &[], &[number, number])).expect("a picture");
            for tile in tiles(&sheet, 2, 1) {
                prop_assert_eq!(&tile, &expected, "{}", text);
            }
            let error = scenes.try_draw(&many, &request(None, &[], &[5e6])).expect_err("no such image");
            prop_assert!(error.contains("no frame 5000000") && error.contains(&format!("there are {images} frames")), "{}", error);
        }
    }

    #[test]
    fn sides_and_frames_in_one_picture_are_those_of_single_pictures(
        views in prop::sample::subsequence(vec![View::Front, View::Right, View::Top, View::ThreeQuarter], 1..4),
        frames in prop::collection::vec(0_u8..5, 0..3),
        has_faces in any::<bool>(),
    ) {
        let scenes = Scenes::new();
        let scene = scenes.put(SceneDataKind::AnimationCache, json!({"startTimeCode": 1001, "upAxis": "Z"}), &growing(5, has_faces));
        let frames: Vec<f64> = frames.into_iter().map(|frame| f64::from(frame) + 1001.0).collect();
        let (sheet, text) = scenes.try_draw(&scene, &request(None, &views, &frames)).expect("a picture");
        let each = match (frames.len(), views.len()) {
            (0, 1) => vec![0.0, 1.0, 2.0, 3.0, 4.0],
            (0, 2) => vec![0.0, 1.0, 2.0, 4.0],
            (0, _) => vec![0.0, 2.0, 4.0],
            _ => frames.clone(),
        };
        let count = views.len() * each.len();
        let columns = if views.len() > 1 && each.len() > 1 { each.len() } else { (1..=count).find(|columns| columns * columns >= count).expect("a number") };
        let rows = count.div_ceil(columns);
        let found = tiles(&sheet, columns as u32, rows as u32);
        for (index, (view, frame)) in views.iter().flat_map(|view| each.iter().map(move |frame| (view, frame))).enumerate() {
            let mut single = request(None, &[*view], &[*frame]);
            single.max_edge = found[index].width() as usize;
            let (expected, _) = scenes.try_draw(&scene, &single).expect("a picture");
            prop_assert!(found[index] == expected, "{index}: {text}");
        }
        for view in &views {
            let words = match view {
                View::Front => "from the front",
                View::Right => "from the right",
                View::Top => "from the top",
                _ => "from the front, right and above",
            };
            prop_assert!(text.contains(words), "{}", text);
        }
        prop_assert!(views.len() == 1 || text.contains("from left to right") && text.contains("scale of its own"), "{}", text);
    }
}

/// A box that grows from frame to frame.
fn growing(frames: u64, has_faces: bool) -> Vec<Array<'static>> {
    let shape: &'static [u64] = match frames {
        5 => &[5, 8, 3],
        _ => &[1, 8, 3],
    };
    let points = (0..frames).flat_map(|frame| {
        (0..8_usize).flat_map(move |corner| {
            [0, 1, 2].map(|axis| {
                if corner >> axis & 1 == 0 {
                    0.0
                } else {
                    (frame + 1 + axis) as f32
                }
            })
        })
    });
    let mut arrays = vec![("position", "<f4", shape, singles(points))];
    if has_faces {
        let quads = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3];
        arrays.push(("corner_vert", "<i4", &[6, 4], integers(quads)));
    }
    arrays
}

#[test]
fn passes_of_a_render_are_found_by_what_they_are_called() {
    let scenes = Scenes::new();
    let ramp = |low: f32, high: f32, count: usize| {
        singles((0..count).map(move |at| low + (high - low) * at as f32 / count as f32))
    };
    let arrays: [Array<'_>; 5] = [
        ("pixels", "<f4", &[6, 8, 4], ramp(0.0, 1.0, 192)),
        ("Depth", "<f4", &[6, 8], ramp(3.0, 9.0, 48)),
        ("world_normal", "<f4", &[6, 8, 3], ramp(-1.0, 1.0, 144)),
        ("motion_vectors", "<f4", &[2, 6, 8], ramp(-20.0, 20.0, 96)),
        ("note", "|u1", &[5], vec![0; 5]),
    ];
    let scene = scenes.put(SceneDataKind::Screenshot, json!({"colorSpace": "sRGB"}), &arrays);
    for (wanted, name, said) in [
        ("depth", "Depth", "data values lie between 3 and"),
        ("Z", "Depth", "data values"),
        ("normals", "world_normal", "data values lie between -1 and"),
        ("motion", "motion_vectors", "data values lie between -20 and"),
        ("pixels", "pixels", "sRGB values"),
    ] {
        let (picture, text) = scenes.try_draw(&scene, &only(wanted)).expect(wanted);
        assert!(
            text.contains(&format!("Array \"{name}\"")) && text.contains(said),
            "{wanted}: {text}"
        );
        assert_eq!(picture.dimensions(), (8, 6));
        let colors: std::collections::HashSet<_> = picture.pixels().collect();
        assert!(colors.len() > 20, "{wanted}: {text}");
    }
    let error = scenes.try_draw(&scene, &only("albedo")).expect_err("there is none");
    assert!(
        error.contains("albedo") && error.contains("Depth") && error.contains("motion_vectors"),
        "{error}"
    );
    let error = scenes.try_draw(&scene, &only("note")).expect_err("no picture");
    assert!(error.contains("\"note\" |u1 [5] is no picture"), "{error}");
    // What belongs to points has no rows of pixels; a position is what it is drawn as anyway.
    let mut arrays = growing(1, true);
    arrays.push(("uv", "<f4", &[24, 2], vec![0; 192]));
    let mesh = scenes.put(SceneDataKind::Geometry, json!({}), &arrays);
    let error = scenes.try_draw(&mesh, &only("uv")).expect_err("no picture");
    assert!(error.contains("is no picture"), "{error}");
    assert_eq!(scenes.try_draw(&mesh, &only("positions")), Ok(scenes.view(&mesh)));
}

#[test]
fn layers_parts_and_channels_of_an_exr_are_shown() {
    const COLOR: [u8; 3] = [255, 188, 137];
    let scenes = Scenes::new();
    let mut beauty = Part::plain(
        4,
        3,
        &[
            ("A", 1.0),
            ("B", 0.9),
            ("G", 0.9),
            ("R", 0.9),
            ("diffuse.B", 0.25),
            ("diffuse.G", 0.5),
            ("diffuse.R", 1.0),
            ("normal.X", 0.25),
            ("normal.Y", 0.5),
            ("normal.Z", 1.0),
            ("specular.B", 0.0),
            ("specular.G", 0.0),
            ("specular.R", 0.5),
        ],
    );
    beauty.name = "main";
    let mut depth = Part::plain(4, 3, &[("Z", 0.5)]);
    depth.name = "ViewLayer.depth";
    let mut motion = Part::plain(4, 3, &[("Vector.X", 1.0), ("Vector.Y", 0.5)]);
    motion.name = "extra";
    let mut deep = Part::plain(4, 3, &[("A", 1.0), ("Z", 2.0)]);
    (deep.name, deep.kind) = ("volume", "deepscanline");
    let whole = file(&[beauty, depth, motion, deep]);
    let scene = scenes.put_bytes(json!({}), &whole);
    let shown = |wanted: &str| {
        let (picture, text) = scenes.try_draw(&scene, &only(wanted)).expect(wanted);
        let first = picture.get_pixel(0, 0).0;
        assert!(picture.pixels().all(|pixel| pixel.0 == first), "{text}");
        assert!(text.contains("the top row first"), "{text}");
        (first, text)
    };
    for (wanted, color, said) in [
        ("diffuse", COLOR, "\"main.diffuse.R\""),
        ("DIFFUSE", COLOR, "not shown: \"main.A\""),
        ("main.diffuse", COLOR, "RGB"),
        ("diffuse.R", [255; 3], "Shown: \"main.diffuse.R\";"),
        ("main", [243; 3], "alpha taken for premultiplied"),
        (
            "normals",
            [64, 128, 255],
            "Shown: \"main.normal.X\", \"main.normal.Y\", \"main.normal.Z\"",
        ),
        ("N", [64, 128, 255], "numbers as red, green and blue"),
        ("Z", [128; 3], "Shown: \"ViewLayer.depth.Z\""),
        ("depth", [128; 3], "Shown: \"ViewLayer.depth.Z\""),
        ("motion", [255, 128, 0], "Shown: \"extra.Vector.X\", \"extra.Vector.Y\""),
    ] {
        let (found, text) = shown(wanted);
        assert_eq!(found, color, "{wanted}: {text}");
        assert!(text.contains(said), "{wanted}: {text}");
    }
    for (wanted, said) in [
        (
            "albedo",
            &[
                "no \"albedo\"",
                "\"main.diffuse\"",
                "\"ViewLayer.depth\"",
                "part \"volume\" is deep",
            ][..],
        ),
        ("u", &["no \"u\""]),
        ("r", &["\"r\" may mean", "main.R", "main.specular.R"]),
    ] {
        let found = scenes.try_draw(&scene, &only(wanted));
        let Err(error) = found else {
            assert_eq!(wanted, "r", "{wanted}");
            continue;
        };
        for said in said {
            assert!(error.contains(said), "{wanted}: {error}");
        }
    }
}

#[test]
fn what_has_no_layers_and_one_frame_says_so() {
    let scenes = Scenes::new();
    let mut png = Vec::new();
    let picture = RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));
    picture
        .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
        .expect("memory");
    let scene = scenes.put_bytes(json!({"frame": 1020}), &png);
    let error = scenes.try_draw(&scene, &only("depth")).expect_err("no layers");
    assert!(error.contains("no arrays or layers"), "{error}");
    let (_, text) = scenes
        .try_draw(&scene, &request(None, &[], &[1020.0]))
        .expect("its frame");
    assert!(
        text.contains("PNG of 3 × 2 pixels, 8-bit RGB, the top row first."),
        "{text}"
    );
    let error = scenes
        .try_draw(&scene, &request(None, &[], &[1021.0]))
        .expect_err("another frame");
    assert!(
        error.contains("no frame 1021") && error.contains("0 (time code 1020)"),
        "{error}"
    );
}

#[test]
fn a_picture_says_what_it_is_of_and_keeps_to_its_size() {
    let scenes = Scenes::new();
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    let bytes: Vec<u8> = (0..1200 * 1200 * 3).map(|_| noise()).collect();
    let scene = scenes.put(
        SceneDataKind::Screenshot,
        json!({}),
        &[("pixels", "|u1", &[1200, 1200, 3], bytes)],
    );
    let mut large = request(None, &[], &[]);
    large.max_edge = 1200;
    let (picture, text) = scenes.try_draw(&scene, &large).expect("a picture");
    let (described, _) = scenes.describe(&scene);
    let id = described["id"].as_str().expect("an id");
    assert!(text.contains(&format!("Buffer {id}.")), "{text}");
    assert!(
        text.contains("It is a JPEG") && text.contains("made smaller than 1200 × 1200"),
        "{text}"
    );
    assert!(
        text.contains(&format!("{} × {} pixels. It is", picture.width(), picture.height())),
        "{text}"
    );
    let (_, text) = scenes.try_draw(&scene, &request(None, &[], &[])).expect("a picture");
    assert!(!text.contains("made smaller"), "{text}");
    // No more than nine pictures in one.
    let error = scenes
        .try_draw(&scene, &request(None, &[], &[0.0; 10]))
        .expect_err("too many");
    assert!(error.contains("more than the 9"), "{error}");
    // A plane that is seen from its edge is told, beside the sides from which it is seen.
    let plane = singles([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    let arrays: [Array<'_>; 2] = [
        ("position", "<f4", &[4, 3], plane),
        ("corner_vert", "<i4", &[1, 4], integers(0..4)),
    ];
    let plane = scenes.put(SceneDataKind::Geometry, json!({"upAxis": "Z"}), &arrays);
    let (_, text) = scenes
        .try_draw(&plane, &request(None, &[View::Top, View::Front], &[]))
        .expect("a picture");
    assert!(text.contains("seen from the top; from the front"), "{text}");
}
