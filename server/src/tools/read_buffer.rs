//! `read_buffer`: a window of the data itself.

use dcc_mcp_shm_view::{Format, Window, WindowRequest, look};
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::state::ShmServer;

/// Size of a window in bytes of output, if no `count` is given.
const DEFAULT_WINDOW: usize = 8 << 10;
const MAX_WINDOW: usize = 32 << 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: BufferReference,
    /// Default: the first for rows, all data for bytes.
    array: Option<String>,
    /// Default: rows if there are arrays, text if it is UTF-8, else hex.
    format: Option<Format>,
    /// First row or byte; default 0.
    start: Option<u64>,
    /// Most rows or bytes; fewer if they do not fit.
    #[schemars(range(min = 1))]
    count: Option<u64>,
}

impl Arguments {
    fn window(self, result_bytes: usize) -> Result<WindowRequest, ToolError> {
        if self.count == Some(0) {
            let advice = "Leave it out for as many as fit 8 KB.";
            return Err(ToolError::argument("count", "0 is not 1 or more", advice));
        }
        let limit = self.count.map_or(DEFAULT_WINDOW, |_| MAX_WINDOW).min(result_bytes);
        Ok(WindowRequest {
            array: self.array,
            format: self.format,
            start: self.start.unwrap_or_default(),
            count: self.count.unwrap_or(u64::MAX),
            limit,
        })
    }
}

#[tool_router(router = read_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Read a window of a buffer",
        description = include_str!("read_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Window>()
    )]
    async fn read_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        let buffer = arguments.buffer.clone();
        let request = arguments.window(self.settings().result_bytes)?;
        let Found { reference, taken } = self.find("buffer", &buffer, &context.ct).await?;
        // Reading any part of a compressed scene decompresses whole chunks of it.
        let read = self.read(&context, move |store, _| {
            let window = look(store, &reference, |reader| Window::of(reader, &request))?;
            Reply(window).into_result()
        });
        Taken::told(taken, read.await)
    }
}
