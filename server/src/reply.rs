//! What a tool call answers: a result that is both data and text, or an error that says what to do.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Error, SpaceLimit};
use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde::Serialize;

use crate::text;
use crate::weight::Weight;

/// Longest statement of what went wrong, in bytes: it may quote what a file or an argument said.
const MAX_FACT_BYTES: usize = 600;

/// A result: structured content from [`Serialize`], text from [`Display`], so that both state the same facts.
#[derive(Debug)]
pub(crate) struct Reply<T>(pub(crate) T);

impl<T: Serialize + Display> Reply<T> {
    /// The same as rmcp sends it.
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
        Self(format!("{fact}. {advice}"))
    }

    /// The value of one argument cannot be used.
    pub(crate) fn argument(field: &str, problem: impl Display, advice: impl Display) -> Self {
        Self::new(format!("Bad argument `{field}`: {problem}"), advice)
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

    /// The store itself is out of reach, whatever was asked of it.
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
    /// Where the answer is no result of a tool.
    fn from(error: ToolError) -> Self {
        Self::invalid_params(error.0, None)
    }
}

impl From<Error> for ToolError {
    /// The facts are the store's; the next step depends on who asks, and here that is a model with this server's tools.
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound { reference, store } => Self::new(
                format!("Nothing is shared as {reference:?} in {}", store.display()),
                "It was deleted, it expired, or it was never there. Call list_buffers to see what exists.",
            ),
            Error::Stale { id, expected, found } => Self::new(
                format!(
                    "Slot {id} has been reused: the descriptor is of generation {expected}, the slot is at {found}"
                ),
                "Ask the program that made the descriptor for a new one.",
            ),
            Error::NameTaken { name, holder } => Self::argument(
                "name",
                format!("{name:?} is taken by {holder}"),
                "Choose another name, or set `replace` to delete that buffer and take its name.",
            ),
            Error::InvalidArgument { argument, problem } => {
                Self::argument(argument, problem, "Correct it and call the tool again.")
            }
            Error::StoreFull {
                requested,
                available,
                limit: limit @ SpaceLimit::FileSize,
                ..
            } => Self::new(
                format!("{requested} bytes were asked for, and {available} are possible ({limit})"),
                "Ask for less, or start this server with a higher limit.",
            ),
            Error::StoreFull {
                requested,
                available,
                limit,
                reclaimable,
            } => Self::new(
                format!(
                    "The store is full: {}, and {reclaimable} bytes are in buffers that no program has open",
                    limit.shortage(*requested, *available)
                ),
                "Ask for less, or free memory: list_buffers shows sizes, and delete_buffer frees what is no longer \
                 needed.",
            ),
            Error::InvalidDescriptor { problem } => Self::new(
                format!("Invalid descriptor: {problem}"),
                "Pass the descriptor unchanged, or only its `id`.",
            ),
            Error::Damaged { path, problem } => Self::new(
                format!("{} is damaged: {problem}", path.display()),
                "Its data cannot be used. Ask the program that made it to write it again.",
            ),
            Error::NotSealed { state, .. } => Self::new(
                format!("The scene is still {state}, so there is no data to read"),
                "Call the tool again once the program that fills it has finished.",
            ),
            Error::Changed { .. } => Self::new(
                "The data was rewritten while it was read, twice",
                "Call the tool again when its writer pauses, or ask the writer for a scene, which never changes.",
            ),
            Error::Interrupted { .. } => Self::new(
                "The last writer died while it wrote, so the data is not whole",
                "Ask the program that the buffer belongs to to write again.",
            ),
            Error::WrongRole { found: "pool", .. } => Self::pool(),
            Error::OutOfMemory { action, requested, .. } => Self::new(
                match requested {
                    Some(requested) => format!("There is no memory for {requested} bytes that this call needs"),
                    None => format!("There is no memory to {action} a file of the store"),
                },
                "The server goes on. End what needs memory, or raise the limit of the server's \
                 process (ulimit -v), then call the tool again.",
            ),
            Error::NoSuchArray { .. } => Self::new(
                text::capitalised(&error.to_string()),
                "Choose one of them, or leave the argument out.",
            ),
            Error::Busy { what, waited, holder } => Self::new(
                match holder {
                    Some(holder) => text::capitalised(&format!("{what} was held by {holder} for {waited:?}")),
                    None => format!("Somebody else held {what} for {waited:?}"),
                },
                match holder {
                    Some(holder) if holder.stopped => "Tell the user: that process must go on or end.",
                    _ => "Call the tool again in a moment.",
                },
            ),
            error => Self::new(
                text::capitalised(&error.to_string()),
                "If calling the tool again does not help, tell the user.",
            ),
        }
    }
}
