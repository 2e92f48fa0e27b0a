//! OpenEXR files of every make: how channels are named, alpha, windows, parts, and how pixels are stored, in all mixtures.

use std::io::Cursor;

use ::exr::math::RoundingMode;
use ::exr::prelude::{
    AnyChannel, AnyChannels, Blocks, Compression, Encoding, FlatSamples, Image, ImageAttributes, IntegerBounds, Layer,
    LayerAttributes, Levels, LineOrder, SmallVec, Text, Vec2, WritableImage, f16,
};
use dcc_mcp_shm_view::View;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::scenes::Scenes;

/// The names of red, green, blue and alpha, and of channels that are not the picture.
const NAMINGS: [([&str; 4], &[&str]); 14] = [
    (["R", "G", "B", "A"], &[]),
    (["R", "G", "B", "A"], &["Z"]),
    (["r", "g", "b", "a"], &["AO"]),
    (["red", "green", "blue", "alpha"], &["depth"]),
    (["Red", "Green", "Blue", "Alpha"], &["id"]),
    (["C.r", "C.g", "C.b", "C.a"], &["N.x", "N.y", "N.z"]),
    (["rgba.R", "rgba.G", "rgba.B", "rgba.A"], &["AO.R", "AO.G", "AO.B"]),
    (
        ["beauty.red", "beauty.green", "beauty.blue", "beauty.alpha"],
        &["albedo.R", "albedo.G", "albedo.B"],
    ),
    (
        [
            "View.Combined.R",
            "View.Combined.G",
            "View.Combined.B",
            "View.Combined.A",
        ],
        &["View.Depth.Z", "View.Normal.X", "View.Normal.Y", "View.Normal.Z"],
    ),
    (
        ["zz.Beauty.R", "zz.Beauty.G", "zz.Beauty.B", "zz.Beauty.A"],
        &["aa.Spec.R", "aa.Spec.G", "aa.Spec.B"],
    ),
    (
        ["beauty_R", "beauty_G", "beauty_B", "beauty_A"],
        &["diffuse_R", "diffuse_G", "diffuse_B"],
    ),
    // A picture for each eye: the first view has no prefix.
    (["R", "G", "B", "A"], &["left.R", "left.G", "left.B", "left.A"]),
    // As a disparity or the motion of a stereo picture.
    (
        ["R", "G", "B", "A"],
        &["disparityL.x", "disparityL.y", "forward.left.u", "forward.left.v"],
    ),
    (
        ["hero.R", "hero.G", "hero.B", "hero.A"],
        &["hero.Z", "crypto.R", "crypto.G", "crypto.B", "crypto.A"],
    ),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Coverage {
    Absent,
    Everywhere,
    Half,
    /// As of programs that forget to write it.
    Nowhere,
}

/// How pixels are stored.
#[derive(Debug, Clone, Copy)]
struct Storage {
    compression: Compression,
    /// Width and height of tiles.
    tiles: Option<(usize, usize)>,
    has_levels: bool,
    is_half: bool,
    order: LineOrder,
}

/// Other parts of a file, beside the one with the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Parts {
    None,
    After,
    Before,
}

fn storage() -> impl Strategy<Value = Storage> {
    let codecs = [
        Compression::Uncompressed,
        Compression::RLE,
        Compression::ZIP1,
        Compression::ZIP16,
        Compression::PIZ,
        Compression::PXR24,
        Compression::B44,
        Compression::B44A,
        Compression::DWAA(None),
        Compression::DWAB(None),
    ];
    let tiles = select(vec![None, Some((4, 4)), Some((5, 3)), Some((64, 64))]);
    let orders = select(vec![LineOrder::Increasing, LineOrder::Decreasing]);
    (select(codecs.to_vec()), tiles, any::<bool>(), any::<bool>(), orders).prop_map(
        |(compression, tiles, has_levels, is_half, order)| Storage {
            compression,
            tiles,
            has_levels: has_levels && tiles.is_some(),
            is_half,
            order,
        },
    )
}

