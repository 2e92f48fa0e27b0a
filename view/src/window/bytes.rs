//! Bytes as text, in hexadecimal digits or in base64, as many as fit.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dcc_mcp_shm::DataReader;

use super::{Format, Window, WindowRequest};
use crate::error::LookError;
use crate::memory;
use crate::text;

/// Longest UTF-8 sequence of a character.
const CHARACTER: usize = 4;

impl Window {
    /// A window of the bytes in `range`, which is that of an array or of all data. Without a format, text is chosen if
    /// people can read it, else hex.
    pub(super) fn of_bytes(
        reader: &DataReader,
        array: Option<&str>,
        range: Range<u64>,
        wanted: &WindowRequest,
    ) -> Result<Self, LookError> {
        let total = range.end - range.start;
        let left = wanted.left(total, "bytes")?;
        let asked = usize::try_from(wanted.count.min(left)).unwrap_or(usize::MAX);
        let most = match wanted.format {
            // Room for a whole character at least, so that each window leads further.
            None | Some(Format::Text | Format::Rows) => wanted.limit.min(asked).max(CHARACTER),
            Some(Format::Hex) => (wanted.limit / 2).min(asked),
            Some(Format::Base64) => (wanted.limit / 4 * 3).min(asked),
        };
        let mut bytes = memory::filled(most.min(usize::try_from(left).unwrap_or(usize::MAX)), 0)?;
        reader.read_at(range.start + wanted.start, &mut bytes)?;
        let complete = bytes.len() as u64 == left;
        let format = wanted.format.unwrap_or_else(|| suited(&bytes, complete));
        let (skipped, count, data) = match format {
            Format::Text | Format::Rows => {
                let skipped = cut_off(&bytes);
                let start = wanted.start + skipped as u64;
                let text = whole_characters(&bytes[skipped..], start, complete)?;
                let text = text::fitting(text, wanted.limit);
                (skipped, text.len(), text.to_owned())
            }
            Format::Hex => {
                bytes.truncate(wanted.limit / 2);
                (0, bytes.len(), text::hex(&bytes))
            }
            Format::Base64 => (0, bytes.len(), STANDARD.encode(&bytes)),
        };
        let start = wanted.start + skipped as u64;
        let mut window = Self::new(array, format, start, count as u64, total);
        window.data = Some(data);
        Ok(window)
    }
}

fn suited(bytes: &[u8], complete: bool) -> Format {
    match text::readable(&bytes[cut_off(bytes)..], complete) {
        Some(_) => Format::Text,
        None => Format::Hex,
    }
}

/// How many bytes in front can only be the rest of a character.
fn cut_off(bytes: &[u8]) -> usize {
    let is_rest = |byte: &&u8| **byte & 0xc0 == 0x80;
    bytes.iter().take(CHARACTER - 1).take_while(is_rest).count()
}

/// The text that bytes from `start` on are. Where more follows, the last character may be cut off.
fn whole_characters(bytes: &[u8], start: u64, complete: bool) -> Result<&str, LookError> {
    text::utf8(bytes, complete).map_err(|valid| LookError::NotText {
        at: start + valid as u64,
    })
}
