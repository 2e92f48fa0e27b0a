//! The public files of OpenEXR (openexr-images) that show one thing each, written anew in small.

use dcc_mcp_shm_view::View;
use image::RgbImage;
use serde_json::json;

use crate::exr::{Part, Values, file};
use crate::scenes::Scenes;

fn view(parts: &[Part]) -> (RgbImage, String) {
    let scenes = Scenes::new();
    let scene = scenes.put_bytes(json!({}), &file(parts));
    scenes.try_view(&scene, View::Front, None).expect("a picture")
}

fn assert_shows(picture: &RgbImage, color: [f32; 3], text: &str) {
    for pixel in picture.pixels() {
        for (found, light) in pixel.0.into_iter().zip(color) {
            let expected = 255.0 * (1.055 * light.powf(1.0 / 2.4) - 0.055);
            assert!((f32::from(found) - expected).abs() < 2.0, "{pixel:?} {color:?} {text}");
        }
    }
}

/// The colour in CIE XYZ.
fn xyz([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        0.4124 * r + 0.3576 * g + 0.1805 * b,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        0.0193 * r + 0.1192 * g + 0.9505 * b,
    ]
}

const REC_709: [f32; 8] = [0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329];
const XYZ: [f32; 8] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.333_33, 0.333_33];

/// Chromaticities: Rec709, XYZ, Rec709_YC and XYZ_YC look the same, and LuminanceChroma as they do. Where chroma is stored
/// for every second pixel, it is with and without compression.
#[test]
fn one_colour_looks_the_same_in_whatever_way_it_is_stored() {
    for color in [[0.6_f32, 0.3, 0.1], [0.5, 0.5, 0.5], [0.1, 0.2, 0.7]] {
        for (places, [r, g, b], name) in [
            (None, color, None),
            (Some(REC_709), color, None),
            (Some(XYZ), xyz(color), Some("converted from CIE XYZ to Rec. 709")),
        ] {
            let weights = if places == Some(XYZ) {
                [0.0, 1.0, 0.0]
            } else {
                [0.2126, 0.7152, 0.0722]
            };
            let y = r * weights[0] + g * weights[1] + b * weights[2];
            let plain: &[(&str, f32)] = &[("B", b), ("G", g), ("R", r)];
            let chroma: &[(&str, f32)] = &[("BY", b / y - 1.0), ("RY", r / y - 1.0), ("Y", y)];
            let covered: &[(&str, f32)] = &[("A", 1.0), ("BY", b / y - 1.0), ("RY", r / y - 1.0), ("Y", y)];
            for channels in [plain, chroma, covered] {
                for (sampling, compression) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
                    let mut part = Part::plain(16, 10, channels);
                    (part.chromaticities, part.compression) = (places, compression);
                    for channel in &mut part.channels {
                        if channel.name.ends_with('Y') && channel.name != "Y" {
                            channel.sampling = sampling;
                        }
                    }
                    let (picture, text) = view(&[part]);
                    assert_shows(&picture, color, &text);
                    assert_eq!(text.contains("converted"), name.is_some(), "{text}");
                    assert!(name.is_none_or(|name| text.contains(name)), "{text}");
                    let computed = "computed from luminance and its differences";
                    assert_eq!(
                        text.contains(computed),
                        channels.len() != 3 || channels[0].0 == "BY",
                        "{text}"
                    );
                }
            }
        }
    }
}

/// Beachball: a part for what each eye sees, its depth, its motion and its disparity.
#[test]
fn of_a_stereo_picture_in_parts_the_first_view_s_colours_are_shown() {
    let view_name = |part: &mut Part, name: &str| part.more.push(("view", "string", name.as_bytes().to_vec()));
    for first in ["right", "left"] {
        let mut parts = Vec::new();
        for eye in ["left", "right"] {
            let light = if eye == first { [0.6, 0.3, 0.1] } else { [0.1, 0.1, 0.9] };
            let [r, g, b] = light;
            let mut colors = Part::plain(6, 4, &[("A", 1.0), ("B", b), ("G", g), ("R", r)]);
            let mut depth = Part::plain(6, 4, &[("Z", 5.0)]);
            let mut motion = Part::plain(6, 4, &[("u", 0.5), ("v", 0.5)]);
            let mut disparity = Part::plain(6, 4, &[("x", 0.5), ("y", 0.5)]);
            let names = if eye == "left" {
                ["rgba_left", "depth_left", "forward_left", "disparityL"]
            } else {
                ["rgba_right", "depth_right", "forward_right", "disparityR"]
            };
            for (part, name) in [&mut colors, &mut depth, &mut motion, &mut disparity]
                .into_iter()
                .zip(names)
            {
                part.name = name;
                view_name(part, eye);
            }
            // What is no colour comes before it.
            let of_the_eye = [motion, disparity, depth, colors];
            if eye == first {
                parts.splice(0..0, of_the_eye);
            } else {
                parts.extend(of_the_eye);
            }
        }
        let (picture, text) = view(&parts);
        assert_shows(&picture, [0.6, 0.3, 0.1], &text);
        assert!(text.contains(&format!("layer \"rgba_{first}\" of 2")), "{text}");
        for name in ["depth_left.Z", "forward_right.u", "disparityL.x"] {
            assert!(text.contains(&format!("\"{name}\"")), "{name}: {text}");
        }
    }
}

