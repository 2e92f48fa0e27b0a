//! A window of a buffer's data, small enough for a model's context, and where to go on.

mod bytes;
mod rows;

use std::fmt::{self, Display, Write as _};

use dcc_mcp_shm::DataReader;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::LookError;
use crate::look::array;
use crate::text::{self, Quoted};

/// How a window shows data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Numbers of an array.
    Rows,
    /// UTF-8.
    Text,
    /// Hexadecimal digits.
    Hex,
    /// With the standard alphabet, padded.
    Base64,
}

/// What part of the data is asked for.
#[derive(Debug, Clone)]
pub struct WindowRequest {
    /// The array, by its name or by the escaped spelling that is shown of it. Without it, the first array for rows, and
    /// all of the data for bytes.
    pub array: Option<String>,
    /// How the data is to be shown; without it, rows if there are arrays, text if the bytes are text, and else hex.
    pub format: Option<Format>,
    /// First row or byte.
    pub start: u64,
    /// Most rows or bytes.
    pub count: u64,
    /// Most bytes of output.
    pub limit: usize,
}

impl WindowRequest {
    /// How many rows or bytes there are from `start` on, of `total`.
    fn left(&self, total: u64, unit: &'static str) -> Result<u64, LookError> {
        total.checked_sub(self.start).ok_or(LookError::BehindTheEnd {
            start: self.start,
            total,
            unit,
        })
    }
}

/// Rows or bytes of the data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Window {
    #[serde(skip_serializing_if = "Option::is_none")]
    array: Option<String>,
    #[schemars(with = "String")]
    format: Format,
    start: u64,
    count: u64,
    /// Rows or bytes that follow.
    left: u64,
    /// `start` of what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    /// Numbers or lists. NaN, Infinity and integers beyond 2^53 are strings, complex numbers pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Value>>,
    /// Text, hex or base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl Window {
    /// The part of the data that is asked for.
    ///
    /// # Errors
    /// There is no such array, part or format of it; the data cannot be read.
    pub fn of(reader: &DataReader, request: &WindowRequest) -> Result<Self, LookError> {
        let named = match &request.array {
            Some(name) => Some(array(reader, name)?),
            None => None,
        };
        let as_rows = matches!(request.format, None | Some(Format::Rows));
        match named.or_else(|| reader.arrays().first().filter(|_| as_rows)) {
            Some((name, array)) if as_rows => Self::of_rows(reader, name, array, request),
            Some((name, array)) => {
                let range = array.offset..array.offset + array.size();
                Self::of_bytes(reader, Some(name), range, request)
            }
            None if request.format == Some(Format::Rows) => Err(LookError::NoRows),
            None => Self::of_bytes(reader, None, 0..reader.len(), request),
        }
    }

    /// A window of `count` of `total` rows or bytes. These are still to be put into it.
    fn new(array: Option<&str>, format: Format, start: u64, count: u64, total: u64) -> Self {
        let next = start + count;
        Self {
            array: array.map(ToOwned::to_owned),
            format,
            start,
            count,
            left: total - next,
            next: (next < total).then_some(next),
            rows: None,
            data: None,
        }
    }

    /// The content as a block of the text. The content comes from others, so nothing in it may end the block.
    fn block(&self) -> String {
        match (&self.rows, &self.data) {
            (Some(rows), _) => {
                let separator = if rows.first().is_some_and(Value::is_array) {
                    ",\n"
                } else {
                    ", "
                };
                let mut text = String::new();
                for (index, row) in rows.iter().enumerate() {
                    let before = if index > 0 { separator } else { "" };
                    // Writing to a String cannot fail.
                    let _ = write!(text, "{before}{row}");
                }
                text::fenced(&text)
            }
            (None, Some(data)) => text::fenced(data),
            (None, None) => String::new(),
        }
    }
}

impl Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, count, left, .. } = self;
        let (unit, encoding) = match self.format {
            Format::Rows => ("row", ""),
            Format::Text => ("byte", " as text"),
            Format::Hex => ("byte", " in hex"),
            Format::Base64 => ("byte", " in base64"),
        };
        let of = self
            .array
            .as_ref()
            .map_or_else(String::new, |name| format!(" of array {}", Quoted(name)));
        let what = text::count(usize::try_from(*count).unwrap_or(usize::MAX), unit);
        write!(f, "{what} from {unit} {start} on{of}{encoding}; ")?;
        match self.next {
            Some(next) => write!(f, "{left} follow, from `start` {next} on:")?,
            None => f.write_str("none follow:")?,
        }
        write!(f, "\n{}", self.block())
    }
}
