//! How much memory a JSON text takes as a tree of values, counted before serde_json or rmcp makes that tree: a failed allocation
//! in either of them ends the process.

use std::io;

use dcc_mcp_shm::Error;
use dcc_mcp_shm_view::memory;
use serde::Serialize;

/// Bytes of memory for a mark that begins a value. A list of one number is two marks: it has room for four values of 72 bytes,
/// and in a list that doubles as it grows it takes up to three more. rmcp may hold all of it twice.
const PER_MARK: usize = 512;
/// Bytes of memory for a byte of text: its value, and a copy in a vector that doubles as it grows.
const PER_BYTE: usize = 4;
/// Bytes of memory for all that goes with a message, whatever it says.
const MARGIN: usize = 64 << 10;

/// The bytes and the marks of a JSON text. A mark within a string counts too, which can only ask for more than is needed.
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

    /// The weight of `value` as JSON, which is written nowhere.
    ///
    /// # Errors
    /// `value` cannot be told as JSON.
    pub(crate) fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        let mut weight = Self::default();
        serde_json::to_writer(&mut weight, value)?;
        Ok(weight)
    }

    /// Checks that there is memory for the tree and for the text once more.
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
