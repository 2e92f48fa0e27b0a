//! Waiting for the next write to a buffer, without polling: every writer wakes the waiters that sleep on the sequence word.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::SharedBuffer;
use crate::error::{Error, Result};
use crate::format::AT_SEQUENCE;
use crate::sys::{self, Deadline};

impl SharedBuffer {
    /// Waits for a complete write that is not the one of the sequence `after`, and gives its sequence; nothing if none
    /// came in time. Several that came meanwhile are one: it is the newest that is read.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedBuffer};
    /// # use std::time::Duration;
    /// let buffer = SharedBuffer::create(&store, 1024, &BufferOptions::default())?;
    /// let seen = buffer.sequence()?;
    /// assert_eq!(buffer.wait(seen, Duration::from_millis(1))?, None);
    /// buffer.write(b"frame 1")?;
    /// assert_eq!(buffer.wait(seen, Duration::MAX)?, Some(buffer.sequence()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`] when the buffer is deleted and nothing new is in it; [`Error::Stale`] when a slot was given to
    /// somebody else.
    pub fn wait(&self, after: u64, timeout: Duration) -> Result<Option<u64>> {
        self.wait_while(after, timeout, || true)
    }

    /// The same for programs that have to look after something else meanwhile: `go_on` is asked every few milliseconds,
    /// and the wait ends, with nothing, when it says no.
    ///
    /// # Errors
    /// As [`SharedBuffer::wait`].
    pub fn wait_while(&self, after: u64, timeout: Duration, mut go_on: impl FnMut() -> bool) -> Result<Option<u64>> {
        let segment = &self.file.segment;
        let deadline = Deadline::after(timeout);
        loop {
            let word = segment.shared()?.word(AT_SEQUENCE);
            let found = word.load(Ordering::Acquire);
            self.check_current()?;
            if found % 2 == 0 && found != after {
                return Ok(Some(found));
            }
            let stat = segment.file()?.stat();
            if stat
                .map_err(|error| Error::io("look at", segment.path(), error))?
                .is_deleted()
            {
                return Err(segment.directory().not_found(segment.id()));
            }
            let left = deadline.left();
            if left.is_zero() || !go_on() {
                return Ok(None);
            }
            sys::sleep_on(word, found, left);
        }
    }
}
