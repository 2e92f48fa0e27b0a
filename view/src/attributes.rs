//! What the attributes of a buffer say, as far as it is understood: in every spelling that leaves no doubt. What is not
//! understood is named, so that nobody takes a picture for what the attributes meant.

use dcc_mcp_shm::{Attrs, Dtype};
use serde_json::Value;

use crate::text::{self, Quoted};

/// Longest value that a note shows, in bytes.
const MAX_VALUE_BYTES: usize = 40;

/// An attribute, whether a value of it is understood, and what it should be.
type Attribute = (&'static str, fn(&Value) -> bool, &'static str);

/// The attributes that are looked at.
const UNDERSTOOD: [Attribute; 14] = [
    ("width", |value| whole(value).is_some(), "a whole number"),
    ("height", |value| whole(value).is_some(), "a whole number"),
    ("channels", |value| channels(value).is_some(), "1 to 4"),
    (
        "dtype",
        |value| dtype(value).is_some(),
        "an element type such as \"|u1\" or \"<f4\"",
    ),
    ("firstRow", |value| is_bottom(value).is_some(), "\"top\" or \"bottom\""),
    ("premultipliedAlpha", |value| truth(value).is_some(), "true or false"),
    ("colorSpace", Value::is_string, "a name"),
    ("upAxis", |value| axis(value).is_some(), "\"Y\" or \"Z\""),
    ("metersPerUnit", |value| unit(value).is_some(), "a number above 0"),
    ("timeCodesPerSecond", |value| real(value).is_some(), "a number"),
    ("startTimeCode", |value| real(value).is_some(), "a number"),
    ("endTimeCode", |value| real(value).is_some(), "a number"),
    ("timeCodeStep", |value| real(value).is_some(), "a number"),
    ("timeCodes", |value| reals(value).is_some(), "a list of numbers"),
];

/// Which axis of the scene points up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpAxis {
    Y,
    Z,
}

/// Names that programs have for attributes of USD.
const SYNONYMS: [(&str, &[&str]); 5] = [
    ("startTimeCode", &["frameStart", "startFrame", "firstFrame"]),
    ("endTimeCode", &["frameEnd", "endFrame", "lastFrame"]),
    ("timeCodeStep", &["frameStep"]),
    ("timeCodes", &["frameNumbers", "timeSamples"]),
    ("timeCodesPerSecond", &["fps", "frameRate", "framesPerSecond"]),
];

impl UpAxis {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Y => "Y",
            Self::Z => "Z",
        }
    }
}

/// An attribute by its name, or else by another name for the same.
fn find<'a>(attrs: &'a Attrs, name: &str) -> Option<&'a Value> {
    let synonyms = || SYNONYMS.iter().find(|(known, _)| *known == name);
    spelled(attrs, name).or_else(|| {
        let (_, others) = synonyms()?;
        others.iter().find_map(|other| spelled(attrs, other))
    })
}

/// An attribute by its name, or by another spelling of it such as `first_row` if only one attribute has that.
fn spelled<'a>(attrs: &'a Attrs, name: &str) -> Option<&'a Value> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    attrs.get(name).or_else(|| {
        let wanted = plain(name);
        let mut spelled = attrs.iter().filter(|(other, _)| plain(other) == wanted);
        match (spelled.next(), spelled.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    })
}

/// A text attribute.
pub(crate) fn string<'a>(attrs: &'a Attrs, name: &str) -> Option<&'a str> {
    find(attrs, name).and_then(Value::as_str)
}

/// A number, such as a time code.
pub(crate) fn number(attrs: &Attrs, name: &str) -> Option<f64> {
    find(attrs, name).and_then(real)
}

/// A list of numbers, such as the time codes of all frames.
pub(crate) fn numbers(attrs: &Attrs, name: &str) -> Option<Vec<f64>> {
    find(attrs, name).and_then(reals)
}

/// How many metres a unit of the scene is, if that is said.
pub(crate) fn meters_per_unit(attrs: &Attrs) -> Option<f64> {
    find(attrs, "metersPerUnit").and_then(unit)
}

/// Which axis is up, if that is said.
pub(crate) fn up_axis(attrs: &Attrs) -> Result<UpAxis, bool> {
    match find(attrs, "upAxis") {
        Some(value) => axis(value).ok_or(true),
        None => Err(false),
    }
}

