//! `view_image`: what the returned picture shows, and what is said when there is none.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;

use crate::client::{Client, Era};
use base64::Engine as _;
use dcc_mcp_shm::{
    ArraySpec, Attrs, BufferOptions, BufferPool, Layout, SceneDataKind, SharedBuffer, SharedSceneBuffer, Source, Store,
    StoreOptions,
};
use exr::image::{AnyChannel, AnyChannels, Encoding, FlatSamples, Layer};
use exr::meta::header::LayerAttributes;
use exr::prelude::WritableImage as _;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A store, a client of a server for it, and the scenes that were put into it.
struct Viewer {
    store: Store,
    client: Client,
    _parent: TempDir,
}

/// An array of a scene: its name, element type, shape and bytes.
type Array<'a> = (&'a str, &'a str, &'a [u64], Vec<u8>);

impl Viewer {
    fn new() -> Self {
        let parent = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
        let client = Client::start(store.path(), Era::Session);
        Self {
            store,
            client,
            _parent: parent,
        }
    }

    fn put(&self, options: &BufferOptions, arrays: &[Array<'_>]) -> Value {
        let arrays = arrays.iter().map(|(name, dtype, shape, bytes)| {
            let spec = ArraySpec::new(dtype.parse().expect("a type"), shape.to_vec());
            (*name, spec, Source::from(bytes.as_slice()))
        });
        let scene = SharedSceneBuffer::write_arrays(&self.store, arrays, options).expect("a scene");
        json!(scene.id())
    }

    fn put_bytes(&self, bytes: &[u8]) -> Value {
        let options = BufferOptions::new(SceneDataKind::Screenshot);
        json!(
            SharedSceneBuffer::write(&self.store, bytes, &options)
                .expect("a scene")
                .id()
        )
    }

    /// The picture and its text.
    fn view(&mut self, arguments: &Value) -> (RgbImage, String) {
        let params = json!({"name": "view_image", "arguments": arguments});
        let result = self.client.request("tools/call", params)["result"].clone();
        assert_ne!(result["isError"], true, "{result}");
        assert!(result.get("structuredContent").is_none());
        let [picture, text] = result["content"].as_array().expect("content").as_slice() else {
            unreachable!("a picture and a text, not {result}");
        };
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(picture["data"].as_str().expect("data"))
            .expect("base64");
        assert!(bytes.len() <= 200_000, "{}", bytes.len());
        let format = image::guess_format(&bytes).expect("an image");
        assert_eq!(picture["mimeType"], format.to_mime_type());
        let picture = image::load_from_memory(&bytes).expect("an image").to_rgb8();
        (picture, text["text"].as_str().expect("text").to_owned())
    }

    fn refuses(&mut self, arguments: &Value, expected: &str) {
        let error = self.client.error("view_image", arguments);
        assert!(error.contains(expected), "{arguments}: {error}");
        assert!(error.ends_with('.') && error.len() < 1000, "{error}");
    }
}

fn screenshot(attrs: Value) -> BufferOptions {
    let attrs: Attrs = serde_json::from_value(attrs).expect("an object");
    BufferOptions::new(SceneDataKind::Screenshot).attrs(attrs)
}

fn geometry(attrs: Value) -> BufferOptions {
    let attrs: Attrs = serde_json::from_value(attrs).expect("an object");
    BufferOptions::new(SceneDataKind::Geometry).attrs(attrs)
}

fn reals(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn integers(values: impl IntoIterator<Item = i32>) -> Vec<u8> {
    values.into_iter().flat_map(i32::to_le_bytes).collect()
}

/// A box of this size around a place, as quads.
fn a_box(size: [f32; 3], center: [f32; 3]) -> Vec<Array<'static>> {
    let corner = |corner: usize| {
        [0, 1, 2].map(|axis| center[axis] + if corner >> axis & 1 == 0 { -0.5 } else { 0.5 } * size[axis])
    };
    let quads = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3];
    vec![
        ("position", "<f4", &[8, 3], reals((0..8).flat_map(corner))),
        ("corner_vert", "<i4", &[24], integers(quads)),
        ("face_size", "<i4", &[6], integers([4; 6])),
    ]
}

