//! What ends a session besides the end of its input: a signal, a client that reads no more, an output that fails.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::platform::{OutputReader, Terminations, is_output_hung_up, survive_file_size_limit};

/// The end of a session, shared by all that may bring it about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    ended: CancellationToken,
    /// Why the output failed, if not because the client left.
    failure: Arc<OnceLock<(io::ErrorKind, String)>>,
}

impl Ending {
    /// An end that comes with SIGINT, SIGTERM or SIGHUP, or as soon as nobody can read stdout any more. Called on the runtime.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let ending = Self::default();
        ending.follow_signals()?;
        ending.follow_reader();
        survive_file_size_limit()?;
        Ok(ending)
    }

    /// Cancelled when the session is to end: rmcp then answers what is in flight, and returns.
    pub(crate) fn token(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Ends the session because an answer could not be written.
    pub(crate) fn output_failed(&self, error: &io::Error) {
        let is_gone = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
        if !is_gone && !is_output_hung_up() {
            // Only the first is told; the next ones follow from it.
            let _ = self.failure.set((error.kind(), error.to_string()));
        }
        self.ended.cancel();
    }

    /// How the session went, told once it has ended.
    ///
    /// # Errors
    /// The first failure to write an answer. That the client left is no failure.
    pub(crate) fn outcome(&self) -> io::Result<()> {
        let failure = self.failure.get();
        failure.map_or(Ok(()), |(kind, problem)| Err(io::Error::new(*kind, problem.clone())))
    }

    fn follow_signals(&self) -> io::Result<()> {
        let mut terminations = Terminations::new()?;
        let ended = self.ended.clone();
        tokio::spawn(async move {
            terminations.next().await;
            ended.cancel();
        });
        Ok(())
    }

    /// A client may close its reading end and keep the other open, so stdin alone does not tell that it has left.
    fn follow_reader(&self) {
        let Some(reader) = OutputReader::of_stdout() else {
            return;
        };
        let ended = self.ended.clone();
        tokio::spawn(async move {
            if reader.left().await {
                tracing::info!("nobody reads the answers any more");
                ended.cancel();
            }
        });
    }
}
