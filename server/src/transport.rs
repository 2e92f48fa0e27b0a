//! The transport between a client and rmcp: JSON-RPC messages, one a line, bounded both ways. A line that is not a
//! message gets an answer too.
//!
//! rmcp's own transport ignores lines that are not JSON or are too long, so their sender waits for ever. That transport
//! also reads on while nobody reads its answers, and cannot end before they are read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use dcc_mcp_shm::Error;
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, GetMeta as _, JsonRpcRequest, ProtocolVersion, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::coop;

use crate::ending::Ending;
use crate::incoming::{no_memory, parse, refusal};
use crate::outgoing;

/// Longest line that is read. The longest useful line carries 1 MiB of text, and JSON may escape each byte as six.
const MAX_LINE: usize = 8 << 20;
/// Most messages that may wait to be written. While that many wait, no more requests are read.
const MAX_UNSENT: usize = 64;

pub(crate) struct Lines<R, W> {
    input: BufReader<R>,
    /// The part of the next line that has come. It is kept here so that it outlives a `receive` that is dropped
    /// halfway.
    line: Vec<u8>,
    /// Why this line cannot be kept, if so. The rest of it is read and forgotten.
    dropped: Option<String>,
    /// Whether a request that begins a session has come. A notification before that is not passed on, because rmcp ends
    /// when it gets one.
    begun: bool,
    /// An error answer of this transport itself that is being written.
    refusal: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
    output: Arc<Mutex<W>>,
    unsent: Arc<Semaphore>,
    ending: Ending,
}

enum Line {
    Whole,
    /// The line could not be kept, for this reason.
    Dropped(String),
    End,
}

impl<R: AsyncRead + Unpin, W> Lines<R, W> {
    /// `ending` is told when an answer cannot be written, because rmcp itself would go on.
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

    /// Reads to the end of a line. After [`Line::Whole`] the line is in `self.line`. An unfinished line at the end of
    /// the input is ignored.
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
            // Input that never pauses, as of a file, would leave no turn to the signals that end the session.
            coop::consume_budget().await;
        }
    }

    /// Whether rmcp takes this message now: any request, and anything else once a session has begun.
    fn is_expected(&mut self, message: &ClientJsonRpcMessage) -> bool {
        if let ClientJsonRpcMessage::Request(request) = message {
            self.begun |= begins(request);
            return true;
        }
        self.begun
    }
}

/// Whether rmcp begins to serve with this request: `initialize`, or a request of a protocol version without sessions.
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

    /// The returned future may be dropped at any `await`. The next call then goes on from there, so nothing is lost.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(sending) = &mut self.refusal {
                let sent = sending.await;
                self.refusal = None;
                sent.ok()?;
            }
            // The semaphore is fair, so this waits until the messages that already wait for a permit have one.
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

    /// Does nothing, because rmcp has already waited for the last answers, and the end of the process closes the
    /// output.
    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}
