//! Text from outside that other programs, people and models will read: names, groups and attributes.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Longest name of a buffer, group, array or program, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Largest attributes, in bytes of JSON.
pub const MAX_ATTRS_BYTES: usize = 4096;
/// Most elements of a list among the attributes; a 4 × 4 matrix has 16.
pub(crate) const MAX_ATTR_LIST: usize = 64;

/// Free-form facts about a buffer, such as `upAxis` or `metersPerUnit`.
pub type Attrs = Map<String, Value>;

/// Checks a name: 1 to 255 bytes without control characters. Anything else is allowed, as a name is never part of a path.
pub(crate) fn check_name(argument: &'static str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::invalid(
            argument,
            format!("has {} bytes; 1 to {MAX_NAME_BYTES} are possible", name.len()),
        ));
    }
    if let Some(control) = name.chars().find(|c| c.is_control()) {
        return Err(Error::invalid(
            argument,
            format!("contains the control character U+{:04X}", u32::from(control)),
        ));
    }
    Ok(())
}

/// Checks the name of something new. Older programs gave names that texts can never mean, because a text that begins with a
/// brace is a descriptor, and one that is a UUID is an id; so this is no rule for readers.
pub(crate) fn check_new_name(name: &str) -> Result<()> {
    check_name("name", name)?;
    let taken_for = if Uuid::parse_str(name).is_ok() {
        "an id, because it is a UUID"
    } else if name.trim_start().starts_with('{') {
        "a descriptor, because it begins with a brace"
    } else {
        return Ok(());
    };
    Err(Error::invalid(
        "name",
        format!("{name:?} could never be opened: as a text it is taken for {taken_for}; choose another"),
    ))
}

/// Checks a text that may also be empty, such as the program that writes.
pub(crate) fn check_label(argument: &'static str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    check_name(argument, text)
}

/// Checks attributes: scalars, texts and short lists of them, at most 4 KiB in all.
pub(crate) fn check_attrs(attrs: &Attrs) -> Result<()> {
    for (key, value) in attrs {
        check_name("attrs", key)?;
        match value {
            Value::Array(items) if items.len() > MAX_ATTR_LIST => {
                return Err(Error::invalid(
                    "attrs",
                    format!(
                        "{key:?} is a list of {}; {MAX_ATTR_LIST} elements are possible, more belongs into an array",
                        items.len()
                    ),
                ));
            }
            Value::Array(items) => items.iter().try_for_each(|item| check_scalar(key, item))?,
            other => check_scalar(key, other)?,
        }
    }
    // Written down, not copied: this is checked whenever something is opened.
    let bytes = serde_json::to_string(attrs)
        .map_err(|error| Error::invalid("attrs", error.to_string()))?
        .len();
    if bytes > MAX_ATTRS_BYTES {
        return Err(Error::invalid(
            "attrs",
            format!("take {bytes} bytes as JSON; {MAX_ATTRS_BYTES} are possible"),
        ));
    }
    Ok(())
}

fn check_scalar(key: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(text) if text.chars().any(char::is_control) => Err(Error::invalid(
            "attrs",
            format!("the text of {key:?} contains a control character"),
        )),
        Value::Object(_) | Value::Array(_) => Err(Error::invalid(
            "attrs",
            format!(
                "{key:?} is nested; possible are numbers, texts, booleans, null and lists of them (a matrix is 16 numbers, \
                 row after row, the translation last)"
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_may_be_anything_printable() {
        for name in ["set/hero..v2", "日本語", " ", "../../etc/passwd", &"x".repeat(255)] {
            assert!(check_name("name", name).is_ok(), "{name}");
        }
        for name in ["", "a\0b", "a\nb", "\u{1b}[31m", "\u{85}", &"x".repeat(256)] {
            assert!(check_name("name", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_that_no_text_can_mean_are_not_given() {
        for name in [
            "5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10",
            "5A0C7B160B5C4B439A3F3F6A3E3B1F10",
            "{5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10}",
            "urn:uuid:5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10",
            "{",
            "{hero}",
            " {\"id\": 1}",
        ] {
            assert!(check_new_name(name).is_err(), "{name}");
            assert!(
                check_name("name", name).is_ok(),
                "one that is there can be read: {name}"
            );
        }
        for name in [
            "hero",
            "5a0c7b16",
            "hero {1}",
            "[hero]",
            "face",
            "5a0c7b16-0b5c-4b43-9a3f-3f6a3e3b1f10.v2",
        ] {
            assert!(check_new_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn attributes_are_scalars_and_short_lists() {
        let check = |value: Value| match value {
            Value::Object(map) => check_attrs(&map),
            _ => unreachable!("the cases below are objects"),
        };
        assert!(check(json!({"upAxis": "Z", "transform": vec![1.0; 16], "frame": 3})).is_ok());
        assert!(check(json!({"a": {"b": 1}})).is_err());
        assert!(check(json!({"a": [[1]]})).is_err());
        assert!(check(json!({"a": vec![0; 65]})).is_err());
        assert!(check(json!({"a": "\u{1b}]0;x\u{7}"})).is_err());
        assert!(check(json!({"a": "x".repeat(5000)})).is_err());
    }
}