/// Whether the first row of an image is its lowest one.
pub(crate) fn is_bottom_first(attrs: &Attrs) -> bool {
    find(attrs, "firstRow").and_then(is_bottom) == Some(true)
}

/// Whether colours are multiplied by alpha, if that is said.
pub(crate) fn is_premultiplied(attrs: &Attrs) -> Option<bool> {
    find(attrs, "premultipliedAlpha").and_then(truth)
}

/// The element type and the shape of the frame that `width`, `height`, `channels` (4 if absent) and `dtype` (`|u1` if
/// absent) describe.
pub(crate) fn frame(attrs: &Attrs) -> Option<(Dtype, Vec<u64>)> {
    let edge = |name| find(attrs, name).and_then(whole);
    let channels = find(attrs, "channels").map_or(Some(4), channels)?;
    let dtype = find(attrs, "dtype").map_or(Some(Dtype::BYTE), dtype)?;
    Some((dtype, vec![edge("height")?, edge("width")?, channels]))
}

/// For each attribute that is not understood, a sentence without its full stop.
pub(crate) fn notes(attrs: &Attrs) -> Vec<String> {
    let not_understood = UNDERSTOOD.iter().filter_map(|(name, is_understood, meaning)| {
        let value = find(attrs, name).filter(|value| !is_understood(value))?;
        let value = match value {
            Value::String(text) => Quoted(text).to_string(),
            other => text::bounded(&other.to_string(), MAX_VALUE_BYTES),
        };
        Some(format!(
            "The attribute {name} was not understood: it is {value}, and should be {meaning}"
        ))
    });
    not_understood.collect()
}

/// A number, or a text that is one.
fn real(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

fn reals(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(real).collect()
}

fn unit(value: &Value) -> Option<f64> {
    real(value).filter(|unit| *unit > 0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number below 2^53"
)]
fn whole(value: &Value) -> Option<u64> {
    let exact = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64(),
    };
    let rounded = || real(value).filter(|number| number.fract() == 0.0 && (0.0..9e15).contains(number));
    exact.or_else(|| rounded().map(|number| number as u64))
}

/// A number of channels, or their letters.
fn channels(value: &Value) -> Option<u64> {
    let letters = value
        .as_str()
        .and_then(|text| match text.trim().to_ascii_lowercase().as_str() {
            "y" | "l" | "gray" | "grey" | "greyscale" | "grayscale" => Some(1),
            "ya" | "la" => Some(2),
            "rgb" => Some(3),
            "rgba" => Some(4),
            _ => None,
        });
    letters.or_else(|| whole(value)).filter(|count| (1..=4).contains(count))
}

/// An element type by NumPy's type string, or by the name that a language or library has for it.
fn dtype(value: &Value) -> Option<Dtype> {
    let text = value.as_str()?.trim();
    let short = |text: &str| text.parse().ok();
    short(text).or_else(|| {
        let text = text.trim_start_matches("<class '").trim_end_matches("'>");
        let name = text.rsplit('.').next().unwrap_or(text).to_ascii_lowercase();
        let name = match name.trim_end_matches("_t") {
            "byte" | "uchar" | "ubyte" | "uint8" => "u1",
            "half" | "float16" | "f16" => "f2",
            "float" | "single" | "float32" | "f32" => "f4",
            "double" | "float64" | "f64" => "f8",
            "ushort" | "uint16" => "u2",
            "uint" | "uint32" => "u4",
            "uint64" => "u8",
            "int8" => "i1",
            "short" | "int16" => "i2",
            "int" | "int32" => "i4",
            "int64" => "i8",
            "bool" => "b1",
            _ => return None,
        };
        short(name)
    })
}

fn is_bottom(value: &Value) -> Option<bool> {
    let text = value.as_str()?.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match (has(&["bottom", "lower"]), has(&["top", "upper"])) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "premultiplied" | "associated" => Some(true),
            "false" | "no" | "0" | "straight" | "unassociated" => Some(false),
            _ => None,
        },
        value => match value.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
    }
}