/// Width and height of what differs from the background, which is the same along a row.
fn seen(picture: &RgbImage) -> [u32; 2] {
    let seen = |x: u32, y: u32| picture.get_pixel(x, y) != picture.get_pixel(0, y);
    let columns = (0..picture.width()).filter(|&x| (0..picture.height()).any(|y| seen(x, y)));
    let rows = (0..picture.height()).filter(|&y| (0..picture.width()).any(|x| seen(x, y)));
    [columns.count(), rows.count()].map(|lines| u32::try_from(lines).expect("a picture"))
}

#[test]
fn pixels_are_shown_as_they_are() {
    let mut viewer = Viewer::new();
    let bytes = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30];
    let top = viewer.put(&screenshot(json!({})), &[("pixels", "|u1", &[2, 2, 3], bytes.clone())]);
    let (picture, text) = viewer.view(&json!({"buffer": top}));
    assert_eq!(picture.as_raw(), &bytes);
    assert!(text.contains("2 × 2 pixels, RGB, the top row first."), "{text}");
    let bottom = screenshot(json!({"firstRow": "bottom"}));
    let bottom = viewer.put(&bottom, &[("pixels", "|u1", &[2, 2, 3], bytes.clone())]);
    let (picture, text) = viewer.view(&json!({"buffer": bottom}));
    assert_eq!(picture.as_raw(), &[&bytes[6..], &bytes[..6]].concat());
    assert!(text.contains("RGB, the bottom row first."), "{text}");
}

#[test]
fn every_type_of_pixels_says_the_same() {
    let mut viewer = Viewer::new();
    let values = [0.0_f32, 0.25, 0.5, 1.0];
    let words = [0_u16, 0x4000, 0x8000, 0xffff];
    let half = [0x0000_u16, 0x3400, 0x3800, 0x3c00];
    let types: [(&str, Vec<u8>); 7] = [
        ("<f4", values.into_iter().flat_map(f32::to_le_bytes).collect()),
        (">f4", values.into_iter().flat_map(f32::to_be_bytes).collect()),
        ("<f2", half.into_iter().flat_map(u16::to_le_bytes).collect()),
        (">f2", half.into_iter().flat_map(u16::to_be_bytes).collect()),
        ("<u2", words.into_iter().flat_map(u16::to_le_bytes).collect()),
        (">u2", words.into_iter().flat_map(u16::to_be_bytes).collect()),
        ("|u1", vec![0, 64, 128, 255]),
    ];
    for (dtype, bytes) in types {
        let options = screenshot(json!({"colorSpace": "sRGB"}));
        let buffer = viewer.put(&options, &[("pixels", dtype, &[2, 2], bytes)]);
        let (picture, text) = viewer.view(&json!({"buffer": buffer}));
        for (pixel, expected) in picture.pixels().zip([0, 64, 128, 255]) {
            assert!(
                pixel.0[0].abs_diff(expected) <= 1 && pixel.0[0] == pixel.0[2],
                "{dtype}: {pixel:?}"
            );
        }
        assert!(text.contains("sRGB values lie between 0 and 1"), "{text}");
    }
}

#[test]
fn high_dynamic_range_is_shown_by_a_curve_that_is_told() {
    let mut viewer = Viewer::new();
    let ramp = reals((0..200_u16).map(|x| (f32::from(x) / 199.0).powi(4) * 8.0));
    let buffer = viewer.put(&screenshot(json!({})), &[("pixels", "<f4", &[1, 200], ramp)]);
    let (picture, text) = viewer.view(&json!({"buffer": buffer}));
    let values: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
    assert!(values.is_sorted() && values[0] == 0 && values[199] == 255, "{values:?}");
    assert!(
        text.contains("linear values lie between 0 and 8") && text.contains("with a soft shoulder from 0.7"),
        "{text}"
    );
}

#[test]
fn large_frames_are_made_smaller() {
    let mut viewer = Viewer::new();
    // Lines of black and white are grey from afar, compressed or not.
    let row: Vec<u8> = [0, 255].repeat(1000);
    for compress in [false, true] {
        let options = screenshot(json!({"colorSpace": "raw"})).compress(compress);
        let buffer = viewer.put(
            &options,
            &[
                ("other", "<f8", &[2], vec![0; 16]),
                ("pixels", "|u1", &[900, 2000], row.repeat(900)),
            ],
        );
        let (picture, _) = viewer.view(&json!({"buffer": buffer, "max_edge": 100}));
        assert_eq!(picture.dimensions(), (100, 45));
        assert!(picture.pixels().all(|pixel| pixel.0[0].abs_diff(128) <= 1));
        let (picture, _) = viewer.view(&json!({"buffer": buffer}));
        assert_eq!(picture.dimensions(), (768, 346));
    }
}

