//! OpenEXR files as renderers write them: which channels are the picture, what windows and chromaticities do to it, and what
//! is said of parts that cannot be read.

use dcc_mcp_shm_view::View;
use image::RgbImage;
use proptest::prelude::*;
use serde_json::json;

use crate::exr::{Part, Values, file};
use crate::scenes::Scenes;

fn view(parts: &[Part]) -> Result<(RgbImage, String), String> {
    let scenes = Scenes::new();
    let scene = scenes.put_bytes(json!({}), &file(parts));
    scenes.try_view(&scene, View::Front, None)
}

/// The colour of the only colour there is.
fn color(picture: &RgbImage) -> [u8; 3] {
    let first = picture.get_pixel(0, 0).0;
    assert!(picture.pixels().all(|pixel| pixel.0 == first), "{first:?}");
    first
}

#[test]
fn the_finished_picture_is_found_and_the_channels_are_named() {
    const COLOR: [u8; 3] = [255, 188, 137];
    let cases: [(&[(&str, f32)], &str); 12] = [
        (&[("B", 0.25), ("G", 0.5), ("R", 1.0)], "RGB"),
        (&[("A", 1.0), ("B", 0.25), ("G", 0.5), ("R", 1.0), ("Z", 9.0)], "RGBA"),
        (&[("a", 1.0), ("b", 0.25), ("g", 0.5), ("r", 1.0)], "RGBA"),
        (&[("blue", 0.25), ("green", 0.5), ("red", 1.0)], "RGB"),
        (&[("C.b", 0.25), ("C.g", 0.5), ("C.r", 1.0)], "RGB"),
        (&[("AO", 0.7), ("b", 0.25), ("g", 0.5), ("r", 1.0)], "RGB"),
        (
            &[
                ("AO.b", 0.7),
                ("AO.g", 0.7),
                ("AO.r", 0.7),
                ("rgba.a", 1.0),
                ("rgba.b", 0.25),
                ("rgba.g", 0.5),
                ("rgba.r", 1.0),
            ],
            "RGBA",
        ),
        (
            &[
                ("aaa.B", 0.9),
                ("aaa.G", 0.9),
                ("aaa.R", 0.9),
                ("zzz.Beauty.B", 0.25),
                ("zzz.Beauty.G", 0.5),
                ("zzz.Beauty.R", 1.0),
            ],
            "RGB",
        ),
        (
            &[
                ("B", 0.25),
                ("G", 0.5),
                ("R", 1.0),
                ("left.B", 0.9),
                ("left.G", 0.9),
                ("left.R", 0.9),
            ],
            "RGB",
        ),
        (
            &[
                ("AB", 0.9),
                ("AG", 0.9),
                ("AR", 0.9),
                ("B", 0.25),
                ("G", 0.5),
                ("R", 1.0),
            ],
            "RGB",
        ),
        (
            &[
                ("N.X", 0.1),
                ("N.Y", 0.2),
                ("N.Z", 0.3),
                ("beauty_B", 0.25),
                ("beauty_G", 0.5),
                ("beauty_R", 1.0),
            ],
            "RGB",
        ),
        (
            &[
                ("diffuse.b", 0.9),
                ("diffuse.g", 0.9),
                ("diffuse.r", 0.9),
                ("hero.b", 0.25),
                ("hero.g", 0.5),
                ("hero.r", 1.0),
            ],
            "RGB",
        ),
    ];
    for (channels, pixels) in cases {
        let (picture, text) = view(&[Part::plain(4, 3, channels)]).expect("a picture");
        assert_eq!(color(&picture), COLOR, "{channels:?}: {text}");
        assert!(text.contains(&format!("pixels, {pixels}")), "{text}");
        for (name, _) in channels {
            assert!(text.contains(&format!("\"{name}\"")), "{name}: {text}");
        }
    }
}