fn axis(value: &Value) -> Option<UpAxis> {
    let text = value.as_str()?.to_ascii_lowercase();
    let letters: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !"+_-".contains(*c))
        .collect();
    // A minus is no plus: what points down is not understood.
    match letters
        .trim_end_matches("axis")
        .trim_end_matches("up")
        .trim_start_matches("up")
    {
        _ if text.trim_start().starts_with('-') => None,
        "y" => Some(UpAxis::Y),
        "z" => Some(UpAxis::Z),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attrs(value: Value) -> Attrs {
        serde_json::from_value(value).expect("an object")
    }

    #[test]
    fn frames_are_understood_in_every_spelling() {
        let expected = ("<f4".parse().expect("a type"), vec![64, 128, 3]);
        for spelled in [
            json!({"width": 128, "height": 64, "channels": 3, "dtype": "<f4"}),
            json!({"width": 128.0, "height": 64.0, "channels": 3.0, "dtype": "float32"}),
            json!({"width": "128", "height": "64", "channels": "RGB", "dtype": "f4"}),
            json!({"Width": 128, "HEIGHT": 64, "channels": "3", "dtype": "np.float32"}),
            json!({"width": 128, "height": 64, "channels": "rgb", "dtype": "<class 'numpy.float32'>"}),
            json!({"width": 128, "height": 64, "channels": 3, "dtype": "torch.float32"}),
        ] {
            let attrs = attrs(spelled.clone());
            assert_eq!(frame(&attrs), Some(expected.clone()), "{spelled}");
            assert!(notes(&attrs).is_empty(), "{spelled}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (name, value) in [
            ("width", json!("wide")),
            ("width", json!(12.5)),
            ("height", json!(-3)),
            ("channels", json!(5)),
            ("channels", json!("cmyk")),
            ("dtype", json!("float80")),
            ("dtype", json!(4)),
            ("firstRow", json!("sideways")),
            ("firstRow", json!(0)),
            ("premultipliedAlpha", json!("maybe")),
            ("colorSpace", json!(709)),
            ("upAxis", json!("X")),
            ("upAxis", json!("-Z")),
            ("metersPerUnit", json!(0)),
            ("metersPerUnit", json!("cm")),
            ("startTimeCode", json!("one")),
            ("timeCodesPerSecond", json!(null)),
            ("timeCodes", json!(["one"])),
        ] {
            let attrs = attrs(json!({ name: value }));
            let notes = notes(&attrs);
            assert!(notes.len() == 1 && notes[0].contains(name), "{name} {value}: {notes:?}");
        }
    }

    #[test]
    fn rows_axes_and_truth_are_understood() {
        for (spelled, bottom) in [
            ("bottom", true),
            ("Bottom-Left", true),
            ("lower_left", true),
            ("top", false),
            ("UPPER", false),
        ] {
            let attrs = attrs(json!({ "first_row": spelled }));
            assert_eq!(is_bottom_first(&attrs), bottom, "{spelled}");
            assert!(notes(&attrs).is_empty());
        }
        for (spelled, expected) in [
            ("Z", UpAxis::Z),
            ("z-up", UpAxis::Z),
            ("Z_UP", UpAxis::Z),
            ("+Y", UpAxis::Y),
            (" y ", UpAxis::Y),
            ("upZ", UpAxis::Z),
        ] {
            assert_eq!(up_axis(&attrs(json!({ "upAxis": spelled }))), Ok(expected), "{spelled}");
        }
        for (value, expected) in [
            (json!(true), true),
            (json!("no"), false),
            (json!(1), true),
            (json!(0.0), false),
        ] {
            assert_eq!(
                is_premultiplied(&attrs(json!({ "premultipliedAlpha": value }))),
                Some(expected)
            );
        }
        assert_eq!(
            number(&attrs(json!({"startTimeCode": "101"})), "startTimeCode"),
            Some(101.0)
        );
        assert_eq!(meters_per_unit(&attrs(json!({"meters_per_unit": "0.01"}))), Some(0.01));
        for name in ["frame_start", "frameStart", "start_frame", "FirstFrame"] {
            assert_eq!(number(&attrs(json!({ name: 1001 })), "startTimeCode"), Some(1001.0));
        }
        let both = attrs(json!({"frame_start": 7, "startTimeCode": 1001}));
        assert_eq!(number(&both, "startTimeCode"), Some(1001.0));
        // Two spellings of one name leave doubt.
        assert!(!is_bottom_first(&attrs(
            json!({"first_row": "bottom", "FirstRow": "top"})
        )));
    }
}
