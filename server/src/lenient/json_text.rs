//! Lists and objects that came as text: JSON, with or without the fence of Markdown, or as Python prints them.

use serde_json::Value;

/// The list or object that is all of a text.
pub(crate) fn json_in(text: &str) -> Option<Value> {
    let text = unfenced(text.trim());
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text).ok().or_else(|| of_python(text))
}

/// The text in a code block that is all of it.
pub(crate) fn unfenced(text: &str) -> &str {
    let inner = || {
        let inner = text.strip_prefix("```")?.strip_suffix("```")?;
        let (language, rest) = inner.split_once('\n').unwrap_or(("", inner));
        language.chars().all(char::is_alphanumeric).then(|| rest.trim())
    };
    inner().unwrap_or(text)
}

/// What Python prints for a list or dict, if nothing in it can be mistaken: no text in it has a quote of either kind, or an escape.
fn of_python(text: &str) -> Option<Value> {
    if text.contains(['"', '\\']) {
        return None;
    }
    let mut json = String::with_capacity(text.len());
    // Every second piece stands between quotes.
    for (number, piece) in text.split('\'').enumerate() {
        if number > 0 {
            json.push('"');
        }
        if number % 2 == 1 {
            json.push_str(piece);
        } else {
            let words = piece.replace("True", "true").replace("False", "false");
            json.push_str(&words.replace("None", "null"));
        }
    }
    serde_json::from_str(&json).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_objects_are_found_in_text() {
        let expected = json!({"upAxis": "Z", "tags": [1, true, null]});
        for text in [
            expected.to_string(),
            format!("\n  {expected}\n"),
            format!("```json\n{expected}\n```"),
            format!("```\n{expected}```"),
            format!("```{expected}```"),
            "{'upAxis': 'Z', 'tags': [1, True, None]}".to_owned(),
        ] {
            assert_eq!(json_in(&text).as_ref(), Some(&expected), "{text}");
        }
    }

    #[test]
    fn other_text_is_none() {
        for text in [
            "",
            "5",
            "\"a\"",
            "cube",
            "{",
            "{'a': 'it''s'}",
            "{'a': \"b\"",
            "{\"a\": 1} and more",
            "[1, 2",
        ] {
            assert_eq!(json_in(text), None, "{text}");
        }
    }
}
