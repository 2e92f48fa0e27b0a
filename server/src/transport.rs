//! Messages of JSON-RPC, one a line, between a client and rmcp: bounded both ways, with an answer to what is no message.
//!
//! rmcp's own transport passes over lines that are not JSON or too long, so that their sender waits for ever; it reads
//! on while nobody reads its answers; and it cannot end before they are read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use dcc_mcp_shm::Error;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequest, CallToolRequestMethod, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorData,
    GetMeta as _, JsonRpcRequest, JsonRpcVersion2_0, ProtocolVersion, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex, Semaphore};

use crate::ending::Ending;
use crate::outgoing;
use crate::weight::Weight;

/// Longest line that is read. The longest of use carries 1 MiB of text, each byte of which JSON may escape in six.
const MAX_LINE: usize = 8 << 20;
/// Answers that may wait to be written before no more requests are read.
const MAX_UNSENT: usize = 64;
/// Longest id in bytes that is copied where memory is short: longer than a UUID.
const SHORT_ID: usize = 64;

pub(crate) struct Lines<R, W> {
    input: BufReader<R>,
    /// What has come of the next line. It outlives a `receive` that is given up halfway.
    line: Vec<u8>,
    /// Why the rest of this line is passed over.
    dropped: Option<String>,
    /// Whether rmcp is past the messages that begin a session; it ends at notifications that come before.
    begun: bool,
    /// An answer of this transport's own that is being written.
    refusal: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
    output: Arc<Mutex<W>>,
    unsent: Arc<Semaphore>,
    ending: Ending,
}

enum Line {
    Whole,
    /// It could not be kept, for this reason.
    Dropped(String),
    End,
}

impl<R: AsyncRead + Unpin, W> Lines<R, W> {
    /// `ending` is told when an answer cannot be written: rmcp itself would go on.
    pub(crate) fn new(input: R, output: W, ending: Ending) -> Self {
        Self {
            input: BufReader::new(input),
            line: Vec::new(),
            dropped: None,
            begun: false,
            refusal: None,
            output: Arc::new(Mutex::new(output)),
            unsent: Arc::new(Semaphore::new(MAX_UNSENT)),
            ending,
        }
    }

    /// Reads to the end of a line, which is in `self.line` unless that cannot hold it. Half a line at the end is none.
    async fn read_line(&mut self) -> io::Result<Line> {
        loop {
            let read = self.input.fill_buf().await?;
            if read.is_empty() {
                return Ok(Line::End);
            }
            let newline = read.iter().position(|&byte| byte == b'\n');
            let taken = newline.map_or(read.len(), |at| at + 1);
            if self.dropped.is_none() {
                if self.line.len() + taken > MAX_LINE {
                    let problem = format!("The line is longer than {MAX_LINE} bytes: share large data by a buffer");
                    self.dropped = Some(problem);
                } else if self.line.try_reserve(taken).is_err() {
                    self.dropped = Some(no_memory(&Error::no_memory_for((self.line.len() + taken) as u64)));
                } else {
                    self.line.extend_from_slice(&read[..taken]);
                }
            }
            if self.dropped.is_some() {
                self.line = Vec::new();
            }
            self.input.consume(taken);
            if newline.is_some() {
                return Ok(self.dropped.take().map_or(Line::Whole, Line::Dropped));
            }
        }
    }

    /// Whether rmcp takes this message now.
    fn is_expected(&mut self, message: &ClientJsonRpcMessage) -> bool {
        if let ClientJsonRpcMessage::Request(request) = message {
            self.begun |= begins(request);
            return true;
        }
        self.begun
    }
}

/// Whether rmcp begins a session with this request, or the first that needs none.
fn begins(request: &JsonRpcRequest<ClientRequest>) -> bool {
    match &request.request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        other => {
            let (meta, version) = (other.get_meta(), ProtocolVersion::V_2026_07_28);
            meta.missing_required_keys(&version).is_empty() && meta.protocol_version() == Some(version)
        }
    }
}

/// The call of a tool, which nearly all messages are. It is nothing that rmcp would not read as well; but rmcp tries all
/// that a message may be, one after the other, on copies of it.
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
        // Where rmcp looks for it.
        if let Some(meta) = meta {
            request.extensions.insert(meta);
        }
        Self::request(request.into(), id)
    }
}

/// The message of a line, if it has one that is not to be passed over.
fn parse(line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, Box<ServerJsonRpcMessage>> {
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
        return Ok(Some(message));
    }
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => {
            return Err(refusal(
                ErrorData::parse_error(format!("The line is not JSON: {error}"), None),
                None,
            ));
        }
    };
    let id = value.get("id");
    // Notifications have no answer, and those of other protocols come by mistake.
    if id.is_none() && value.get("method").is_some_and(Value::is_string) {
        return Ok(None);
    }
    let id = id.and_then(|id| RequestId::deserialize(id).ok());
    let problem = if value.is_array() {
        "The line is an array: send each message in a line of its own"
    } else {
        "The line is no JSON-RPC message: it needs \"jsonrpc\": \"2.0\", a method, and an id that is text or a whole number"
    };
    Err(refusal(ErrorData::invalid_request(problem, None), id))
}

/// The id of a message for which there is no memory, if it is short.
fn short_id(line: &[u8]) -> Option<RequestId> {
    match serde_json::from_slice::<Addressed<'_>>(line).ok()?.id {
        Id::Number(number) => Some(RequestId::Number(number)),
        Id::Text(text) => (text.len() <= SHORT_ID).then(|| RequestId::String(text.into())),
    }
}

/// A message of which nothing but the id is read, and nothing is copied.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    id: Id<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id<'a> {
    Number(i64),
    Text(&'a str),
}

fn no_memory(error: &Error) -> String {
    format!("The message cannot be taken: {error}. Share large data by a buffer, or send it again later")
}

fn refusal(error: ErrorData, id: Option<RequestId>) -> Box<ServerJsonRpcMessage> {
    Box::new(ServerJsonRpcMessage::error(error, id))
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (output, unsent, ending) = (self.output.clone(), self.unsent.clone(), self.ending.clone());
        async move {
            let _waits = unsent.acquire_owned().await.map_err(io::Error::other)?;
            let line = outgoing::line(&message)?;
            let mut output = output.lock().await;
            let written = async {
                output.write_all(&line).await?;
                output.flush().await
            };
            written.await.inspect_err(|error| ending.output_failed(error))
        }
    }

    /// May be given up at every `await` and called again: nothing is lost.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(sending) = &mut self.refusal {
                let sent = sending.await;
                self.refusal = None;
                sent.ok()?;
            }
            // Waits in line behind the answers that wait.
            drop(self.unsent.acquire().await.ok()?);
            let refused = match self.read_line().await {
                Ok(Line::Whole) => match parse(&std::mem::take(&mut self.line)) {
                    Ok(Some(message)) if self.is_expected(&message) => return Some(message),
                    Ok(_) => continue,
                    Err(refused) => refused,
                },
                Ok(Line::Dropped(problem)) => refusal(ErrorData::invalid_request(problem, None), None),
                Ok(Line::End) => return None,
                Err(error) => {
                    tracing::error!(%error, "the client's messages cannot be read");
                    return None;
                }
            };
            self.refusal = Some(Box::pin(self.send(*refused)));
        }
    }

    /// Waits for nobody: rmcp has given the last answers their time, and the end of the process closes the output.
    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
