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
    ClientJsonRpcMessage, ClientRequest, ErrorData, GetMeta as _, JsonRpcRequest, ProtocolVersion, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex, Semaphore};

use crate::ending::Ending;
use crate::incoming::{no_memory, parse, refusal};
use crate::outgoing;

/// Longest line that is read. The longest of use carries 1 MiB of text, each byte of which JSON may escape in six.
const MAX_LINE: usize = 8 << 20;
/// Answers that may wait to be written before no more requests are read.
const MAX_UNSENT: usize = 64;

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
