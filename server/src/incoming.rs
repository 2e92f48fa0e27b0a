//! Reads the message in a line from the client, or says why the line is not a message.

use std::fmt;

use dcc_mcp_shm::Error;
use rmcp::model::{
    CallToolRequest, CallToolRequestMethod, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest,
    ConstString as _, ErrorData, JsonRpcVersion2_0, RequestId, ServerJsonRpcMessage,
};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::half_pair;
use crate::weight::Weight;

/// The methods that this server answers.
const KNOWN_METHODS: [&str; 13] = [
    "completion/complete",
    "initialize",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "tools/call",
    "tools/list",
];
/// Longest id in bytes that is copied when memory is short. A UUID is shorter.
const SHORT_ID: usize = 64;

/// The call of a tool, which nearly all messages are. rmcp would read it as well, but slower, because it tries each
/// kind of message in turn, on copies of the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    #[serde(rename = "jsonrpc")]
    _version: JsonRpcVersion2_0,
    id: RequestId,
    #[serde(rename = "method")]
    _method: CallToolRequestMethod,
    params: CallToolRequestParams,
}

impl From<Call> for ClientJsonRpcMessage {
    fn from(Call { id, mut params, .. }: Call) -> Self {
        let meta = params.meta.take();
        let mut request = CallToolRequest::new(params);
        // rmcp looks for `_meta` in the extensions of a request.
        if let Some(meta) = meta {
            request.extensions.insert(meta);
        }
        Self::request(request.into(), id)
    }
}

/// The message of a line. `None` for an empty line, and for a notification that rmcp cannot read.
pub(crate) fn parse(line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, Box<ServerJsonRpcMessage>> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    if let Err(error) = Weight::of_text(line).expect() {
        return Err(refusal(
            ErrorData::internal_error(no_memory(&error), None),
            short_id(line),
        ));
    }
    if let Ok(call) = serde_json::from_slice::<Call>(line) {
        return Ok(Some(call.into()));
    }
    if let Ok(message) = serde_json::from_slice(line) {
        return expected(message).map(Some);
    }
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => {
            let not_json = || ErrorData::parse_error(format!("The line is not JSON: {error}"), None);
            return Err(of_half_pair(line).unwrap_or_else(|| refusal(not_json(), None)));
        }
    };
    let id = value.get("id");
    // A message with a method and no id is a notification, which has no answer. One that cannot be read is probably of
    // another protocol, sent by mistake.
    if id.is_none() && value.get("method").is_some_and(Value::is_string) {
        return Ok(None);
    }
    let id = id.and_then(|id| RequestId::deserialize(id).ok());
    if let (Some(method), Some(id), true) = (value["method"].as_str(), &id, value["jsonrpc"] == "2.0")
        && KNOWN_METHODS.contains(&method)
    {
        let problem = bad_params(method, &value["params"]);
        return Err(refusal(ErrorData::invalid_params(problem, None), Some(id.clone())));
    }
    let problem = if value.is_array() {
        "The line is an array: send each message in a line of its own"
    } else {
        "The line is no JSON-RPC message: it needs \"jsonrpc\": \"2.0\", a method, and an id that is text or a whole number"
    };
    Err(refusal(ErrorData::invalid_request(problem, None), id))
}

/// The message, unless it is a request of a known method whose parameters rmcp could not read. rmcp takes that for a
/// request of an unknown method.
fn expected(message: ClientJsonRpcMessage) -> Result<ClientJsonRpcMessage, Box<ServerJsonRpcMessage>> {
    if let ClientJsonRpcMessage::Request(request) = &message
        && let ClientRequest::CustomRequest(unread) = &request.request
        && KNOWN_METHODS.contains(&unread.method.as_str())
    {
        let problem = bad_params(&unread.method, unread.params.as_ref().unwrap_or(&Value::Null));
        return Err(refusal(
            ErrorData::invalid_params(problem, None),
            Some(request.id.clone()),
        ));
    }
    Ok(message)
}

