//! Writes the messages that leave the server, and escapes hidden characters in them.
//!
//! Each message passes through here, so no tool, prompt or error has to escape anything. Resources do, because their
//! contents are JSON within a text.

use std::borrow::Cow;
use std::io::{self, Write as _};

use dcc_mcp_shm::{Error, is_hidden, unescaped, visible};
use rmcp::model::{ErrorData, JsonRpcResponse, ServerJsonRpcMessage};
use serde_json::{Map, Value};

use crate::weight::Weight;

/// Fields by whose text a client finds its own request. They are not escaped, because the client compares them and no
/// model reads them.
const EXACT: [&str; 2] = ["_meta", "progressToken"];

/// A message as a line. If there is no memory for an answer, the line is an error in its place. If there is none for
/// any other message, the message is left out and the line is empty.
///
/// # Errors
/// The message cannot be written as JSON, or there is no memory even for the error in its place.
pub(crate) fn line(message: &ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    let problem = match escaped(message) {
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => error.to_string(),
        written => return written,
    };
    tracing::warn!(problem, "a message could not be sent");
    match message {
        ServerJsonRpcMessage::Response(JsonRpcResponse { id, .. }) => {
            let problem = format!("The answer cannot be sent: {problem}. Ask for less, or call again later");
            escaped(&ServerJsonRpcMessage::error(
                ErrorData::internal_error(problem, None),
                Some(id.clone()),
            ))
        }
        _ => Ok(Vec::new()),
    }
}

/// A message as a line. Its result, error or parameters are escaped, but not its id, nor the fields in [`EXACT`].
fn escaped(message: &ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    let mut line = Line(Vec::new());
    serde_json::to_writer(&mut line, message)?;
    if may_hide(&line.0) {
        Weight::of_text(&line.0).expect().map_err(no_memory)?;
        let mut value = serde_json::to_value(message)?;
        for part in ["result", "error", "params"] {
            let fields = value.get_mut(part).and_then(Value::as_object_mut);
            for (name, field) in fields.into_iter().flatten() {
                if !EXACT.contains(&name.as_str()) {
                    reveal(field);
                }
            }
        }
        line.0.clear();
        serde_json::to_writer(&mut line, &value)?;
    }
    line.write_all(b"\n")?;
    Ok(line.0)
}

/// A line that is being written. It fails, instead of ending the process, when there is no memory for it to grow.
struct Line(Vec<u8>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = (self.0.len() + bytes.len()) as u64;
        let reserved = self.0.try_reserve(bytes.len());
        reserved.map_err(|_| no_memory(Error::no_memory_for(needed)))?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn no_memory(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, error)
}

/// Whether JSON may have a text that must be escaped. In JSON a control character is written as `\u00..`, and `\u{` in
/// the name of a field as `\\u{`.
fn may_hide(json: &[u8]) -> bool {
    // `fold` does not end early, so the compiled code looks at many bytes at once.
    let is_plain = json
        .iter()
        .fold(true, |plain, byte| plain & (b' '..0x7f).contains(byte));
    let text = String::from_utf8_lossy(json);
    let escapes = text.contains("\\u") && (text.contains("\\u00") || text.contains("\\\\u{"));
    escapes || (!is_plain && text.split('"').any(|part| matches!(visible(part), Cow::Owned(_))))
}

/// Escapes hidden characters in all texts of a value, including the names of its fields.
pub(crate) fn reveal(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(shown) = visible(text) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reveal),
        Value::Object(fields) => {
            if fields
                .keys()
                .any(|name| name.contains(is_hidden) || name.contains("\\u{"))
            {
                let renamed = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, field)| (key(&name), field));
                *fields = renamed.collect::<Map<_, _>>();
            }
            fields.values_mut().for_each(reveal);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The escaped name of a field. If the name looks escaped already, its backslashes are escaped too, because otherwise
/// two names could become one.
fn key(name: &str) -> String {
    if unescaped(name).is_none() {
        return visible(name).into_owned();
    }
    visible(&name.replace("\\u{", "\\u{5c}u{")).into_owned()
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, ContentBlock, NumberOrString, ServerResult};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_id_of_a_request_is_what_it_was_and_the_rest_is_seen() {
        let mut result = CallToolResult::success(vec![ContentBlock::text("a\u{200b}\u{1b}b\n")]);
        result.structured_content = Some(json!({"a\u{feff}": ["\u{e0041}"], r"a\u{feff}": 1, "é頭": 0.1}));
        let id = NumberOrString::String("\u{200b}1".into());
        let message = ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), id);
        let sent: Value = serde_json::from_slice(&line(&message).expect("JSON")).expect("JSON");
        assert_eq!(sent["id"], "\u{200b}1");
        assert_eq!(sent["result"]["content"][0]["text"], "a\\u{200b}\\u{1b}b\n");
        assert_eq!(
            sent["result"]["structuredContent"],
            json!({r"a\u{feff}": [r"\u{e0041}"], r"a\u{5c}u{feff}": 1, "é頭": 0.1})
        );
    }

    #[test]
    fn a_text_that_begins_with_a_mark_is_seen_whatever_else_a_message_has() {
        for other in ["", "\u{200b}"] {
            let texts = ["\u{301}a", other].map(ContentBlock::text);
            let result = ServerResult::CallToolResult(CallToolResult::success(texts.to_vec()));
            let message = ServerJsonRpcMessage::response(result, NumberOrString::Number(1));
            let sent: Value = serde_json::from_slice(&line(&message).expect("JSON")).expect("JSON");
            assert_eq!(sent["result"]["content"][0]["text"], "\\u{301}a");
        }
    }
}
