//! What a tool call answers: a result that is both data and text, or an error that says what to do.

use std::fmt::{self, Display};

use dcc_mcp_shm::Error;
use dcc_mcp_shm_view::text;
use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde::Serialize;

use crate::weight::Weight;

/// Longest statement of what went wrong, in bytes. There is a limit because the statement may quote a file or an
/// argument.
const MAX_FACT_BYTES: usize = 600;

/// A result: structured content from [`Serialize`], text from [`Display`], so that both state the same facts.
#[derive(Debug)]
pub(crate) struct Reply<T>(pub(crate) T);

impl<T: Serialize + Display> Reply<T> {
    /// The result as rmcp sends it.
    pub(crate) fn into_result(self) -> Result<CallToolResult, ToolError> {
        let untold = |error| ToolError::new(format!("The result cannot be told as JSON: {error}"), "Tell the user.");
        // The text says the same as the structured content, so it is about as long.
        Weight::of(&self.0).map_err(untold)?.expect()?;
        let structured = serde_json::to_value(&self.0).map_err(untold)?;
        let text = ContentBlock::text(self.0.to_string());
        let mut result = CallToolResult::success(vec![text]);
        result.structured_content = Some(structured);
        Ok(result)
    }
}

impl<T: Serialize + Display> IntoCallToolResult for Reply<T> {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        self.into_result().into_call_tool_result()
    }
}

/// A failed call, in words for the model: what happened, then what to do next.
///
/// It becomes a result with `isError`, because clients hide protocol errors from the model.
#[derive(Debug)]
pub(crate) struct ToolError(String);

impl ToolError {
    /// `fact` is a sentence without its full stop, `advice` a whole one.
    pub(crate) fn new(fact: impl Display, advice: impl Display) -> Self {
        let fact = text::bounded(&fact.to_string(), MAX_FACT_BYTES);
        let stop = if fact.ends_with('?') { "" } else { "." };
        Self(format!("{fact}{stop} {advice}"))
    }

    /// The value of one argument cannot be used.
    pub(crate) fn argument(field: &str, problem: impl Display, advice: impl Display) -> Self {
        Self::new(format!("Bad argument `{field}`: {problem}"), advice)
    }

    /// The same behind another fact.
    pub(crate) fn after(self, fact: impl Display) -> Self {
        Self(format!("{fact}. {}", self.0))
    }

    /// The argument `buffer` means a pool.
    pub(crate) fn pool() -> Self {
        Self::argument("buffer", "it is a pool", "Call pool_status with it as `pool`.")
    }

    /// The client no longer wants the answer.
    pub(crate) fn cancelled() -> Self {
        Self::new(
            "The call was cancelled",
            "Call the tool again if its result is still needed.",
        )
    }

    /// The store itself cannot be opened, whatever the call wanted from it.
    pub(crate) fn no_store(error: &Error) -> Self {
        Self::new(
            format!("The store of shared buffers cannot be opened: {error}"),
            "Tell the user; once it is repaired, call the tool again. The server's option --store or its environment \
             variable DCC_MCP_SHM_DIR says which directory it is.",
        )
    }
}

impl IntoCallToolResult for ToolError {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::error(vec![ContentBlock::text(self.0)]).into())
    }
}

impl Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ToolError> for ErrorData {
    /// For requests whose answer is not the result of a tool.
    fn from(error: ToolError) -> Self {
        Self::invalid_params(error.0, None)
    }
}