/// What is wrong with the parameters of a known method, and what they have to be.
fn bad_params(method: &str, params: &Value) -> String {
    let Some(fields) = params.as_object() else {
        return format!("`params` of {method} is {}, and has to be an object", kind(params));
    };
    if method != CallToolRequestMethod::VALUE {
        return format!("`params` of {method} lacks a field, or has one of a wrong type");
    }
    match (fields.get("name"), fields.get("arguments")) {
        (None, _) => "`params` has no `name`: give the name of a tool, as tools/list has it".to_owned(),
        (Some(name), _) if !name.is_string() => {
            format!("`name` is {}, and has to be the name of a tool as text", kind(name))
        }
        (_, Some(arguments)) if !arguments.is_object() => format!(
            "`arguments` is {}, and has to be an object with a field for each argument, such as {{\"buffer\": \"hero\"}}: \
             send the object itself, not a text or a list",
            kind(arguments)
        ),
        _ => "`params` has a field of a wrong type beside `name` and `arguments`".to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "missing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The answer to a request in which a string has half of a surrogate pair. That is JSON, but no text, so serde_json
/// does not read it.
fn of_half_pair(line: &[u8]) -> Option<Box<ServerJsonRpcMessage>> {
    let value: Value = serde_json::from_slice(&half_pair::replaced(line)?).ok()?;
    let id = RequestId::deserialize(value.get("id")?).ok()?;
    // An id with half a pair could not be sent back.
    let is_whole = !matches!(&id, RequestId::String(text) if text.contains(char::REPLACEMENT_CHARACTER));
    let problem = "A string has half of a surrogate pair, such as \\ud83d alone, which is no character: send both halves, \
                   or leave it out";
    is_whole.then(|| refusal(ErrorData::invalid_params(problem, None), Some(id)))
}

/// The id of a message for which there is no memory, if that id is short.
fn short_id(line: &[u8]) -> Option<RequestId> {
    match serde_json::from_slice::<Addressed<'_>>(line).ok()?.id {
        Id::Number(number) => Some(RequestId::Number(number)),
        Id::Text(text) => (text.len() <= SHORT_ID).then(|| RequestId::String(text.into())),
    }
}

/// A message of which only the id is read. An id without escapes is not copied.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    id: Id<'a>,
}

enum Id<'a> {
    Number(i64),
    Text(&'a str),
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    /// Nothing is kept of an id that is of another type, or a text with escapes, because that may take much memory.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl<'de> Visitor<'de> for IdVisitor {
            type Value = Id<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a text without escapes")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id<'de>, E> {
                Ok(Id::Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id<'de>, E> {
                i64::try_from(number).map(Id::Number).map_err(E::custom)
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Id<'de>, E> {
                Ok(Id::Text(text))
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

pub(crate) fn no_memory(error: &Error) -> String {
    format!("The message cannot be taken: {error}. Share large data by a buffer, or send it again later")
}

pub(crate) fn refusal(error: ErrorData, id: Option<RequestId>) -> Box<ServerJsonRpcMessage> {
    Box::new(ServerJsonRpcMessage::error(error, id))
}

#[cfg(test)]
mod tests {
    use rmcp::model::GetMeta as _;
    use serde_json::json;

    use super::*;

    fn call(id: &Value, params: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
    }

    #[test]
    fn a_call_is_read_as_rmcp_reads_it() {
        let params = [
            json!({"name": "list_buffers"}),
            json!({"name": "list_buffers", "arguments": null, "_meta": null}),
            json!({"name": "list_buffers", "arguments": {"limit": 3, "name": "\u{1f600}\n"}, "more": [1]}),
            json!({"name": "list_buffers", "arguments": {}, "_meta": {"progressToken": "t", "x": {"y": [1.5, -1]}}}),
            json!({"name": "list_buffers", "requestState": "s", "inputResponses": {}}),
        ];
        for id in [json!(0), json!(-7), json!("seven"), json!(1.0)] {
            for params in &params {
                let line = call(&id, params).to_string();
                let read: ClientJsonRpcMessage = serde_json::from_str::<Call>(&line).expect("a call").into();
                let known: ClientJsonRpcMessage = serde_json::from_str(&line).expect("a message");
                assert_eq!(json!(read), json!(known));
                let meta = |message| match message {
                    ClientJsonRpcMessage::Request(request) => request.request.get_meta().clone(),
                    _ => unreachable!("a request"),
                };
                assert_eq!(meta(read), meta(known));
            }
        }
    }

    #[test]
    fn a_short_id_is_found_without_copying_what_else_there_is() {
        let id = |line: &str| short_id(line.as_bytes());
        assert_eq!(id(r#"{"method": "x", "id": 7}"#), Some(RequestId::Number(7)));
        assert_eq!(
            id(r#"{"id": "seven", "params": [1]}"#),
            Some(RequestId::String("seven".into()))
        );
        let long = format!(r#"{{"id": "{}"}}"#, "7".repeat(SHORT_ID + 1));
        for line in [
            r#"{"id": [1, 2]}"#,
            r#"{"id": "\u0037"}"#,
            r#"{"id": 18446744073709551615}"#,
            "{}",
            &long,
        ] {
            assert_eq!(id(line), None, "{line}");
        }
    }

    #[test]
    fn what_rmcp_may_read_otherwise_is_left_to_it() {
        let call = call(&json!(1), &json!({"name": "list_buffers"}));
        let with = |field: &str, value: Value| {
            let mut call = call.clone();
            call[field] = value;
            call.to_string()
        };
        let twice = call.to_string().replacen('{', "{\"id\":2,", 1);
        let lines = [
            with("result", json!({})),
            with("error", json!(null)),
            with("method", json!("tools/list")),
            with("jsonrpc", json!("1.0")),
            with("id", json!(null)),
            with("id", json!(1.5)),
            with("params", json!({"arguments": {}})),
            with("params", json!([])),
            with("extra", json!(1)),
            twice,
            format!("[{call}]"),
        ];
        for line in lines {
            assert!(serde_json::from_str::<Call>(&line).is_err(), "{line}");
        }
    }
}
