//! `describe_buffer`: what is in a buffer, without reading it into the model's context.

use dcc_mcp_shm_view::{Contents, MAX_ARRAYS, look};
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: BufferReference,
    /// Which arrays; default: the first 16.
    #[schemars(length(max = MAX_ARRAYS))]
    arrays: Option<Vec<String>>,
}

#[tool_router(router = describe_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Describe a buffer's data",
        description = include_str!("describe_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Contents>()
    )]
    async fn describe_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let Arguments { buffer, arrays } = arguments::parse(arguments)?;
        if let Some(arrays) = arrays.as_deref().filter(|arrays| arrays.len() > MAX_ARRAYS) {
            let problem = format!("{} names are more than {MAX_ARRAYS}", arrays.len());
            return Err(ToolError::argument("arrays", problem, "Use several calls."));
        }
        let Found { reference, taken } = self.find("buffer", &buffer, &context.ct).await?;
        let limit = self.settings().result_bytes;
        let described = self.read(&context, move |store, work| {
            let contents = look(store, &reference, |reader| {
                Contents::gather(reader, arrays.as_deref(), work)
            })?;
            Reply(contents.within(limit)).into_result()
        });
        Taken::told(taken, described.await)
    }
}