/// The same small picture in each format that is decoded.
fn files() -> Vec<(ImageFormat, Vec<u8>)> {
    let picture = RgbImage::from_fn(40, 30, |x, y| {
        image::Rgb([x, y, 20].map(|value| u8::try_from(value * 5).expect("a byte")))
    });
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP]
        .into_iter()
        .map(|format| {
            let mut file = Cursor::new(Vec::new());
            picture.write_to(&mut file, format).expect("a file");
            (format, file.into_inner())
        })
        .collect()
}

#[test]
fn image_files_are_decoded() {
    let mut viewer = Viewer::new();
    for (format, file) in files() {
        let buffer = viewer.put_bytes(&file);
        let (picture, text) = viewer.view(&json!({"buffer": buffer}));
        assert_eq!(picture.dimensions(), (40, 30), "{format:?}");
        let [r, g, b] = picture.get_pixel(20, 10).0;
        assert!(
            r.abs_diff(100) < 12 && g.abs_diff(50) < 12 && b.abs_diff(100) < 12,
            "{format:?}: {r} {g} {b}"
        );
        assert!(text.contains("of 40 × 30 pixels, 8-bit RGB"), "{text}");
    }
    // A buffer that can be rewritten, with room behind the file.
    let buffer = SharedBuffer::create(&viewer.store, 1 << 16, &BufferOptions::default()).expect("a buffer");
    buffer.write(&files()[0].1).expect("room");
    viewer.view(&json!({"buffer": buffer.id()}));
}

#[test]
fn the_finished_layer_of_an_exr_is_shown() {
    let mut viewer = Viewer::new();
    let channel = |name: &str, value: f32| AnyChannel::new(name, FlatSamples::F32(vec![value; 12]));
    let channels = AnyChannels::sort(
        [
            channel("View.Depth.Z", 1e10),
            channel("View.Diffuse.R", 9.0),
            channel("View.Diffuse.G", 9.0),
            channel("View.Diffuse.B", 9.0),
            channel("View.Combined.R", 1.0),
            channel("View.Combined.G", 0.0),
            channel("View.Combined.B", 0.25),
            channel("View.Combined.A", 1.0),
        ]
        .into_iter()
        .collect(),
    );
    let mut file = Cursor::new(Vec::new());
    let layer = Layer::new((4, 3), LayerAttributes::default(), Encoding::FAST_LOSSLESS, channels);
    exr::image::Image::from_layer(layer)
        .write()
        .to_buffered(&mut file)
        .expect("a file");
    let file = file.into_inner();
    let buffer = viewer.put_bytes(&file);
    let (picture, text) = viewer.view(&json!({"buffer": buffer}));
    assert_eq!(picture.dimensions(), (4, 3));
    assert!(
        picture.pixels().all(|pixel| pixel.0 == [255, 0, 137]),
        "{:?}",
        picture.get_pixel(0, 0)
    );
    assert!(
        text.contains("EXR of 4 × 3 pixels, RGBA, layer \"View.Combined\" of 2"),
        "{text}"
    );
    for len in (4..file.len()).step_by(7) {
        let buffer = viewer.put_bytes(&file[..len]);
        viewer.refuses(&json!({"buffer": buffer}), "begins like EXR but cannot be decoded");
    }
}

