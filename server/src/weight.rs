//! How much memory a JSON text takes as a tree of values. This is counted before serde_json or rmcp makes the tree,
//! because a failed allocation in either of them ends the process.

use std::io;

use dcc_mcp_shm::Error;
use dcc_mcp_shm_view::memory;
use serde::Serialize;

/// Bytes of memory for a mark that begins a value. The costliest value is a list of one number within another list,
/// which has two marks. The inner list has room for four values of 72 bytes, and takes the room of up to three more in
/// the outer list, which doubles as it grows. rmcp may hold all of this twice.
const PER_MARK: usize = 512;
/// Bytes of memory for a byte of text: one in its value, and up to three in a copy, a vector that doubles as it grows.
const PER_BYTE: usize = 4;
/// Bytes of memory that any message takes, whatever it says.
const MARGIN: usize = 64 << 10;

/// The bytes and the marks of a JSON text. A mark within a string counts too, so the memory may be overestimated, but
/// never underestimated for that reason.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    bytes: usize,
    marks: usize,
}

impl Weight {
    pub(crate) fn of_text(json: &[u8]) -> Self {
        let mut weight = Self::default();
        weight.add(json);
        weight
    }

    /// The weight of `value` as JSON. The JSON text itself is not kept.
    ///
    /// # Errors
    /// `value` cannot be written as JSON.
    pub(crate) fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        let mut weight = Self::default();
        serde_json::to_writer(&mut weight, value)?;
        Ok(weight)
    }

    /// Checks that there is memory for the tree and for a copy of the text.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn expect(&self) -> Result<(), Error> {
        let tree = self.marks.saturating_mul(PER_MARK);
        let text = self.bytes.saturating_mul(PER_BYTE);
        memory::expect(tree.saturating_add(text).saturating_add(MARGIN))
    }

    fn add(&mut self, json: &[u8]) {
        self.bytes += json.len();
        self.marks += json
            .iter()
            .filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{'))
            .count();
    }
}

impl io::Write for Weight {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        self.add(json);
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