type Channel = AnyChannel<Levels<FlatSamples>>;

fn channel(name: &str, storage: Storage, size: [usize; 2], value: impl Fn(usize, usize) -> f32) -> Channel {
    let samples = |[width, height]: [usize; 2], value: &dyn Fn(usize, usize) -> f32| {
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let values = values.map(|(x, y)| value(x, y));
        if storage.is_half {
            FlatSamples::F16(values.map(f16::from_f32).collect())
        } else {
            FlatSamples::F32(values.collect())
        }
    };
    let largest = samples(size, &value);
    let data = if storage.has_levels {
        let count = size[0].max(size[1]).ilog2();
        // Smaller ones are of another colour, so that it would be seen if they were shown.
        let smaller = (1..=count).map(|level| samples(size.map(|edge| (edge >> level).max(1)), &|_, _| 0.9));
        Levels::Mip {
            rounding_mode: RoundingMode::Down,
            level_data: std::iter::once(largest).chain(smaller).collect(),
        }
    } else {
        Levels::Singular(largest)
    };
    AnyChannel::new(Text::new_or_panic(name), data)
}

fn layer(
    name: Option<&str>,
    storage: Storage,
    window: [i32; 4],
    channels: Vec<Channel>,
) -> Layer<AnyChannels<Levels<FlatSamples>>> {
    let mut attributes = name.map_or_else(LayerAttributes::default, LayerAttributes::named);
    attributes.layer_position = Vec2(window[0], window[1]);
    let encoding = Encoding {
        compression: storage.compression,
        blocks: storage
            .tiles
            .map_or(Blocks::ScanLines, |(width, height)| Blocks::Tiles(Vec2(width, height))),
        line_order: storage.order,
    };
    let channels = AnyChannels::sort(channels.into_iter().collect());
    Layer::new(
        Vec2(window[2] as usize, window[3] as usize),
        attributes,
        encoding,
        channels,
    )
}

/// How many pixels of a file's windows a value stands for.
fn place(at: i32) -> f32 {
    (at + 32) as f32 / 128.0
}