/// MultiView: a file of one part, whose first view has no prefix, and `Beachball/singlepart` with all that it has.
#[test]
fn of_a_stereo_picture_in_one_part_the_first_view_is_shown() {
    let names = |first: &str| {
        let second = if first == "right" { "left" } else { "right" };
        [first, second]
            .iter()
            .flat_map(|name| {
                let length = u32::try_from(name.len()).expect("short").to_le_bytes();
                [&length[..], name.as_bytes()].concat()
            })
            .collect::<Vec<u8>>()
    };
    let cases: [(&str, &[(&str, f32)]); 3] = [
        (
            "right",
            &[
                ("A", 1.0),
                ("B", 0.1),
                ("G", 0.3),
                ("R", 0.6),
                ("left.A", 1.0),
                ("left.B", 0.9),
                ("left.G", 0.9),
                ("left.R", 0.9),
            ],
        ),
        (
            "left",
            &[
                ("A", 1.0),
                ("B", 0.1),
                ("G", 0.3),
                ("R", 0.6),
                ("Z", 4.0),
                ("disparityL.x", 0.2),
                ("disparityL.y", 0.2),
                ("forward.u", 0.2),
                ("forward.v", 0.2),
                ("right.A", 1.0),
                ("right.B", 0.9),
                ("right.G", 0.9),
                ("right.R", 0.9),
                ("right.Z", 4.0),
                ("whitebarmask.mask", 1.0),
            ],
        ),
        // Both with a prefix, as some write them.
        (
            "right",
            &[
                ("left.B", 0.9),
                ("left.G", 0.9),
                ("left.R", 0.9),
                ("right.B", 0.1),
                ("right.G", 0.3),
                ("right.R", 0.6),
            ],
        ),
    ];
    for (first, channels) in cases {
        let mut part = Part::plain(6, 4, channels);
        part.more.push(("multiView", "stringvector", names(first)));
        let (picture, text) = view(&[part]);
        assert_shows(&picture, [0.6, 0.3, 0.1], &text);
        for (name, _) in channels {
            assert!(text.contains(&format!("\"{name}\"")), "{name}: {text}");
        }
    }
}

/// DisplayWindow: the same picture in windows of sixteen kinds; t08 to t16 leave some of the display window empty or lie
/// outside of it.
#[test]
fn the_display_window_is_what_is_shown() {
    let windows = [
        ([0, 0, 8, 6], [0, 0, 8, 6]),
        ([0, 0, 8, 6], [1, 1, 6, 4]),
        ([-2, -1, 12, 8], [0, 0, 8, 6]),
        ([2, 1, 4, 3], [0, 0, 8, 6]),
        ([-4, -3, 8, 6], [0, 0, 8, 6]),
        ([4, 3, 8, 6], [0, 0, 8, 6]),
        ([-5, -6, 20, 20], [-4, -4, 8, 6]),
        ([20, 20, 8, 6], [0, 0, 8, 6]),
    ];
    for (data, display) in windows {
        let mut part = Part::plain(data[2], data[3], &[("B", 0.0), ("G", 0.0), ("R", 1.0)]);
        (part.data, part.display) = (data, display);
        let (picture, text) = view(&[part]);
        let is_beside = data[0] >= display[0] + display[2];
        let shown = if is_beside { data } else { display };
        assert_eq!(
            [picture.width(), picture.height()],
            [shown[2], shown[3]].map(|edge| edge as u32),
            "{text}"
        );
        let overlap = |axis: usize| {
            (data[axis] + data[axis + 2]).min(shown[axis] + shown[axis + 2]) - data[axis].max(shown[axis])
        };
        let red = picture.pixels().filter(|pixel| pixel.0 == [255, 0, 0]).count();
        assert_eq!(red, (overlap(0) * overlap(1)) as usize, "{data:?} {display:?} {text}");
        assert_eq!(
            text.contains("squares where there is no data"),
            red < picture.pixels().count(),
            "{text}"
        );
        assert_eq!(text.contains("its display window"), data != display, "{text}");
    }
}

/// ScanLines: colours and depth, of whole numbers and reals, by the codec of runs.
#[test]
fn colours_are_shown_beside_depth_and_ids() {
    for compression in [0, 1] {
        let mut part = Part::plain(
            20,
            5,
            &[
                ("A", 1.0),
                ("B", 0.1),
                ("G", 0.3),
                ("R", 0.6),
                ("Z", 3.4e38),
                ("id", 0.0),
            ],
        );
        part.compression = compression;
        part.channels[5].values = Values::Integers((0..100).collect());
        let (picture, text) = view(&[part]);
        assert_shows(&picture, [0.6, 0.3, 0.1], &text);
        assert!(text.contains("not shown: \"Z\", \"id\"."), "{text}");
    }
}