#[test]
fn without_colours_the_best_channel_is_shown() {
    let cases: [(&[(&str, f32)], &str); 8] = [
        (&[("A", 1.0), ("Y", 0.5)], "Shown: \"Y\", \"A\", which is all there is."),
        (&[("A", 1.0), ("Z", 0.5)], "Shown: \"Z\"; not shown: \"A\"."),
        (
            &[("A", 1.0), ("Y", 0.5), ("Z", 9.0)],
            "Shown: \"Y\", \"A\"; not shown: \"Z\".",
        ),
        (&[("A", 0.5)], "Shown: \"A\", which is all there is."),
        (&[("R", 0.5), ("Z", 9.0)], "Shown: \"R\"; not shown: \"Z\"."),
        (&[("foo", 0.5)], "Shown: \"foo\", which is all there is."),
        (
            &[("N.X", 0.5), ("N.Y", 0.5), ("N.Z", 0.5)],
            "Shown: \"N.X\", \"N.Y\", \"N.Z\", which is all there is.",
        ),
        (
            &[("depth.Z", 0.5), ("id", 3.0), ("mask.A", 1.0)],
            "Shown: \"depth.Z\"; not shown: \"id\", \"mask.A\".",
        ),
    ];
    for (channels, expected) in cases {
        let (_, text) = view(&[Part::plain(4, 3, channels)]).expect("a picture");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn luminance_and_its_differences_are_colours() {
    let (r, g, b) = (0.9_f32, 0.5, 0.2);
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let values = [("BY", b / y - 1.0), ("RY", r / y - 1.0), ("Y", y)];
    for sampling in [1, 2] {
        let mut part = Part::plain(8, 6, &values);
        for channel in &mut part.channels[..2] {
            channel.sampling = sampling;
        }
        let (picture, text) = view(&[part]).expect("a picture");
        let [red, green, blue] = color(&picture);
        for (found, light) in [(red, r), (green, g), (blue, b)] {
            let expected = 255.0 * (1.055 * light.powf(1.0 / 2.4) - 0.055);
            assert!(
                (f32::from(found) - expected).abs() < 2.0,
                "{sampling}: {found} {expected} {text}"
            );
        }
    }
}

#[test]
fn subsampled_channels_of_an_odd_size_and_new_codecs_say_why() {
    let mut odd = Part::plain(7, 6, &[("BY", 0.0), ("RY", 0.0), ("Y", 0.5)]);
    odd.channels[0].sampling = 2;
    let error = view(&[odd]).expect_err("nothing");
    assert!(
        error.contains("subsampled channels that do not fit its data window"),
        "{error}"
    );
    let mut new = Part::plain(4, 3, &[("B", 0.5), ("G", 0.5), ("R", 0.5)]);
    new.compression = 11;
    let error = view(&[new]).expect_err("nothing");
    assert!(error.contains("compressed as HTJ2K"), "{error}");
    let mut unknown = Part::plain(4, 3, &[("Y", 0.5)]);
    unknown.compression = 77;
    let error = view(&[unknown]).expect_err("nothing");
    assert!(error.contains("compression"), "{error}");
}

#[test]
fn the_part_that_can_be_read_is_shown_and_others_say_why() {
    for flat_first in [true, false] {
        for (kind, compression, reason) in [("deepscanline", 0, "is deep"), ("scanlineimage", 10, "HTJ2K")] {
            let mut flat = Part::plain(4, 3, &[("B", 1.0), ("G", 0.0), ("R", 1.0)]);
            flat.name = "flat";
            let mut other = Part::plain(4, 3, &[("A", 1.0), ("Z", 2.0)]);
            (other.name, other.kind, other.compression) = ("strange", kind, compression);
            // HTJ2K has one chunk of 256 lines here.
            if compression == 10 {
                other.data[3] = 1;
            }
            let parts = if flat_first { [flat, other] } else { [other, flat] };
            let (picture, text) = view(&parts).expect("a picture");
            assert_eq!(color(&picture), [255, 0, 255], "{text}");
            assert!(
                text.contains("Not read: part \"strange\"") && text.contains(reason),
                "{text}"
            );
            assert!(text.contains("not shown: \"strange.A\", \"strange.Z\""), "{text}");
        }
    }
    let mut deep = Part::plain(4, 3, &[("A", 1.0), ("Z", 2.0)]);
    (deep.name, deep.kind) = ("a", "deepscanline");
    let mut deeper = Part::plain(4, 3, &[("A", 1.0), ("Z", 2.0)]);
    (deeper.name, deeper.kind) = ("b", "deeptile");
    deeper.more.push((
        "tiles",
        "tiledesc",
        [4_u32.to_le_bytes(), 3_u32.to_le_bytes()]
            .concat()
            .into_iter()
            .chain([0])
            .collect(),
    ));
    let error = view(&[deep, deeper]).expect_err("nothing");
    assert!(
        error.contains("part \"a\" is deep") && error.contains("part \"b\" is deep"),
        "{error}"
    );
}

#[test]
fn alpha_that_hides_everything_is_ignored_and_said() {
    for channels in [
        &[("A", 0.0), ("B", 0.25), ("G", 0.5), ("R", 1.0)][..],
        &[("A", 0.0), ("Y", 0.5)],
    ] {
        let (picture, text) = view(&[Part::plain(4, 3, channels)]).expect("a picture");
        assert!(
            color(&picture)[0] > 100 && text.contains("Its alpha is 0 everywhere and was ignored"),
            "{text}"
        );
    }
}

#[test]
fn chromaticities_are_converted() {
    let aces = [0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767];
    let mut part = Part::plain(4, 3, &[("B", 0.2), ("G", 0.5), ("R", 0.3)]);
    part.chromaticities = Some(aces);
    let (picture, text) = view(&[part]).expect("a picture");
    assert!(text.contains("converted from ACEScg (AP1) to Rec. 709"), "{text}");
    // 0.3 × (1.705, -0.130, -0.024) + 0.5 × (-0.622, 1.141, -0.129) + 0.2 × (-0.083, -0.011, 1.153)
    let expected = [0.184, 0.529, 0.159].map(|light: f32| 255.0 * (1.055 * light.powf(1.0 / 2.4) - 0.055));
    for (found, expected) in color(&picture).into_iter().zip(expected) {
        assert!((f32::from(found) - expected).abs() < 2.0, "{found} {expected}");
    }
    for (places, said) in [
        ([0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329], ""),
        ([0.0; 8], "make no colours and were ignored"),
        (
            [0.61, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329],
            "converted from red (0.61, 0.33)",
        ),
    ] {
        let mut part = Part::plain(4, 3, &[("B", 0.2), ("G", 0.5), ("R", 0.3)]);
        part.chromaticities = Some(places);
        let (_, text) = view(&[part]).expect("a picture");
        assert!(
            text.contains(said) && (said.is_empty() != (text.contains("converted") || text.contains("ignored"))),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(crate::properties::config(60))]
    #[test]
    fn pixels_lie_where_the_windows_say(
        data in (-20_i32..20, -20_i32..20, 1_i32..20, 1_i32..20),
        display in (-20_i32..20, -20_i32..20, 1_i32..20, 1_i32..20),
    ) {
        let (data, display) = ([data.0, data.1, data.2, data.3], [display.0, display.1, display.2, display.3]);
        let mut part = Part::plain(data[2], data[3], &[("B", 0.0), ("G", 0.0), ("R", 0.0)]);
        // Red and green tell the place of each pixel.
        for (place, channel) in part.channels.iter_mut().enumerate().skip(1) {
            let values = (0..data[3]).flat_map(|y| (0..data[2]).map(move |x| {
                let value = if place == 1 { data[1] + y } else { data[0] + x };
                (value + 20) as f32 / 64.0
            }));
            channel.values = Values::Reals(values.collect());
        }
        (part.data, part.display) = (data, display);
        let scenes = Scenes::new();
        // As sRGB, the values are shown as they are.
        let scene = scenes.put_bytes(json!({"colorSpace": "sRGB"}), &file(&[part]));
        let (picture, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");
        let overlap = |axis: usize| {
            (data[axis] + data[axis + 2]).min(display[axis] + display[axis + 2]) - data[axis].max(display[axis])
        };
        let shared = overlap(0).max(0) * overlap(1).max(0);
        let shows_display = data != display && shared > 0 && shared * 64 >= display[2] * display[3];
        let shown = if shows_display { display } else { data };
        prop_assert_eq!([picture.width(), picture.height()], [shown[2], shown[3]].map(|edge| edge as u32));
        prop_assert_eq!(text.contains("display window"), data != display, "{}", text);
        for (x, y, pixel) in picture.enumerate_pixels() {
            let (x, y) = (x as i32 + shown[0], y as i32 + shown[1]);
            let is_inside = (data[0]..data[0] + data[2]).contains(&x) && (data[1]..data[1] + data[3]).contains(&y);
            prop_assert_eq!(pixel.0[2] == 0, is_inside, "{:?} {}", pixel, text);
            if is_inside {
                let value = |byte: u8| f32::from(byte) / 255.0 * 64.0 - 20.0;
                prop_assert!((value(pixel.0[0]) - x as f32).abs() < 0.6 && (value(pixel.0[1]) - y as f32).abs() < 0.6);
            }
        }
    }
}

#[test]
fn whole_numbers_are_shown_in_false_colours() {
    let mut part = Part::plain(4, 1, &[("A", 1.0), ("id", 0.0)]);
    part.channels[1].values = Values::Integers(vec![0, 1, 16_777_217, 16_777_216]);
    let (picture, text) = view(&[part]).expect("a picture");
    let colors: Vec<_> = picture.pixels().map(|pixel| pixel.0).collect();
    assert_eq!(colors[0], [0; 3]);
    for (index, color) in colors.iter().enumerate() {
        assert!(!colors[..index].contains(color), "{colors:?} {text}");
    }
}

#[test]
fn damaged_files_are_errors_and_never_more() {
    let scenes = Scenes::new();
    let mut part = Part::plain(8, 6, &[("BY", 0.1), ("RY", 0.1), ("Y", 0.5)]);
    part.channels[0].sampling = 2;
    part.channels[1].sampling = 2;
    part.name = "a";
    let mut second = Part::plain(4, 3, &[("A", 1.0), ("Z", 2.0)]);
    (second.name, second.kind) = ("b", "deepscanline");
    let whole = file(&[part, second]);
    for at in (8..whole.len()).step_by(3) {
        for value in [0_u8, 0xff, 0x80, 4] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            let scene = scenes.put_bytes(json!({}), &damaged);
            let _ = scenes.try_view(&scene, View::Front, None);
        }
        let scene = scenes.put_bytes(json!({}), &whole[..at]);
        let _ = scenes.try_view(&scene, View::Front, None);
    }
}

#[test]
fn channels_of_a_part_are_named_with_it() {
    let mut beauty = Part::plain(4, 3, &[("B", 0.25), ("G", 0.5), ("R", 1.0)]);
    beauty.name = "rgba_main.beauty";
    let mut depth = Part::plain(4, 3, &[("Z", 5.0)]);
    depth.name = "depth";
    let mut albedo = Part::plain(4, 3, &[("B", 0.9), ("G", 0.9), ("R", 0.9)]);
    albedo.name = "albedo";
    let (picture, text) = view(&[albedo, depth, beauty]).expect("a picture");
    assert_eq!(color(&picture), [255, 188, 137], "{text}");
    assert!(text.contains("layer \"rgba_main.beauty\" of 2"), "{text}");
    assert!(text.contains("\"albedo.B\"") && text.contains("\"depth.Z\""), "{text}");
}

#[test]
fn sizes_that_no_file_has_are_refused() {
    for edge in [1_u32, 1 << 30] {
        let mut part = Part::plain(1, 1, &[("Y", 0.5)]);
        (part.name, part.kind, part.data) = ("a", "tiledimage", [0, 0, 131_072, 131_072]);
        let description = [edge.to_le_bytes(), edge.to_le_bytes()].concat();
        part.more
            .push(("tiles", "tiledesc", description.into_iter().chain([0]).collect()));
        // Only the header is written as it is; there are no chunks.
        let bytes = crate::exr::headers(&[part, Part::plain(1, 1, &[("Z", 0.5)])]);
        let scenes = Scenes::new();
        let scene = scenes.put_bytes(json!({}), &bytes);
        let error = scenes.try_view(&scene, View::Front, None).expect_err("no pixels");
        assert!(
            error.contains("table of chunks") || error.contains("tile size"),
            "{edge}: {error}"
        );
    }
}

#[test]
fn reasons_are_few_however_many_parts_there_are() {
    let parts = (0..40).map(|_| {
        let mut part = Part::plain(4, 3, &[("A", 1.0), ("Z", 2.0)]);
        (part.name, part.kind) = ("deep", "deepscanline");
        part
    });
    let error = view(&parts.collect::<Vec<_>>()).expect_err("nothing");
    assert!(error.contains("36 more parts") && error.len() < 600, "{error}");
}