proptest! {
    #![proptest_config(crate::properties::config(160))]
    #[test]
    fn the_picture_is_found_whatever_makes_the_file(
        (names, others) in select(NAMINGS.to_vec()),
        coverage in select(vec![Coverage::Absent, Coverage::Everywhere, Coverage::Half, Coverage::Nowhere]),
        data in (-20_i32..20, -20_i32..20, 1_i32..24, 1_i32..24),
        display in prop_oneof![
            Just(None),
            (-20_i32..20, -20_i32..20, 1_i32..24, 1_i32..24).prop_map(Some),
        ],
        parts in select(vec![Parts::None, Parts::After, Parts::Before]),
        storage in storage(),
        part_storage in storage(),
    ) {
        let data = [data.0, data.1, data.2, data.3];
        let display = display.map_or(data, |(x, y, width, height)| [x, y, width, height]);
        let size = [data[2] as usize, data[3] as usize];
        let alpha = match coverage {
            Coverage::Absent => None,
            Coverage::Everywhere => Some(1.0),
            Coverage::Half => Some(0.5),
            Coverage::Nowhere => Some(0.0),
        };
        let mut channels = vec![
            channel(names[0], storage, size, |x, _| place(data[0] + x as i32)),
            channel(names[1], storage, size, |_, y| place(data[1] + y as i32)),
            channel(names[2], storage, size, |_, _| 0.0),
        ];
        channels.extend(alpha.map(|alpha| channel(names[3], storage, size, |_, _| alpha)));
        channels.extend(others.iter().map(|name| channel(name, storage, size, |_, _| 0.8)));
        let (name, part_name) = if parts == Parts::None { (None, "") } else { (Some("main"), "main.") };
        let mut main = layer(name, storage, data, channels);
        if others.iter().any(|name| name.starts_with("left.")) {
            main.attributes.multi_view_names = Some(vec![Text::new_or_panic("right"), Text::new_or_panic("left")]);
        }
        let depth = || layer(Some("depth"), part_storage, data, vec![channel("Z", part_storage, size, |_, _| 7.0)]);
        let ao = || layer(Some("ao"), part_storage, data, ["R", "G", "B"].map(|name| channel(name, part_storage, size, |_, _| 0.8)).into());
        let layers: SmallVec<[_; 2]> = match parts {
            Parts::None => [main].into_iter().collect(),
            Parts::After => [main, depth(), ao()].into_iter().collect(),
            Parts::Before => [ao(), depth(), main].into_iter().collect(),
        };
        let bounds = IntegerBounds::new((display[0], display[1]), (display[2] as usize, display[3] as usize));
        let image = Image { attributes: ImageAttributes::new(bounds), layer_data: layers };
        let mut bytes = Cursor::new(Vec::new());
        image.write().non_parallel().to_buffered(&mut bytes).expect("an EXR file");
        let scenes = Scenes::new();
        // As sRGB, the values are shown as they are.
        let scene = scenes.put_bytes(json!({"colorSpace": "sRGB"}), bytes.get_ref());
        let (picture, text) = scenes.try_view(&scene, View::Front, None).expect("a picture");

        let pixels = if alpha.is_some() { "pixels, RGBA" } else { "pixels, RGB" };
        prop_assert!(text.contains(pixels), "{text}");
        let shown = &names[..if alpha.is_some() { 4 } else { 3 }];
        let (before, after) = text.split_once("; not shown: ").unwrap_or((&text, ""));
        for name in shown {
            prop_assert!(before.contains(&format!("\"{part_name}{name}\"")), "{name}: {text}");
        }
        for name in others {
            prop_assert!(after.contains(&format!("\"{part_name}{name}\"")), "{name}: {text}");
        }
        prop_assert_eq!(after.contains("\"depth.Z\""), parts != Parts::None, "{}", text);
        prop_assert_eq!(text.contains("alpha is 0 everywhere and was ignored"), coverage == Coverage::Nowhere, "{}", text);
        prop_assert_eq!(text.contains("display window"), data != display, "{}", text);

        let overlap = |axis: usize| {
            (data[axis] + data[axis + 2]).min(display[axis] + display[axis + 2]) - data[axis].max(display[axis])
        };
        let shared = overlap(0).max(0) * overlap(1).max(0);
        let shows_display = shared > 0 && shared * 64 >= display[2] * display[3];
        let window = if shows_display { display } else { data };
        prop_assert_eq!([picture.width(), picture.height()], [window[2], window[3]].map(|edge| edge as u32));
        // These keep less than there is.
        let exactness = match storage.compression {
            Compression::B44 | Compression::B44A if storage.is_half => 4.0,
            Compression::DWAA(_) | Compression::DWAB(_) => 8.0,
            _ => 0.6,
        };
        for (x, y, pixel) in picture.enumerate_pixels() {
            let (x, y) = (x as i32 + window[0], y as i32 + window[1]);
            let is_inside = (data[0]..data[0] + data[2]).contains(&x) && (data[1]..data[1] + data[3]).contains(&y);
            if coverage == Coverage::Half {
                // The squares show through.
                prop_assert!(pixel.0[2] > 0, "{pixel:?} {text}");
                continue;
            }
            if coverage == Coverage::Nowhere && !is_inside {
                prop_assert!(pixel.0 == [0; 3] && text.contains("black where there is no data"), "{pixel:?} {text}");
                continue;
            }
            // The squares are bright.
            prop_assert!(if is_inside { f32::from(pixel.0[2]) <= exactness } else { pixel.0[2] > 100 }, "{pixel:?} {text}");
            if is_inside {
                for (found, at) in [(pixel.0[0], x), (pixel.0[1], y)] {
                    let expected = place(at) * 255.0;
                    prop_assert!((f32::from(found) - expected).abs() <= exactness, "{found} {expected} {text}");
                }
            }
        }
    }
}
