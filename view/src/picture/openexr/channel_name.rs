//! What the names of channels say: which layer a channel belongs to, what it holds, and how likely its layer is the
//! finished picture.

/// Names of layers that are the finished picture, the likeliest first, as OpenEXR and renderers use them. A layer without
/// a name comes before all of them.
const BEAUTY: [&str; 18] = [
    "combined",
    "beauty",
    "rgba",
    "rgb",
    "finalimage",
    "composite",
    "final",
    "master",
    "main",
    "default",
    "primary",
    "bty",
    "ci",
    "c",
    "color",
    "colour",
    "image",
    "effectsresult",
];
/// Parts of names of layers that are not the finished picture.
const OTHER: [&str; 32] = [
    "ao",
    "occlusion",
    "diff",
    "spec",
    "refl",
    "refr",
    "emis",
    "shadow",
    "normal",
    "position",
    "depth",
    "motion",
    "vector",
    "velocity",
    "mask",
    "matte",
    "crypto",
    "albedo",
    "sss",
    "subsurface",
    "transmi",
    "coat",
    "sheen",
    "volume",
    "light",
    "indirect",
    "direct",
    "uv",
    "wire",
    "noise",
    "gloss",
    "id",
];
/// Views of stereo pictures. A view does not say what a layer is.
const VIEWS: [&str; 6] = ["left", "right", "l", "r", "center", "main_view"];

/// What a channel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Red,
    Green,
    Blue,
    Alpha,
    Luminance,
    /// Red and blue as they differ from luminance.
    RedDifference,
    BlueDifference,
    /// The first and the third coordinate of a vector. The second is [`Holds::Luminance`], whose name it shares.
    X,
    Z,
    Other,
}

/// A channel's name in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelName {
    /// What stands before the last part; empty if there is nothing.
    pub(super) layer: String,
    pub(super) holds: Holds,
}

impl ChannelName {
    pub(super) fn of(name: &str) -> Self {
        if let Some((layer, last)) = name.rsplit_once('.') {
            return Self::new(layer, holds(last));
        }
        if holds(name) != Holds::Other {
            return Self::new("", holds(name));
        }
        if let Some((layer, last)) = name.rsplit_once(['_', ':', '/', '-'])
            && matches!(holds(last), Holds::Red | Holds::Green | Holds::Blue | Holds::Alpha)
        {
            return Self::new(layer, holds(last));
        }
        // `diffuseR`, but not the three alphas of OpenEXR: `AR`, `AG`, `AB`.
        let (layer, last) = name.split_at(name.len() - name.chars().next_back().map_or(0, char::len_utf8));
        let is_color = matches!(last, "R" | "G" | "B" | "A");
        if is_color && !layer.is_empty() && layer != "A" {
            return Self::new(layer, holds(last));
        }
        Self::new("", Holds::Other)
    }

    fn new(layer: &str, holds: Holds) -> Self {
        Self {
            layer: layer.to_owned(),
            holds,
        }
    }
}

fn holds(name: &str) -> Holds {
    match name.to_ascii_lowercase().as_str() {
        "r" | "red" => Holds::Red,
        "g" | "green" => Holds::Green,
        "b" | "blue" => Holds::Blue,
        "a" | "alpha" => Holds::Alpha,
        "y" | "l" | "lum" | "luminance" | "gray" | "grey" => Holds::Luminance,
        "ry" => Holds::RedDifference,
        "by" => Holds::BlueDifference,
        "x" => Holds::X,
        "z" => Holds::Z,
        _ => Holds::Other,
    }
}

/// How likely a layer is the finished picture: the less, the likelier. `views` are the names of a file's views, of which
/// the first is shown.
pub(super) fn rank(layer: &str, has_alpha: bool, views: &[String]) -> usize {
    let parts: Vec<String> = layer.split(['.', ':', '/', ' ']).map(str::to_ascii_lowercase).collect();
    let is_view = |part: &str| VIEWS.contains(&part) || views.iter().any(|view| view.eq_ignore_ascii_case(part));
    let is_other_view = |part: &String| {
        let is_first = views.first().is_none_or(|view| view.eq_ignore_ascii_case(part));
        is_view(part) && !is_first
    };
    let is_later = parts.iter().any(is_other_view);
    let mut named = parts.iter().filter(|part| !part.is_empty() && !is_view(part)).rev();
    let by_name = match named.next() {
        None => 0,
        Some(last) => {
            let plain: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
            let whole = layer.to_ascii_lowercase();
            match BEAUTY.iter().position(|name| *name == plain) {
                Some(place) => 1 + place,
                None if BEAUTY[..3].iter().any(|name| whole.contains(name)) => 40,
                None if OTHER.iter().any(|name| whole.contains(name)) => 80,
                None if has_alpha => 60,
                None => 70,
            }
        }
    };
    2 * by_name + usize::from(is_later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        use Holds::{Alpha, Blue, BlueDifference, Green, Luminance, Other, Red, RedDifference, Z};
        let cases = [
            ("R", "", Red),
            ("red", "", Red),
            ("Green", "", Green),
            ("C.r", "C", Red),
            ("View.Combined.B", "View.Combined", Blue),
            ("beauty.Alpha", "beauty", Alpha),
            ("beauty_B", "beauty", Blue),
            ("diffuseR", "diffuse", Red),
            ("Y", "", Luminance),
            ("RY", "", RedDifference),
            ("by", "", BlueDifference),
            ("Z", "", Z),
            ("AR", "", Other),
            ("AO", "", Other),
            ("", "", Other),
            ("é", "", Other),
        ];
        for (name, layer, holds) in cases {
            let expected = ChannelName {
                layer: layer.to_owned(),
                holds,
            };
            assert_eq!(ChannelName::of(name), expected, "{name}");
        }
    }

    #[test]
    fn the_finished_picture_comes_first() {
        let in_order = [
            "",
            "ViewLayer.Combined",
            "beauty",
            "rgba",
            "C",
            "my_beauty_pass",
            "hero",
            "AO",
        ];
        let ranks: Vec<usize> = in_order.iter().map(|layer| rank(layer, true, &[])).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        let views = ["right".to_owned(), "left".to_owned()];
        assert!(rank("right", true, &views) < rank("left", true, &views));
        assert!(rank("left", true, &views) < rank("diffuse", true, &views));
        assert!(rank("", true, &views) < rank("left", true, &views));
    }
}