#[test]
fn damaged_and_endless_image_files_are_errors() {
    let mut viewer = Viewer::new();
    let files = files();
    for (format, file) in &files {
        for len in [13, 40, file.len() / 2] {
            let buffer = viewer.put_bytes(&file[..len]);
            let params = json!({"name": "view_image", "arguments": {"buffer": buffer}});
            let result = viewer.client.request("tools/call", params);
            // JPEG shows what there is of it.
            let is_error = result["result"]["isError"] == true;
            assert!(
                is_error || (*format == ImageFormat::Jpeg && result["result"].is_object()),
                "{format:?} {result}"
            );
        }
    }
    let png = &files[0].1;
    for (size, expected) in [(60_000_u32, "of memory"), (1 << 20, "pixels")] {
        // Width and height lie behind the name of the first chunk, and its checksum behind its 13 bytes.
        let mut bomb = png.clone();
        bomb[16..20].copy_from_slice(&size.to_be_bytes());
        bomb[20..24].copy_from_slice(&size.to_be_bytes());
        let checksum = crc32(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&checksum);
        let buffer = viewer.put_bytes(&bomb);
        viewer.refuses(&json!({"buffer": buffer}), expected);
    }
    // The server is still there.
    let buffer = viewer.put_bytes(png);
    viewer.view(&json!({"buffer": buffer}));
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn a_box_shows_its_sides() {
    let mut viewer = Viewer::new();
    let views = [
        ("front", 0, 2),
        ("back", 0, 2),
        ("left", 1, 2),
        ("right", 1, 2),
        ("top", 0, 1),
        ("bottom", 0, 1),
    ];
    // Width, depth and height where Z is up.
    for (up, size) in [("Z", [1.0, 2.0, 3.0]), ("Y", [1.0, 3.0, 2.0])] {
        let buffer = viewer.put(&geometry(json!({"upAxis": up})), &a_box(size, [1e3, -50.0, 7.0]));
        for (view, across, down) in views {
            let (picture, text) = viewer.view(&json!({"buffer": buffer, "view": view, "max_edge": 300}));
            let extent = [1.0_f32, 2.0, 3.0];
            let [width, height] = seen(&picture);
            let (wide, high) = (extent[across], extent[down]);
            let expected = wide / high;
            let found =
                f32::from(u16::try_from(width).expect("small")) / f32::from(u16::try_from(height).expect("small"));
            assert!((found / expected - 1.0).abs() < 0.03, "{up} {view}: {width} × {height}");
            assert!(
                (270..=280).contains(&width.max(height)),
                "{up} {view}: {width} × {height}"
            );
            assert!(text.contains(&format!("seen from the {view} with {up} up")), "{text}");
        }
    }
}

#[test]
fn light_comes_from_above_and_the_left() {
    let mut viewer = Viewer::new();
    let buffer = viewer.put(&geometry(json!({})).source_dcc("Blender"), &a_box([1.0; 3], [0.0; 3]));
    let (picture, text) = viewer.view(&json!({"buffer": buffer, "max_edge": 256}));
    assert!(
        text.starts_with(
            "Mesh of 8 points and 6 faces, seen from the front, right and above with Z up (assumed: there is no attribute upAxis)"
        ),
        "{text}"
    );
    let [top, left, right] = [(128, 45), (80, 120), (205, 120)].map(|(x, y)| picture.get_pixel(x, y).0[1]);
    assert!(top > left && left > right && right > 60, "{top} {left} {right}");
}

#[test]
fn faces_come_in_several_forms() {
    let mut viewer = Viewer::new();
    let mut expected = None;
    let quads = a_box([1.0, 2.0, 3.0], [0.0; 3]);
    let position = || quads[0].clone();
    let corner_vert = |shape: &'static [u64]| ("corner_vert", "<i4", shape, quads[1].3.clone());
    let wide: Vec<u8> = quads[1]
        .3
        .as_chunks()
        .0
        .iter()
        .flat_map(|&bytes| i64::from(i32::from_le_bytes(bytes)).to_be_bytes())
        .collect();
    let forms: [Vec<Array<'_>>; 5] = [
        quads.clone(),
        vec![
            position(),
            corner_vert(&[24]),
            ("face_start", "<i4", &[6], integers((0..6).map(|face| face * 4))),
        ],
        vec![position(), corner_vert(&[6, 4])],
        vec![
            position(),
            ("corner_vert", ">i8", &[24], wide),
            ("face_size", "|u1", &[6], vec![4; 6]),
        ],
        {
            let corners = quads[1].3.as_chunks::<16>().0.iter();
            let triangles = corners
                .flat_map(|quad| [&quad[..12], &quad[..4], &quad[8..]].concat())
                .collect();
            vec![position(), ("corner_vert", "<i4", &[36], triangles)]
        },
    ];
    for (form, arrays) in forms.iter().enumerate() {
        for compress in [false, true] {
            let buffer = viewer.put(&geometry(json!({})).compress(compress), arrays);
            let (picture, text) = viewer.view(&json!({"buffer": buffer, "max_edge": 128}));
            assert_eq!(picture, *expected.get_or_insert_with(|| picture.clone()), "form {form}");
            assert_eq!(text.contains("12 triangles (taken for triangles"), form == 4, "{text}");
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_left_out_and_counted() {
    let mut viewer = Viewer::new();
    let mut arrays = a_box([1.0; 3], [0.0; 3]);
    // A ninth point that is no number; faces that use it, points that are not there, too few corners, and too many.
    arrays[0] = (
        "position",
        "<f4",
        &[9, 3],
        [arrays[0].3.clone(), reals([f32::NAN, 0.0, 0.0])].concat(),
    );
    arrays[1].2 = &[37];
    arrays[1]
        .3
        .extend(integers([0, 1, 8, 0, 1, 9, 0, 1, -1, 0, 1, i32::MAX, 0]));
    arrays[2] = (
        "face_size",
        "<i4",
        &[13],
        integers([4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 0, -5, 1]),
    );
    let buffer = viewer.put(&geometry(json!({})), &arrays);
    let (_, text) = viewer.view(&json!({"buffer": buffer}));
    for fact in [
        "Left out: 1 position with NaN or infinite values",
        "Left out: 4 faces whose corners or points are not there",
        "Left out: 2 faces with fewer than three corners",
        "Left out: 1 face with points that are NaN",
    ] {
        assert!(text.contains(fact), "{fact}: {text}");
    }
}

#[test]
fn geometry_without_anything_to_see_is_an_error() {
    let mut viewer = Viewer::new();
    let cases: [(Vec<Array<'_>>, &str); 5] = [
        (vec![("position", "<f4", &[0, 3], vec![])], "has no points"),
        (
            vec![("position", "<f4", &[2, 3], reals([5.0; 6]))],
            "All points lie at (5, 5, 5)",
        ),
        (
            vec![("position", "<f4", &[1, 3], reals([f32::NAN; 3]))],
            "All positions are NaN",
        ),
        (
            vec![
                ("position", "<f4", &[2, 3], reals([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])),
                ("corner_vert", "<i4", &[3], integers([0, 1, 2])),
            ],
            "No face can be drawn. Left out: 1 face whose corners",
        ),
        (
            vec![
                (
                    "position",
                    "<f4",
                    &[3, 3],
                    reals([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]),
                ),
                ("corner_vert", "<i4", &[3], integers([0, 1, 2])),
            ],
            "Nothing is to be seen from the front",
        ),
    ];
    for (arrays, expected) in cases {
        let buffer = viewer.put(&geometry(json!({"upAxis": "Y"})), &arrays);
        viewer.refuses(&json!({"buffer": buffer, "view": "front"}), expected);
    }
}

#[test]
fn faces_of_no_corners_are_none_however_many_there_are() {
    let mut viewer = Viewer::new();
    let points = reals([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let arrays: [Array<'_>; 2] = [
        ("position", "<f4", &[2, 3], points),
        ("corner_vert", "<i4", &[1 << 58, 0], vec![]),
    ];
    let buffer = viewer.put(&geometry(json!({})), &arrays);
    let (_, text) = viewer.view(&json!({"buffer": buffer}));
    assert!(text.contains("2 points"), "{text}");
}

#[test]
fn points_without_faces_are_balls() {
    let mut viewer = Viewer::new();
    let buffer = viewer.put(&geometry(json!({})), &a_box([1.0; 3], [0.0; 3])[..1]);
    let (picture, text) = viewer.view(&json!({"buffer": buffer, "view": "front", "max_edge": 200}));
    assert!(text.starts_with("Point cloud of 8 points"), "{text}");
    let background = (0..200)
        .filter(|&x| picture.get_pixel(x, 100) == picture.get_pixel(0, 100))
        .count();
    assert_eq!(background, 200);
    assert!(seen(&picture)[0] < 20, "{:?}", seen(&picture));
}

#[test]
fn caches_are_shown_by_frame_and_as_a_sheet() {
    let mut viewer = Viewer::new();
    // A box that rises from frame to frame.
    let frames = (0..30_u16)
        .flat_map(|frame| a_box([1.0; 3], [0.0, f32::from(frame), 0.0])[0].3.clone())
        .collect();
    let mut arrays = a_box([1.0; 3], [0.0; 3]);
    arrays[0] = ("position", "<f4", &[30, 8, 3], frames);
    let attrs: Attrs = serde_json::from_value(json!({"startTimeCode": 101})).expect("an object");
    let options = BufferOptions::new(SceneDataKind::AnimationCache).attrs(attrs);
    let buffer = viewer.put(&options, &arrays);
    let mut heights = Vec::new();
    for frame in [0, 7, 29] {
        let (picture, text) = viewer.view(&json!({"buffer": buffer, "frame": frame, "view": "front", "max_edge": 300}));
        let row = (0..300).find(|&y| picture.get_pixel(150, y) != picture.get_pixel(0, y));
        heights.push(row.expect("the box"));
        assert!(seen(&picture)[0] < 15, "the camera sees all frames");
        let code = frame + 101;
        let expected = format!("Frame {frame} (time code {code}) of 0 to 29 (time codes 101 to 130).");
        assert!(text.contains(&expected), "{text}");
        let by_code = viewer.view(&json!({"buffer": buffer, "frame": code, "view": "front", "max_edge": 300}));
        assert_eq!(by_code, (picture, text));
    }
    assert!(heights[0] > heights[1] && heights[1] > heights[2], "{heights:?}");
    let (picture, text) = viewer.view(&json!({"buffer": buffer, "view": "front", "max_edge": 300}));
    assert!(
        text.contains("Frames 0 (time code 101), 3 (time code 104), 7") && text.contains("of 0 to 29 (time codes"),
        "{text}"
    );
    let [width, height] = [picture.width(), picture.height()];
    assert!(width <= 300 && width > 290 && width == height);
    // Between two tiles there is white.
    assert_eq!(picture.get_pixel(width / 3 + 1, 10).0, [255; 3]);
    viewer.refuses(
        &json!({"buffer": buffer, "frame": 30}),
        "`frame`: there is no frame 30 (time code 30 would be frame -71",
    );
}

#[test]
fn sides_frames_and_layers_are_asked_for_in_one_call() {
    let mut viewer = Viewer::new();
    let named = geometry(json!({"upAxis": "Z"})).name("hero");
    let mesh = viewer.put(&named, &a_box([1.0, 2.0, 3.0], [0.0; 3]));
    let sides = json!({"buffer": mesh, "view": ["front", "right", "top"]});
    let (picture, text) = viewer.view(&sides);
    assert!(
        text.contains("seen from the front; from the right; from the top with Z up")
            && text.contains("from left to right and top to bottom")
            && text.contains(&format!("Buffer {}, name \"hero\".", mesh.as_str().expect("an id"))),
        "{text}"
    );
    for spelled in [
        json!({"buffer": mesh, "views": "front, right, top"}),
        json!({"buffer": mesh, "sides": "[\"Front\", \"RIGHT\", \"top\"]"}),
    ] {
        assert_eq!(viewer.view(&spelled).0, picture, "{spelled}");
    }
    let passes = [
        ("pixels", "|u1", &[4, 5, 3][..], vec![200; 60]),
        ("depth", "<f4", &[4, 5], reals((0..20_u8).map(f32::from))),
    ];
    let frame = viewer.put(&screenshot(json!({"frame": 1020})), &passes);
    let (depth, text) = viewer.view(&json!({"buffer": frame, "layer": "Z", "frame": "1020"}));
    assert!(
        text.contains("Array \"depth\" <f4 [4, 5]: 5 × 4 pixels, grey, the top row first."),
        "{text}"
    );
    assert_ne!(depth, viewer.view(&json!({"buffer": frame})).0);
    viewer.refuses(&json!({"buffer": frame, "array": "albedo"}), "it has: pixels, depth");
    viewer.refuses(
        &json!({"buffer": frame, "frame": 1021}),
        "there is 1 frame, 0 (time code 1020)",
    );
    viewer.refuses(
        &json!({"buffer": mesh, "view": ["front", "north"]}),
        "`view[1]`: unknown variant",
    );
    viewer.refuses(
        &json!({"buffer": frame, "frame": vec![0; 10]}),
        "10 frames and sides are more than the 9",
    );
}

#[test]
fn what_is_no_picture_is_told_with_what_there_is() {
    let mut viewer = Viewer::new();
    let text = SharedSceneBuffer::write(&viewer.store, b"plain text", &BufferOptions::default()).expect("a scene");
    viewer.refuses(
        &json!({"buffer": text.id()}),
        "nothing to draw in these 10 bytes (Arbitrary)",
    );
    let empty = SharedSceneBuffer::write(&viewer.store, b"", &BufferOptions::default()).expect("a scene");
    viewer.refuses(&json!({"buffer": empty.id()}), "nothing to draw in these 0 bytes");
    let arrays = [
        ("uv", "<f4", &[4, 2][..], vec![0; 32]),
        ("position", "|b1", &[1, 3], vec![0; 3]),
    ];
    // What would look like rows of pixels in a screenshot is none in geometry.
    let buffer = viewer.put(&geometry(json!({})), &arrays);
    viewer.refuses(&json!({"buffer": buffer}), "\"uv\" <f4 [4, 2], \"position\" |b1 [1, 3]");
    let pass = [("position", "<f4", &[2, 2, 3][..], reals([0.5; 12]))];
    let buffer = viewer.put(&screenshot(json!({})), &pass);
    assert_eq!(viewer.view(&json!({"buffer": buffer})).0.dimensions(), (2, 2));
    let layout = Layout::new([("pixels", ArraySpec::new("|u1".parse().expect("a type"), [2, 2]))]).expect("a layout");
    let unsealed = SharedSceneBuffer::create_empty(&viewer.store, &layout, &BufferOptions::default()).expect("a scene");
    viewer.refuses(&json!({"buffer": unsealed.id()}), "still empty");
    unsealed.unlink().expect("its maker");
    viewer.refuses(&json!({"buffer": unsealed.id()}), "list_buffers");
}

#[test]
fn a_file_that_lost_its_end_is_an_error() {
    let mut viewer = Viewer::new();
    let arrays = [("pixels", "|u1", &[512, 512][..], vec![7; 512 * 512])];
    let buffer = viewer.put(&screenshot(json!({})), &arrays);
    let path = viewer
        .store
        .path()
        .join(format!("{}.shm", buffer.as_str().expect("an id")));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner");
    let file = fs::File::options().write(true).open(&path).expect("its owner");
    file.set_len(10_000).expect("shorter");
    viewer.refuses(&json!({"buffer": buffer}), "damaged");
}

#[test]
fn bad_arguments_are_named() {
    let mut viewer = Viewer::new();
    let buffer = viewer.put(&geometry(json!({})), &a_box([1.0; 3], [0.0; 3]));
    for (arguments, expected) in [
        (json!({}), "missing field `buffer`"),
        (json!({"buffer": "nope"}), "Nothing is shared as \"nope\""),
        (
            json!({"buffer": buffer, "max_edge": 63}),
            "`max_edge`: 63 is not between 64 and 2048",
        ),
        (json!({"buffer": buffer, "max_edge": 2049}), "`max_edge`"),
        (json!({"buffer": buffer, "max_edge": -1}), "`max_edge`"),
        (json!({"buffer": buffer, "view": "north"}), "`view`: unknown variant"),
        (json!({"buffer": buffer, "frame": -1}), "`frame`: there is no frame -1"),
        (
            json!({"buffer": buffer, "frame": 1}),
            "`frame`: there is no frame 1: there is 1 frame, 0",
        ),
        (json!({"buffer": buffer, "size": 1}), "`size`: unknown field"),
    ] {
        viewer.refuses(&arguments, expected);
    }
}

#[test]
fn a_slot_of_a_stream_is_seen_by_the_size_that_its_pool_states() {
    let mut viewer = Viewer::new();
    let options = screenshot(json!({"width": 90, "height": 70, "channels": 3}));
    let pool = BufferPool::create(&viewer.store, 2, 1 << 16, &options).expect("a pool");
    let slot = pool.acquire().expect("a slot");
    let green: Vec<u8> = [0, 255, 0].repeat(90 * 70);
    slot.write(&green).expect("room");
    let (picture, text) = viewer.view(&json!({"buffer": slot.id()}));
    assert_eq!(picture.dimensions(), (90, 70));
    assert!(text.contains("90 × 70 pixels, RGB"), "{text}");
    let [r, g, b] = picture.get_pixel(45, 35).0;
    assert!(g > 250 && r < 5 && b < 5, "{r} {g} {b}");

    slot.write(&green[3..]).expect("room");
    viewer.refuses(
        &json!({"buffer": slot.id()}),
        "which are 18900 bytes, and there are 18897",
    );
    let huge = screenshot(json!({"width": u64::MAX, "height": u64::MAX}));
    let buffer = SharedBuffer::create(&viewer.store, 16, &huge).expect("a buffer");
    viewer.refuses(&json!({"buffer": buffer.id()}), "nothing to draw");
}
