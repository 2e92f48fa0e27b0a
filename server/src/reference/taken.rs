//! What a reference was taken for that is not exactly the name or the id of anything.

use std::fmt::{self, Display};

use dcc_mcp_shm::Reference;
use dcc_mcp_shm_view::text::Quoted;
use rmcp::model::{CallToolResult, ContentBlock};

use super::given::BufferReference;
use crate::reply::ToolError;

/// A buffer or pool that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) reference: Reference,
    /// Nothing if the reference was exact.
    pub(crate) taken: Option<Taken>,
}

/// What was given, and the name or id of what it was taken for.
#[derive(Debug)]
pub(crate) struct Taken {
    given: String,
    called: String,
}

impl Taken {
    /// Nothing if what is meant is called exactly as it was given. `wanted` is the reference within an object.
    pub(super) fn new(given: &BufferReference, wanted: &str, called: &str) -> Option<Self> {
        let given = match given {
            BufferReference::Text(text) => text,
            BufferReference::Descriptor(_) => wanted,
        };
        (given != called).then(|| Self {
            given: given.to_owned(),
            called: called.to_owned(),
        })
    }

    /// The answer to a call, with a sentence in front that says what the reference was taken for, be it an error or not.
    pub(crate) fn told(
        taken: Option<Self>,
        answered: Result<CallToolResult, ToolError>,
    ) -> Result<CallToolResult, ToolError> {
        let Some(taken) = taken else {
            return answered;
        };
        let mut result = answered.map_err(|error| error.after(&taken))?;
        let texts = result.content.iter_mut().filter_map(|block| match block {
            ContentBlock::Text(text) => Some(&mut text.text),
            _ => None,
        });
        if let Some(text) = texts.into_iter().next() {
            text.insert_str(0, &format!("{taken}.\n"));
        }
        if let Some(fields) = result
            .structured_content
            .as_mut()
            .and_then(|content| content.as_object_mut())
        {
            fields.insert("taken_for".to_owned(), taken.called.into());
        }
        Ok(result)
    }
}

impl Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} taken for {}", Quoted(&self.given), Quoted(&self.called))
    }
}
